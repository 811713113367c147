"""The table of cases on every installed library: results, gradients of both orders, dtype and device kept.

The rows are those of the conformance program, judged by the same code: against central differences in float64 and,
where it is installed, PyTorch's autograd; in low precision, on the library's second device, and on inputs that cannot
be written to. What a library itself gets wrong is in its `Backend.deviations`, with the reason.
"""

from __future__ import annotations

import functools
import importlib.util
import os
from collections.abc import Callable
from typing import Any

import pytest
from conftest import BACKENDS
from xpgrad_conformance import cases
from xpgrad_conformance.run import Subject, run
from xpgrad_conformance.subject import subject

import xpgrad
from xpgrad.backend import registered
from xpgrad.check import check_grads
from xpgrad.op import COMPOSITES, OPS

TABLE = [(case, dtype) for case in cases.load() for dtype in case.dtypes]
FIRST = {case.op: case for case in reversed(cases.load())}


def asked(case: cases.Case, backend: str) -> bool:
    """Whether to run a case on a backend: JAX compiles every shape anew, so it gets each op's first and special ones.

    ``XPGRAD_ALL_CASES=1`` asks for all, and so does the conformance program.
    """
    return backend != "jax" or FIRST[case.op] is case or bool(case.about) or "XPGRAD_ALL_CASES" in os.environ


ORACLES = tuple(name for name in ("torch",) if importlib.util.find_spec(name))
# adjoints of linear ops have no case: the second order of a cube of such an op goes through their rules
ADJOINTS: dict[str, Callable[..., Any]] = {
    "getitem_adjoint": lambda xp, x: x[xp.asarray([0, 2, 0])],
    "take_adjoint": lambda xp, x: xp.take(x, xp.asarray([0, 2, 0])),
    "take_along_axis_adjoint": lambda xp, x: xp.take_along_axis(x, xp.asarray([0, 2, 0]), axis=0),
    "border_pad_adjoint": lambda xp, x: xp.border_pad(xp.reshape(x, (1, 1, 3)), pads=((1, 2),), mode="reflect"),
    "resample_adjoint": lambda xp, x: xp.resample(xp.reshape(x, (1, 1, 3)), mode="linear", size=(5,), scales=(3 / 5,)),
}
# the identity, with another place or a hook about it
IDENTITIES = {"module_border", "overwrite", "to_device"}


@functools.cache
def examined(backend: str, order: int) -> Subject:
    """What the judge wants to know of a library; skips if it is not installed."""
    if not registered()[backend].installed:
        pytest.skip(f"{backend}: its library is not installed")
    return subject(backend, None, ORACLES, order=order, seed=0)


@pytest.mark.parametrize(("case", "dtype", "backend"), [
    pytest.param(case, dtype, backend, id=f"{case}-{dtype}-{backend}")
    for case, dtype in TABLE for backend in BACKENDS if asked(case, backend)
])  # fmt: skip
def test_case(case: cases.Case, dtype: str, backend: str) -> None:
    order = 1 if backend == "jax" and FIRST[case.op] is not case else 2  # as with `asked`: compiling takes long
    row = run(case, dtype, examined(backend, order), compiled=False)
    wrong = {column: cell["why"] for column, cell in row.items() if cell["state"] == "FAIL"}
    known = registered()[backend].deviations.get(case.op)
    if known is not None and (wrong or row["forward"]["state"] == "absent"):
        pytest.xfail(known)
    assert not wrong, "\n".join(f"{column}: {why}" for column, why in wrong.items())
    absent = {cell["why"] for cell in row.values() if cell["state"] == "absent"}
    if absent:
        pytest.skip(f"{backend} lacks {', '.join(absent)}")


def test_every_op_with_a_gradient_has_a_case() -> None:
    there = {case.op for case in cases.load()} | {case.op.removeprefix("linalg.") for case in cases.load()}
    differentiable = {op.name for op in OPS.values() if any(op.rules) or op.joint} | COMPOSITES.keys()
    assert differentiable - there - ADJOINTS.keys() - IDENTITIES == set()


def test_every_case_names_something() -> None:
    xp = xpgrad.array_namespace("numpy")
    for case in cases.load():
        owner: Any = xpgrad if case.op.startswith(("nn.", "optim.")) else xp
        for part in case.op.split("."):
            owner = getattr(owner, part) if case.call is None or hasattr(owner, part) else None
            if owner is None:
                break
        assert owner is not None or case.op in OPS, case.op


@pytest.mark.parametrize("name", ADJOINTS)
def test_adjoint(name: str, backend: str) -> None:
    xp = xpgrad.array_namespace(backend)
    x = xp.asarray([1.0, -2.0, 3.0], dtype=xp.float64)
    check_grads(lambda t: ADJOINTS[name](xp, t) ** 3, x, order=3)
