"""The launcher: `slipway new` runs `copier copy` with the options that this template needs.

It passes copier the address of this template, which is the only one that it trusts. Everything about the
template itself is in `copier.yml`, `extensions/` and `tasks/`.
"""
