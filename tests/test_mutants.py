"""Planted mutants: wrong gradients in every family of rules, each seen by the conformance program."""

from __future__ import annotations

import contextlib
import inspect
import types
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from xpgrad_conformance import cases, run, subject

import xpgrad
from xpgrad.op import OPS


@contextlib.contextmanager
def _planted(op: str, mutate: Callable[[Any], Any], which: int) -> Iterator[None]:
    """The op with one of its rules put through `mutate`."""
    before = OPS[op]
    rules = list(before.rules) if before.joint is None else [before.joint]
    at = which % len(rules)
    original = rules[at]
    assert original is not None

    changed = types.FunctionType(_code(original), {"_rule": original, "_mutate": mutate}, original.__name__,
                                 original.__defaults__)  # fmt: skip
    changed.__kwdefaults__ = original.__kwdefaults__
    saved = {name: getattr(before, name) for name in ("rules", "joint")}
    try:
        if before.joint is None:
            rules[at] = changed
            before.rules = tuple(rules)
        else:
            before.joint = changed
        before.plans.clear()  # they hold the rules that were there
        yield
    finally:
        for name, value in saved.items():
            setattr(before, name, value)
        before.plans.clear()


def _code(original: Any) -> types.CodeType:
    """Code with the rule's own signature, which returns the mutated gradient."""
    names = [p.name for p in inspect.signature(original).parameters.values() if p.kind is not p.KEYWORD_ONLY]
    only = [p.name for p in inspect.signature(original).parameters.values() if p.kind is p.KEYWORD_ONLY]
    head = ", ".join(names + (["*", *only] if only else []))
    call = ", ".join(names + [f"{n}={n}" for n in only])
    scope: dict[str, Any] = {}
    exec(f"def rule({head}):\n    return _mutate({names[0]}, _rule({call}))", scope)
    return scope["rule"].__code__  # type: ignore[no-any-return]


def _each(f: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """`f` on a gradient, or on each of several."""
    return lambda xp, g: tuple(None if p is None else f(xp, p) for p in g) if isinstance(g, tuple | list) else f(xp, g)


sign = _each(lambda xp, g: -g)
half = _each(lambda xp, g: g * 0.5)
nothing = _each(lambda xp, g: g * 0.0)
rolled = _each(lambda xp, g: xp.roll(g, 1, axis=-1))
flipped = _each(lambda xp, g: xp.flip(g))
swapped = _each(lambda xp, g: xp.matrix_transpose(g))
conjugated = _each(lambda xp, g: xp.conj(g))
real_part = _each(lambda xp, g: xp.real(g) + 0.0j)
first_row = _each(lambda xp, g: xp.broadcast_to(g[:1, ...], g.shape))
averaged = _each(lambda xp, g: xp.broadcast_to(xp.mean(g, keepdims=True), g.shape))
slightly = _each(lambda xp, g: g * (1 + 1e-5))

MUTANTS = [
    ("exp", "a sign", sign, 0), ("sin", "a sign", sign, 0), ("divide", "a sign", sign, 1),
    ("pow", "a factor", half, 0), ("multiply", "a dropped conjugate", conjugated, 0),
    ("exp", "a dropped conjugate", conjugated, 0), ("sqrt", "a factor", half, 0),
    ("tanh", "a last digit", slightly, 0), ("log", "the imaginary part", real_part, 0),
    ("add", "a missing sum", first_row, 0), ("subtract", "a sign", sign, 1),
    ("where", "the other branch", nothing, 1), ("clip", "outside is inside", averaged, 0), ("sum", "a sign", sign, 0),
    ("mean", "a factor", half, 0), ("prod", "a permutation", rolled, 0), ("var", "a factor", half, 0),
    ("cumulative_sum", "the wrong direction", flipped, 0), ("max", "the wrong element", rolled, 0),
    ("sort", "no permutation", rolled, 0), ("reshape", "the wrong order", flipped, 0),
    ("permute_dims", "the wrong axis", flipped, 0), ("concat", "the other part", half, 0),
    ("flip", "not undone", flipped, 0), ("roll", "off by one", rolled, 0),
    ("tril", "the other triangle", averaged, 0), ("take", "off by one", rolled, 0),
    ("getitem", "off by one", rolled, 0), ("matmul", "a transpose", swapped, 0),
    ("matmul", "a conjugate", conjugated, 1), ("addmm", "a sign", sign, 1), ("linalg.inv", "a transpose", swapped, 0),
    ("linalg.det", "a factor", half, 0), ("linalg.cholesky", "a factor", half, 0), ("linalg.eigh", "a sign", sign, 0),
    ("linalg.solve", "a sign", sign, 0), ("linalg.solve", "a conjugate", conjugated, 1),
    ("linalg.qr", "a factor", half, 0), ("fft.fft", "the norm", half, 0), ("fft.rfft", "a half too much", half, 0),
    ("convolution", "an off-by-one window", rolled, 0), ("convolution", "a flipped kernel", flipped, 1),
    ("max_pool", "the wrong element", rolled, 0), ("avg_pool", "the divisor", half, 0), ("relu", "a sign", sign, 0),
    ("gelu", "a last digit", slightly, 0), ("softmax", "no centring", averaged, 0),
    ("log_softmax", "a factor", half, 0), ("nll_loss", "the wrong class", rolled, 0),
    ("mse_loss", "a factor", half, 0), ("huber_loss", "a sign", sign, 1), ("erf", "a factor", half, 0),
]  # fmt: skip


@pytest.mark.parametrize(("op", "mutate", "which"), [pytest.param(o, m, w, id=f"{o}: {a}") for o, a, m, w in MUTANTS])
def test_a_planted_mutant_is_caught_by_differences_alone(op: str, mutate: Any, which: int) -> None:
    made = subject.subject("numpy", None, (), 1, 0)
    mine = [case for case in cases.load() if case.op == op]
    with _planted(op, mutate, which):
        for case in mine:
            for dtype in case.dtypes:
                if run.run(case, dtype, made, compiled=False)["first"]["state"] == "FAIL":
                    return
    pytest.fail(f"{op}: not caught")


def test_a_mutant_of_second_order_alone_is_caught() -> None:
    """A rule that forgets that it depends on its argument: right once, wrong twice."""
    made = subject.subject("numpy", None, (), 2, 0)
    detached = _each(lambda xp, g: g.detach() if isinstance(g, xpgrad.Tensor) else g)
    with _planted("exp", detached, 0):
        cells = run.run(cases.numbered()["exp[(2,3)]"], "float64", made, compiled=False)
    assert (cells["first"]["state"], cells["second"]["state"]) == ("pass", "FAIL")
