"""Tests of the service's contract with its platform, which hold as the service grows.

They start the processes in the Procfile, and use only /livez, /readyz, and routes and a job of
their own (`service.py`), besides the paths in `yours.py`. A failure begins with the line of the
contract that the service broke, such as C-15.
"""
