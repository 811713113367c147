"""The character models of the examples train to the same losses under PyTorch and on every library."""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np
import pytest

import xpgrad
from xpgrad.nn import functional as F

torch = pytest.importorskip("torch")

EXAMPLES = pathlib.Path(__file__).parent.parent / "examples"
STEPS = 100


def example(name: str, library: str) -> dict[str, Any]:
    """An example's names, its imports turned to `library`."""
    path = EXAMPLES / f"{name}.py"
    source = path.read_text()
    for line in ("import xpgrad as torch", "import xpgrad.nn.functional as F", "from xpgrad import nn"):
        assert f"\n{line}\n" in source
        source = source.replace(f"\n{line}\n", f"\n{line.replace('xpgrad', library)}\n")
    scope: dict[str, Any] = {"__name__": name, "__file__": str(path)}
    exec(compile(source, str(path), "exec"), scope)
    return scope


def one_stream() -> bool:
    """Whether PyTorch on this processor draws dropout's numbers from its portable stream, as xpgrad does."""
    torch.manual_seed(0)
    xpgrad.manual_seed(0)
    drawn = torch.nn.functional.dropout(torch.ones(100)).tolist()
    return drawn == F.dropout(xpgrad.ones(100)).tolist()  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def expected() -> dict[str, list[float]]:
    """PyTorch's losses."""
    return {name: example(name, "torch")["main"](arguments(name)) for name in SMALL}


SMALL = {"char_transformer": ["--layers", "1"], "char_lstm": ["--length", "8"]}


def arguments(name: str) -> list[str]:
    """As many steps as are compared; without dropout where PyTorch takes other random numbers."""
    return ["--steps", str(STEPS), "--letters", "0", *SMALL[name], *([] if one_stream() else ["--dropout", "0"])]


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("library", ("numpy", "jax"))
def test_losses_are_those_of_pytorch(library: str, name: str, expected: dict[str, list[float]]) -> None:
    pytest.importorskip(library)
    with xpgrad.backend(library):
        losses = example(name, "xpgrad")["main"](arguments(name))
    np.testing.assert_allclose(losses, expected[name], atol=1e-3)
    assert losses[-1] < 0.75 * losses[0]
