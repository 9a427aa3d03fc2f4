"""The core of the service's contract, black box: what these tests hold stays true as it grows.

They start what the Procfile names, ask /livez, /readyz and routes and a job of their own
(`service.py`), and never yours, but for those that `yours.py` lists. A failure begins with the line
of the contract that was broken, such as C-15.
"""
