"""The tutorial's steps print the same text and the same digits on every library, and under PyTorch itself."""

import contextlib
import io
import re
from pathlib import Path

import pytest

import xpgrad

SCRIPT = Path(__file__).parent.parent / "examples" / "neural_networks.py"
RECORDED = (Path(__file__).parent / "expected" / "neural_networks.txt").read_text()


def printed_by(source):
    """What the script prints, the addresses of objects left out."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(source, str(SCRIPT), "exec"), {"__name__": "__main__"})
    return re.sub(r" object at 0x[0-9a-f]+", " object at 0x", out.getvalue())


@pytest.mark.parametrize(
    ("name", "package"),
    [("numpy", "numpy"), ("jax", "jax"), ("torch", "torch"), ("strict", "array_api_strict")],
)
def test_same_text_and_digits(name, package):
    pytest.importorskip(package)
    with xpgrad.backend(name):
        assert printed_by(SCRIPT.read_text()) == RECORDED


def test_pytorch_prints_what_is_recorded():
    pytest.importorskip("torch")
    source, imports = re.subn(r"^(import|from) xpgrad", r"\1 torch", SCRIPT.read_text(), flags=re.MULTILINE)
    assert imports == 3
    assert printed_by(source) == RECORDED
