"""Every optimizer of PyTorch's database, SparseAdam aside: five steps, and states that go to PyTorch and back."""

from __future__ import annotations

import pathlib
import sys
import warnings
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("expecttest")
sys.path.insert(0, str(pathlib.Path(__file__).parent / "oracles"))

import torch_optim

ENTRIES = list(torch_optim.entries())


@pytest.mark.parametrize("entry", ENTRIES, ids=str)
def test_five_steps_and_the_state(entry: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch_optim.check(entry)


def test_all_are_there() -> None:
    assert len({entry.name for entry in ENTRIES}) == 14
