"""The launcher: `slipway new` makes a service, without the options that `copier copy` needs for this template.

It is copier with this template's address, which is the only one that it trusts. What the template is and
does stays in `copier.yml`, `extensions/` and `tasks/`.
"""
