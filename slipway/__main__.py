"""`python -m slipway` is the command `slipway`."""

import sys

from .cli import main

sys.exit(main())
