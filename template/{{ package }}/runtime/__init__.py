"""Kept current by `copier update`: put your own code beside it."""
