"""``python -m xpgrad``: the same program as ``xpgrad``."""

from .cli import main

raise SystemExit(main())
