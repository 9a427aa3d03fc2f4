"""Helpers for the tests: the template's snapshot, rendered projects, running services and clients."""
