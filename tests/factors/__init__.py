"""The service contract, black box: a module for each of the twelve factors."""
