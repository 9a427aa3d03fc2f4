"""The tests of the template, and of what it emits."""
