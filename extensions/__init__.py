"""The parts of the template that Jinja cannot express. copier loads `context.py`, which imports the rest."""
