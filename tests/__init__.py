"""The tests of the template, and of the services that it generates."""
