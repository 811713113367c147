"""Comparisons: what counts as close, and what is said where it is not, as in PyTorch."""

from __future__ import annotations

from typing import Any

import pytest

import xpgrad

torch = pytest.importorskip("torch")

PAIRS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("t.tensor([1.0, 2, 3])", "t.tensor([1.0, 2, 4])", {}),
    ("t.tensor([1, 2, 3])", "t.tensor([1, 2, 4])", {}),
    ("t.tensor([1, 2, 3])", "t.tensor([1, 2, 4])", {"rtol": 0, "atol": 0.5}),
    ("t.tensor([1, 2, 3])", "t.tensor([1, 2, 4])", {"rtol": 0.3, "atol": 0}),
    ("1.0", "2.0", {}),
    ("1", "2", {}),
    ("1", "1.0", {}),
    ("1", "1.0", {"check_dtype": False}),
    ("t.tensor(1.0)", "t.tensor(2.0)", {}),
    ("[t.tensor(1.0)]", "[t.tensor(1.0), t.tensor(1.0)]", {}),
    ("{'a': [t.tensor([1.0])]}", "{'a': [t.tensor([2.0])]}", {}),
    ("t.tensor([1.0])", "t.tensor([1.0], dtype=t.float64)", {}),
    ("t.tensor([1.0])", "t.tensor([1.0], dtype=t.float64)", {"check_dtype": False}),
    ("t.tensor([1.0, 2])", "t.tensor([1.0])", {}),
    ("t.tensor([float('nan'), 0.0])", "t.tensor([float('nan'), 0.0])", {"equal_nan": True}),
    ("t.tensor([True])", "t.tensor([False])", {}),
    ("t.tensor([1.0, 2])", "t.tensor([1.0, 0])", {}),
    ("t.tensor([[1 + 1j]])", "t.tensor([[2 + 1j]])", {}),
    ("t.tensor([1.0])", "t.tensor([1.1])", {"msg": "bad"}),
    ("t.tensor([1.0])", "t.tensor([1.0 + 1e-6])", {}),
)


@pytest.mark.parametrize(("actual", "expected", "options"), PAIRS)
def test_it_says_what_pytorch_says(actual: str, expected: str, options: dict[str, Any]) -> None:
    said = []
    for lib in (torch, xpgrad):
        try:
            lib.testing.assert_close(*(eval(text, {"t": lib}) for text in (actual, expected)), **options)
            said.append(None)
        except AssertionError as error:
            said.append(str(error))
    assert said[1] == said[0]


def test_refusals(backend: str) -> None:
    x = xpgrad.ones(2)
    xpgrad.testing.assert_close({"x": [x, 1]}, {"x": [x + 1e-7, 1]})
    with pytest.raises(ValueError, match="both be specified"):
        xpgrad.testing.assert_close(x, x, rtol=1)
    with pytest.raises(TypeError, match="cannot compare"):
        xpgrad.testing.assert_close(x, "x")
    with pytest.raises(AssertionError, match=r"item \['x'\]\[0\]"):
        xpgrad.testing.assert_close({"x": [x]}, {"x": [x + 1]})
