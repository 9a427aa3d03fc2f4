"""C-29: what travels with each service is green as emitted and as grown, and red where it is broken."""
