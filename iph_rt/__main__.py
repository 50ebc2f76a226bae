"""``python -m iph_rt`` is the command ``iph-rt``."""

from __future__ import annotations

import sys

from iph_rt.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
