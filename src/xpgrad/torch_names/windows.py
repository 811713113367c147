"""The window functions in PyTorch's older spelling, ``hann_window(n)``: periodic unless told otherwise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..signal import windows


def _older(name: str, *params: str) -> Callable[..., Any]:
    made = getattr(windows, name)

    def window(window_length: int, periodic: bool = True, *args: Any, **options: Any) -> Any:
        return made(window_length, sym=not periodic, **dict(zip(params, args, strict=False)), **options)

    window.__name__ = f"{name}_window"
    window.__doc__ = f"`signal.windows.{name}` of `window_length` points, the last of one more left out if `periodic`."
    return window


METHODS: tuple[Callable[..., Any], ...] = ()
FUNCTIONS: tuple[Callable[..., Any], ...] = (
    _older("hann"), _older("hamming", "alpha", "beta"), _older("blackman"), _older("bartlett"),
    _older("kaiser", "beta"),
)  # fmt: skip
