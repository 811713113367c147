"""The one table of cases: what is run, on what inputs, and what PyTorch calls it.

Two programs read it: the conformance run, for whoever brings an array library, and xpgrad's own tests. A case names
an op of xpgrad, samples for its array arguments, and its parameters; inputs keep clear of kinks and ties unless a
case is about one.
"""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
from collections.abc import Callable
from typing import Any

import numpy as np


@dataclasses.dataclass(frozen=True)
class Sample:
    """How to draw one array argument: uniform in [low, high], or as `kind` says.

    Kinds: ``uniform``; ``distinct`` (values at least 0.1 apart, for max and sort); ``integers`` (int64 in
    [low, high)); ``booleans``; ``spd`` (symmetric or Hermitian positive definite, in the last two axes);
    ``fixed`` (the `values` given).
    """

    shape: tuple[int, ...]
    kind: str = "uniform"
    low: float = -2.0
    high: float = 2.0
    values: Any = None

    def draw(self, rng: np.random.Generator, dtype: str) -> np.ndarray[Any, Any]:
        """The array, of `dtype` unless it is of integers, booleans or fixed values."""
        if self.kind == "integers":
            return rng.integers(int(self.low), int(self.high), self.shape)
        if self.kind == "booleans":
            return rng.integers(0, 2, self.shape).astype(bool)
        if self.kind == "fixed":
            given = np.asarray(self.values)
            return given.astype(dtype) if given.dtype.kind in "fc" else given
        if self.kind == "distinct":
            count = int(np.prod(self.shape))
            x = (rng.permutation(count) - count / 2 + rng.uniform(0.05, 0.4, count)).reshape(self.shape) * 0.25
        else:
            x = rng.uniform(self.low, self.high, self.shape)
        if dtype.startswith("complex"):
            x = x + 1j * rng.uniform(self.low, self.high, self.shape)
        if self.kind == "spd":
            n = self.shape[-1]
            x = x @ np.conj(np.swapaxes(x, -1, -2)) + n * np.eye(n)
        return np.asarray(x.astype(dtype))


def real(*shape: int, low: float = -2.0, high: float = 2.0) -> Sample:
    """Uniform values in [low, high]."""
    return Sample(shape, low=low, high=high)


def positive(*shape: int) -> Sample:
    """Uniform values in [0.5, 2]."""
    return Sample(shape, low=0.5, high=2.0)


def unit(*shape: int) -> Sample:
    """Uniform values in [-0.9, 0.9]."""
    return Sample(shape, low=-0.9, high=0.9)


def distinct(*shape: int) -> Sample:
    """Values at least 0.1 apart, none near 0."""
    return Sample(shape, kind="distinct")


def integers(*shape: int, low: int = 0, high: int = 5) -> Sample:
    """int64 values in [low, high)."""
    return Sample(shape, kind="integers", low=low, high=high)


def booleans(*shape: int) -> Sample:
    """Random booleans."""
    return Sample(shape, kind="booleans")


def spd(*shape: int) -> Sample:
    """Symmetric (Hermitian) positive definite matrices."""
    return Sample(shape, kind="spd")


def fixed(values: Any) -> Sample:
    """Exactly these values."""
    return Sample(np.shape(values), kind="fixed", values=values)


@dataclasses.dataclass(frozen=True)
class Case:
    """One row's input. Attributes:

    op: the op's name in the namespace of Tensors (dotted for extensions: ``linalg.qr``).
    inputs: samples of the array arguments.
    params: the other arguments, by keyword.
    call: ``call(xp, *tensors)`` in place of ``xp.<op>(*tensors, **params)``.
    torch: ``torch(torch, *tensors)``, the same in PyTorch; None where PyTorch has it not.
    dtypes: float64 and, where the op takes complex numbers, complex128.
    order: the highest order of gradient that is compared.
    about: what is special, such as "a tie".
    compare: what of a result is unique enough to compare, such as ``lambda xp, out: xp.abs(out[0])``.
    """

    op: str
    inputs: tuple[Sample, ...]
    params: dict[str, Any]
    call: Callable[..., Any] | None
    torch: Callable[..., Any] | None
    dtypes: tuple[str, ...]
    order: int
    about: str
    compare: Callable[..., Any] | None

    def __str__(self) -> str:
        parts = [str(s.shape).replace(" ", "") for s in self.inputs]
        parts += [f"{k}={v}".replace(" ", "") for k, v in self.params.items()]
        return f"{self.op}[{','.join(parts)}{';' + self.about if self.about else ''}]"


CASES: list[Case] = []


def case(op: str, *inputs: Sample, call: Callable[..., Any] | None = None, torch: Callable[..., Any] | None = None,
         complex: bool = False, order: int = 2, about: str = "", compare: Callable[..., Any] | None = None,
         **params: Any) -> Case:  # fmt: skip
    """Put a case into the table; see `Case` for the arguments."""
    kinds = ("float64", "complex128") if complex else ("float64",)
    made = Case(op, inputs, params, call, torch, kinds, order, about, compare)
    CASES.append(made)
    return made


def load() -> list[Case]:
    """The whole table, every file of this folder read."""
    for module in sorted(m.name for m in pkgutil.iter_modules(__path__)):
        importlib.import_module(f"{__name__}.{module}")
    return CASES


def numbered() -> dict[str, Case]:
    """The whole table by name; where two cases have one name, the later ones are numbered."""
    named: dict[str, Case] = {}
    for made in load():
        name, count = str(made), 1
        while name in named:
            count += 1
            name = f"{made}#{count}"
        named[name] = made
    return named
