"""What Jinja cannot say, in plain Python. copier loads `context.py`; the rest is imported by it."""
