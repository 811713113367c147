"""Whether looking at an array's values is free, or would make someone wait."""

from __future__ import annotations

from typing import Any


def waits(xp: Any, x: Any) -> bool:
    """Whether reading `x` on the host would make a device wait, or stop a compiler."""
    known = xp.backend
    return known.synchronize is not None and (known.compile is not None or known.device_name(x.device) != "cpu")
