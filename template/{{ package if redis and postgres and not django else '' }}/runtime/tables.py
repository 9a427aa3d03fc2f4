"""Slipway's: kept current by `copier update`. The tables of runtime/."""

from sqlalchemy.orm import DeclarativeBase


class RuntimeBase(DeclarativeBase):
    """Separate from the tables of `models.py`; migrations/env.py knows both."""
