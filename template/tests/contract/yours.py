"""Yours: what these tests need to know of this service."""

# Sent with each request to the routes of the tests, such as credentials that a middleware wants.
HEADERS: dict[str, str] = {}

# Paths of yours that are asked under load too while `web` drains: each answers GET with less
# than 500.
PATHS: tuple[str, ...] = ()
