"""Maintained by `copier update`: do not edit. It imports none of the service's own modules."""
