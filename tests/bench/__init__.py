"""`nox -s bench`: what a service costs beside a bare one, measured by turns in one run."""
