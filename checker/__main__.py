"""``python -m cowcheck.checker`` is ``cowcheck``."""

from __future__ import annotations

import sys

from cowcheck.checker.cli import main

if __name__ == "__main__":
    sys.exit(main())
