"""Maintained by `copier update`. The tables of runtime/."""

from sqlalchemy.orm import DeclarativeBase


class RuntimeBase(DeclarativeBase):
    """The base of these tables. Those of `models.py` have another; migrations/env.py knows both."""
