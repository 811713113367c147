"""Who says what is right: central differences in float64 always, and PyTorch or JAX where they are asked and there.

Differences are taken of the forwards that NumPy computes, so they lean on no gradient rule and on no other library.
They tell one number for each order: the derivative along a random direction. At a kink or a tie they abstain, which
they see by themselves: the one-sided differences part. PyTorch tells every element, and at kinks and ties too. JAX
knows the standard's functions alone, and has its own opinion at ties, so it is not asked there.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import importlib
import importlib.util
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import xpgrad

from .cases import Case
from .evaluate import Place, compute, cotangent, differentiable, place, project, stages

Arrays = list[Any]
# whose gradient is a convention that no difference shows
CONVENTIONAL = ("nextafter",)
NAMES = ("auto", "finite-differences", "torch", "jax")


@dataclasses.dataclass(frozen=True)
class Question:
    """A case with its inputs in float64 or complex128, as NumPy arrays, the order that is asked, and the seed."""

    case: Case
    inputs: Arrays
    order: int
    seed: int


@dataclasses.dataclass(frozen=True)
class Slope:
    """A derivative along a direction: its value, how sure it is, and whether there is one."""

    value: float
    spread: float
    kink: bool


@functools.cache
def reference() -> Place:
    """NumPy on the CPU."""
    return place("numpy")


def host_stages(question: Question, inputs: Arrays | None = None, order: int | None = None) -> Iterator[Arrays]:
    """The stages that NumPy computes, as NumPy arrays or None."""
    at = reference()
    with xpgrad.backend("numpy"):
        given = [at.put(a) for a in (inputs if inputs is not None else question.inputs)]
        wanted = question.order if order is None else order
        for stage in stages(question.case, at, given, wanted, question.seed):
            yield [None if t is None else at.host(t) for t in stage]


def direction(question: Question) -> Arrays:
    """A random direction, None for the inputs that get no gradient."""
    moved = _asked(question)
    return [cotangent(question.seed, 9, i, a) if i in moved else None for i, a in enumerate(question.inputs)]


def _asked(question: Question) -> list[int]:
    return differentiable(question.case, [a.dtype.name for a in question.inputs])


def along(stage: Arrays, question: Question) -> float:
    """The derivative that a stage of gradients gives along `direction`."""
    given = [d for d in direction(question) if d is not None]
    pairs = [(g, d) for g, d in zip(stage, given, strict=True) if g is not None]
    return float(sum(np.sum(np.real(np.conj(g) * d)) for g, d in pairs))


def slope(question: Question, number: int, step: float = 1e-3) -> Slope:
    """Stage `number` along `direction`, by differences of stage ``number - 1``.

    Five points give an error of the fourth order in `step`; three give one of the second order, and the difference
    of the two bounds both. One-sided differences of the second order part by O(1) at a kink, and by O(step²) elsewhere.
    """
    if question.case.op in CONVENTIONAL:
        return Slope(math.nan, math.inf, True)
    ways = direction(question)

    def at(t: float) -> float:
        moved = [a if d is None else a + t * d for a, d in zip(question.inputs, ways, strict=True)]
        *_, last = host_stages(question, moved, number - 1)
        return project(question.seed, number, last, lambda y: y)

    try:
        with np.errstate(all="ignore"):
            before2, before, here, after, after2 = (at(k * step) for k in (-2, -1, 0, 1, 2))
    except (ArithmeticError, ValueError, RuntimeError, np.linalg.LinAlgError):  # a step out of the function's domain
        return Slope(math.nan, math.inf, True)
    three = (after - before) / (2 * step)
    value = (8 * (after - before) - (after2 - before2)) / (12 * step)
    right = (-3 * here + 4 * after - after2) / (2 * step)
    left = (3 * here - 4 * before + before2) / (2 * step)
    rounding = 1e-13 * max(map(abs, (before2, here, after2))) / step
    spread = abs(value - three)
    scale = max(abs(right), abs(left))
    kink = not abs(right - left) <= 30 * spread + 1e-6 * scale + 10 * rounding
    return Slope(value, spread, kink or not math.isfinite(value) or spread > 1e-2 * scale + rounding)


# -- other libraries with gradients of their own --


def by_torch(question: Question) -> list[Arrays] | None:
    """Every stage that PyTorch's autograd has; None where the table does not say what PyTorch calls the case."""
    reference = question.case.torch
    if reference is None:
        return None
    torch = importlib.import_module("torch")
    given = [torch.tensor(np.array(a)) for a in question.inputs]
    asked = [given[i].requires_grad_() for i in _asked(question)]
    out = reference(torch, *given)
    if question.case.compare is not None:
        out = question.case.compare(torch, out)
    stage = list(out) if isinstance(out, tuple | list) else [out]
    found = [[_numpy(t) for t in stage]]
    for number in range(1, question.order + 1):
        live = [(i, t) for i, t in enumerate(stage) if t is not None and t.requires_grad]
        if not live or not asked:
            stage = [None] * len(asked)
        else:
            weights = [torch.tensor(cotangent(question.seed, number, i, _numpy(t))) for i, t in live]
            roots = [t for _, t in live]
            record = number < question.order
            try:
                stage = list(torch.autograd.grad(roots, asked, weights, create_graph=record, allow_unused=True))
            except RuntimeError:  # PyTorch has no derivative of that order
                break
        found.append([None if t is None else _numpy(t) for t in stage])
    return found


def _numpy(t: Any) -> Any:
    return t.detach().resolve_conj().resolve_neg().numpy(force=True)


def by_jax(question: Question) -> list[Arrays] | None:
    """Every stage by JAX, which shares no rule with xpgrad; None where it lacks the function."""
    jax = importlib.import_module("jax")
    owner_of_wide = jax if hasattr(jax, "enable_x64") else importlib.import_module("jax.experimental")  # it moved
    owner: Any = jax.numpy
    for part in question.case.op.split("."):
        owner = getattr(owner, part, None)
    if owner is None:
        return None
    places = _asked(question)

    def result(*asked: Any) -> Any:
        filled = list(question.inputs)
        for i, a in zip(places, asked, strict=True):
            filled[i] = a
        return compute(question.case, jax.numpy, [jax.numpy.asarray(a) for a in filled])

    def pulled(stage: Callable[..., Any], number: int) -> Callable[..., Any]:
        def gradients(*asked: Any) -> Any:
            values, pull = jax.vjp(stage, *asked)
            weights = [np.conj(cotangent(question.seed, number, i, v)) for i, v in enumerate(values)]
            return [g.conj() for g in pull(weights)]

        return gradients

    stage, found = result, []
    with owner_of_wide.enable_x64(True):
        asked = [question.inputs[i] for i in places]
        for number in range(question.order + 1):
            if number:
                stage = pulled(stage, number)
            values = stage(*asked)
            if any(v.dtype.kind not in "fc" for v in values) and question.order:
                return None
            found.append([np.asarray(v) for v in values])
    return found


TELLERS: dict[str, Callable[[Question], list[Arrays] | None]] = {"torch": by_torch, "jax": by_jax}


def tellers(oracle: str) -> list[str]:
    """The libraries to ask under an option of ``--oracle``.

    Raises:
        ValueError: for an unknown oracle, or one that is not installed.
    """
    if oracle not in NAMES:
        raise ValueError(f"unknown oracle '{oracle}'; choose one of {', '.join(NAMES)}")
    if oracle == "finite-differences":
        return []
    if oracle == "auto":
        return [name for name in TELLERS if importlib.util.find_spec(name) is not None][:1]
    if importlib.util.find_spec(oracle) is None:
        raise ValueError(f"oracle '{oracle}' is not installed; finite-differences needs nothing")
    return [oracle]


def ask(name: str, question: Question) -> tuple[list[Arrays] | None, str]:
    """What a library says, or why it says nothing."""
    with contextlib.suppress(ImportError), np.errstate(all="ignore"):
        try:
            return TELLERS[name](question), ""
        except Exception as error:
            return None, f"{name} itself fails: {type(error).__name__}: {' '.join(str(error).split())[:160]}"
    return None, f"{name} cannot be imported"
