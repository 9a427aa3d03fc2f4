"""Yours: what these tests need to know about the service."""

# Headers of every request to the routes of the tests, such as credentials for a middleware.
HEADERS: dict[str, str] = {}

# Paths of yours that the tests request during the drain, too. Each must answer GET with a status
# below 500.
PATHS: tuple[str, ...] = ()
