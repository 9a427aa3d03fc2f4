"""Slipway's: kept current by `copier update`. It imports nothing of the service's own modules."""
