"""In-place methods that overwrite a Tensor: with other numbers, or with random ones."""

from __future__ import annotations

from typing import Any

from .. import random
from ..creation import _beside
from ..op import OPS, device_of
from ..tensor import Tensor, apply, make
from ..views import refuse_leaf, write
from .methods import to, to_backend


def overwrite(self: Tensor, name: str, value: Any) -> Tensor:
    """Replace every element by those of `value`, broadcast; what this Tensor was computed from gets no gradient."""
    refuse_leaf(self)
    if not isinstance(value, Tensor):
        xp = self.library.native
        value = make(xp.asarray(value, dtype=self._array.dtype, device=device_of(self._array)))
    elif value.dtype is not self.dtype:
        value = to(value, self.dtype)
    if value.library is not self.library:
        value = to_backend(value, self.library.backend.name)
    return write(self, apply(OPS["overwrite"], (self, value)))


def copy_(self: Tensor, src: Any, non_blocking: bool = False) -> Tensor:
    """Take over the elements of `src`, broadcast and cast, in place."""
    return overwrite(self, "copy_", src)


def fill_(self: Tensor, value: Any) -> Tensor:
    """Set every element to `value`, in place."""
    return overwrite(self, "fill_", value)


def zero_(self: Tensor) -> Tensor:
    """Set every element to 0, in place."""
    return overwrite(self, "zero_", 0)


def _random(self: Tensor, name: str, host: Any) -> Tensor:
    return overwrite(self, name, _beside(self, host, self.dtype))


def _source(generator: Any) -> random.Generator:
    return generator if generator is not None else random.default_generator


def uniform_(self: Tensor, from_: float = 0.0, to: float = 1.0, *, generator: Any = None, **named: float) -> Tensor:
    """Fill with uniform numbers in [from, to), in place."""
    low = named.get("from", named.get("a", from_))
    return _random(self, "uniform_", _source(generator).uniform(tuple(self.shape), self.dtype, low, named.get("b", to)))


def normal_(self: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Any = None) -> Tensor:
    """Fill with normal numbers, in place."""
    return _random(self, "normal_", _source(generator).normal(tuple(self.shape), self.dtype, mean, std))


def bernoulli_(self: Tensor, p: Any = 0.5, *, generator: Any = None) -> Tensor:
    """Fill with 1 with probability `p` (a number or a Tensor), else 0, in place."""
    given = p.numpy_array() if isinstance(p, Tensor) else p
    return _random(self, "bernoulli_", _source(generator).bernoulli(given, tuple(self.shape), self.dtype))


def random_(self: Tensor, from_: int = 0, to: int | None = None, *, generator: Any = None) -> Tensor:
    """Fill with integers in [from, to), or in [0, from) where one bound is given, in place."""
    largest = {"float32": 2**24 + 1, "float64": 2**53 + 1}.get(self.dtype.name, 2 ** (8 * self.dtype.itemsize - 1))
    low, high = (from_, to) if to is not None else (0, from_ or largest)
    return _random(self, "random_", _source(generator).integers(low, high, tuple(self.shape), self.dtype))


def exponential_(self: Tensor, lambd: float = 1.0, *, generator: Any = None) -> Tensor:
    """Fill with exponential numbers, in place."""
    return _random(self, "exponential_", _source(generator).exponential(tuple(self.shape), self.dtype, lambd))


def geometric_(self: Tensor, p: float, *, generator: Any = None) -> Tensor:
    """Fill with the number of trials up to the first success, in place."""
    return _random(self, "geometric_", _source(generator).geometric(tuple(self.shape), p, self.dtype))


def cauchy_(self: Tensor, median: float = 0.0, sigma: float = 1.0, *, generator: Any = None) -> Tensor:
    """Fill with Cauchy numbers, in place."""
    return _random(self, "cauchy_", _source(generator).cauchy(tuple(self.shape), self.dtype, median, sigma))


def log_normal_(self: Tensor, mean: float = 1.0, std: float = 2.0, *, generator: Any = None) -> Tensor:
    """Fill with exponentials of normal numbers, in place."""
    return _random(self, "log_normal_", _source(generator).log_normal(tuple(self.shape), self.dtype, mean, std))


def attach() -> None:
    """Put the methods of this file onto Tensor."""
    for method in (copy_, fill_, zero_, uniform_, normal_, bernoulli_, random_, exponential_, geometric_, cauchy_,
                   log_normal_):  # fmt: skip
        setattr(Tensor, method.__name__, method)
