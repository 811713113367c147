"""A backend's quicker spellings are the library's functions: the same results, dtypes and errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import xpgrad
from xpgrad.backend import registered
from xpgrad.op import library

QUICKER = [(b.name, f) for b in registered().values() if b.installed for f in b.functions]
ARRAYS = [
    np.asarray(1.5, dtype="float32"),
    np.zeros((0, 3)),
    np.arange(12.0).reshape(3, 4),
    np.arange(6, dtype="int8").reshape(1, 2, 3) + 120,
    np.asarray([True, True, False]),
    np.asarray([1 + 2j, 3j], dtype="complex64"),
    np.arange(24, dtype="float32").reshape(2, 3, 4).transpose(2, 0, 1),
    np.asarray([1.0, np.nan, 2.0], dtype="float16"),
]
Options = dict[str, Any]
REDUCTIONS: list[Options] = [{}, {"keepdims": True}, {"axis": 0}, {"axis": (-1,), "keepdims": True}, {"axis": ()}]
CALLS: dict[str, list[tuple[tuple[Any, ...], Options]]] = {
    "arange": [((5,), {}), ((1, 7, 2), {"dtype": np.int32}), ((0,), {"stop": 3, "device": "cpu"})],
    "full": [(((2, 0), 3.0), {}), ((3, 1), {"dtype": np.float32, "device": "cpu"}), (((), True), {})],
    "zeros": [(((2, 3),), {}), ((4,), {"dtype": np.complex64, "device": "cpu"}), (((),), {"dtype": np.int8})],
    "matrix_transpose": [((a,), {}) for a in ARRAYS],
    "permute_dims": [((a, tuple(reversed(range(a.ndim)))), {}) for a in ARRAYS] + [((ARRAYS[2],), {"axes": (1, 1)})],
    "reshape": [((a, (-1, 1) if a.size else (3, 0)), how) for a in ARRAYS for how in ({}, {"copy": True})]
    + [((ARRAYS[6],), {"shape": (24,), "copy": False}), ((ARRAYS[2], (5,)), {})],
    "sum": [((a,), how) for a in ARRAYS for how in [*REDUCTIONS, {"dtype": np.complex128}]],
} | {name: [((a,), how) for a in ARRAYS for how in REDUCTIONS] for name in ("max", "mean", "min")}


def outcome(function: Any, args: Any, options: Any) -> Any:
    try:
        with np.errstate(all="ignore"):
            return np.asarray(function(*args, **options))
    except (TypeError, ValueError) as error:
        return type(error) if isinstance(error, TypeError) else ValueError


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(("backend", "name"), QUICKER)
def test_quicker_spellings(backend: str, name: str) -> None:
    if backend != "numpy":
        pytest.skip("the arguments here are NumPy's")
    plain = registered()[backend].load()
    quick = library(plain).native
    for args, options in CALLS[name]:
        found, expected = (outcome(getattr(xp, name), args, options) for xp in (quick, plain))
        if isinstance(expected, type):
            assert found is expected, (args, options)
        else:
            assert found.dtype == expected.dtype, (args, options)
            np.testing.assert_array_equal(found, expected)


def test_a_device_that_is_not_there() -> None:
    with pytest.raises((ValueError, RuntimeError)):
        xpgrad.zeros(2, device="cuda")
