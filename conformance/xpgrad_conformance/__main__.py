"""``python -m xpgrad_conformance`` is ``xpgrad conformance``."""

import sys

from xpgrad.cli import main

sys.exit(main(["conformance", *sys.argv[1:]]))
