"""Clients that mean harm or know no better, and what becomes of the service and of its other clients."""
