"""What the tests stand on: the template's snapshot, rendered projects, running services, clients."""
