"""Slipway's: kept current by `copier update`. It imports none of the service's own modules."""
