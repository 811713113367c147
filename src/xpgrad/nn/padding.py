"""Padding layers: one table for every mode and one, two and three axes."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor
from . import functional as F
from .convolution import repeated
from .module import Module


class _Pad(Module):
    """What padding layers have in common."""

    spatial: int
    mode: str

    def __init__(self, padding: Any) -> None:
        super().__init__()
        self.padding = repeated(padding, 2 * self.spatial)

    def forward(self, input: Tensor) -> Tensor:
        """(batch, channels, *spatial); the batch may be absent."""
        return F.pad(input, self.padding, self.mode)

    def extra_repr(self) -> str:
        """The numbers."""
        return f"{self.padding}"


class _ConstantPad(_Pad):
    mode = "constant"

    def __init__(self, padding: Any, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        """Of at least as many axes as are padded."""
        return F.pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        """The numbers and the value."""
        return f"padding={self.padding}, value={self.value}"


class _ZeroPad(_ConstantPad):
    def __init__(self, padding: Any) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        """The numbers."""
        return f"{self.padding}"


def _family(name: str, base: type[_Pad], mode: str, what: str) -> list[Any]:
    """The layers for one, two and three axes."""
    doc = f"""More values around the last {{}}: {what}.

    Args:
        padding: an int, or (before, after) for the last axis, then for the one before it, and so on.
    """
    doc += "    value: what is laid around.\n    " if base is _ConstantPad else ""
    axes = ("axis", "two axes", "three axes")
    return [type(f"{name}{n}d", (base,), {"__doc__": doc.format(axes[n - 1]), "__module__": __name__, "spatial": n,
                                          "mode": mode}) for n in (1, 2, 3)]  # fmt: skip


ConstantPad1d, ConstantPad2d, ConstantPad3d = _family("ConstantPad", _ConstantPad, "constant", "a constant")
ZeroPad1d, ZeroPad2d, ZeroPad3d = _family("ZeroPad", _ZeroPad, "constant", "zeros")
ReflectionPad1d, ReflectionPad2d, ReflectionPad3d = _family(
    "ReflectionPad", _Pad, "reflect", "the input mirrored at its border")  # fmt: skip
ReplicationPad1d, ReplicationPad2d, ReplicationPad3d = _family(
    "ReplicationPad", _Pad, "replicate", "the border's values")  # fmt: skip
CircularPad1d, CircularPad2d, CircularPad3d = _family("CircularPad", _Pad, "circular", "the input's other end")
