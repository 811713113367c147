"""Shapes and counts as PyTorch shows them: `Size`, and an ``x.size`` that is a number and can be called."""

from __future__ import annotations

from typing import Any


class Size(tuple[int, ...]):
    """A shape: a tuple of ints that prints as PyTorch's does.

    Example:
        >>> from xpgrad import Size
        >>> Size((2, 3)), Size((2, 3)).numel()
        (torch.Size([2, 3]), 6)
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return f"torch.Size([{', '.join(map(str, self))}])"

    def numel(self) -> int:
        """The number of elements."""
        count = 1
        for n in self:
            count *= n
        return count

    def __getitem__(self, key: Any) -> Any:
        part = super().__getitem__(key)
        return Size(part) if isinstance(key, slice) else part

    def __add__(self, other: Any) -> Size:
        return Size(tuple(self) + tuple(other))


class Count(int):
    """The number of elements, which PyTorch scripts call: ``x.size == 6``, ``x.size()``, ``x.size(0)``."""

    shape: Size

    def __new__(cls, shape: Size) -> Count:
        made = super().__new__(cls, shape.numel())
        made.shape = shape
        return made

    def __call__(self, dim: int | None = None) -> Any:
        return self.shape if dim is None else self.shape[dim]
