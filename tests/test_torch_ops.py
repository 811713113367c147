"""PyTorch's database of its ops: every entry that xpgrad has agrees in values, shapes, dtypes and gradients."""

from __future__ import annotations

import pathlib
import sys
from collections import Counter

import pytest

pytest.importorskip("torch")
pytest.importorskip("expecttest")
sys.path.insert(0, str(pathlib.Path(__file__).parent / "oracles"))

import torch_ops

AT_LEAST = 580  # entries that pass
SAMPLES = 60  # of an entry; `python tests/oracles/torch_ops.py` runs all
ENTRIES = {torch_ops.label(entry): entry for entry in torch_ops.entries()}
found: Counter[str] = Counter()


@pytest.mark.parametrize("name", ENTRIES)
def test_entry(name: str) -> None:
    """No sample differs, but for a deviation that is written down."""
    result = torch_ops.run(ENTRIES[name], SAMPLES)
    found[result.partition(":")[0]] += 1
    if result == "absent":
        pytest.skip("xpgrad has no such function")
    assert not result.startswith("FAIL"), result


def test_count() -> None:
    """So many entries pass; counted after the others, and only where all of them ran."""
    if sum(found.values()) < len(ENTRIES):
        pytest.skip("only part of the entries ran")
    assert found["pass"] >= AT_LEAST, dict(found)
