"""After which times a test fails. A test waits for what happens, and never only for a time."""

import os

PATIENCE = 90.0  # seconds; what a test waits for should happen much sooner
SLACK = float(os.environ.get("SLACK", "6"))
"""Seconds later than promised that a test accepts.

On a busy machine, a process may not run for seconds, which is no fault of the service. What breaks a promise
takes longer still, because it waits for something that does not come. `nox -s faults` accepts one second.
"""
