"""The least that each framework needs to say hello, and to keep notes through the driver alone."""
