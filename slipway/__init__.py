"""The launcher: `slipway new` is `copier copy` without the options that this template needs.

It is copier with this template's address, which is the only one that it trusts. What the template is and
does stays in `copier.yml`, `extensions/` and `tasks/`.
"""
