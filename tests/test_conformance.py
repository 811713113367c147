"""The conformance program: a library that is right, one that is broken, workers that die, statuses, reports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from xpgrad_conformance import cases, evaluate, judge, oracles, program, report, results, run, subject, workers
from xpgrad_conformance.cases import layers, optimizers

from xpgrad.cli import main
from xpgrad.op import OPS

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Workers import what lies in the examples and in the test's own folder."""
    for folder in (EXAMPLES, tmp_path):
        monkeypatch.syspath_prepend(str(folder))


def _library(path: Path, name: str, body: str) -> str:
    """A library like the example's, with `body` at its end; returns its name."""
    source = (EXAMPLES / "mylib.py").read_text()
    (path / f"{name}.py").write_text(source + "\n\n" + body)
    return name


def _conformance(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    status = main(["conformance", "--jobs", "1", *words])
    caught = capsys.readouterr()
    return status, caught.out + caught.err


# -- the table --


def test_every_op_has_a_case() -> None:
    covered = {case.op.removeprefix("linalg.") for case in cases.load()} | {case.op for case in cases.load()}
    # what only a rule calls: the second order of what it is adjoint to runs it
    inner = {name for name in OPS if name.endswith("_adjoint")} | {
        "last_writers",
        "module_border",
        "overwrite",
        "repeated_positions",
    }
    assert OPS.keys() - covered - inner - {"to_device"} == set()
    assert layers.uncovered() == []
    assert optimizers.uncovered() == []


def test_names_of_cases_are_unique_and_lead_back() -> None:
    table = cases.numbered()
    assert len(table) == len(cases.load())
    assert [*program.selected("linalg.qr[(3,3),mode=reduced]")] == ["linalg.qr[(3,3),mode=reduced]"]
    with pytest.raises(ValueError, match="no case is called"):
        program.selected("no such op")


# -- libraries --


def test_numpy_passes_and_is_reported(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    files = {kind: tmp_path / f"out.{kind}" for kind in ("json", "html", "junit")}
    words = [word for kind, file in files.items() for word in (f"--{kind}", str(file))]
    status, text = _conformance(capsys, "numpy", "--only", "exp*", *words)
    assert status == 0, text
    assert "the standard" in text and "FAIL" not in text
    whole = json.loads(files["json"].read_text())
    assert whole["format"] == results.FORMAT
    row = next(r for r in whole["libraries"][0]["rows"] if r["case"] == "exp[(2,3)]")
    assert list(row["cells"]) == list(run.COLUMNS)
    assert {row["cells"][c]["state"] for c in run.COLUMNS[:6]} == {"pass"}
    assert "finite-differences" in row["cells"]["first"]["by"]
    assert files["html"].read_text() == report.html(whole)  # the JSON is all that the page is made of
    assert "<code>exp</code>" in files["html"].read_text()
    assert ElementTree.fromstring(files["junit"].read_text()).find("testsuite").get("failures") == "0"  # type: ignore[union-attr]
    assert "| `exp` | ✓ |" in report.markdown(whole["libraries"])


def test_a_library_of_fifty_lines_passes_unregistered(capsys: pytest.CaptureFixture[str]) -> None:
    for pattern in ("s*", "nn.C*", "linalg.[a-e]*", "max_pool"):
        status, text = _conformance(capsys, "mylib", "--only", pattern, "--oracle", "finite-differences")
        assert status == 0, text


BROKEN = """
class Device:
    def __init__(self, name): self.name = name
    def __str__(self): return self.name

_HERE, _THERE = Device("here"), Device("there")
Array.device = _HERE
_asarray = __getattr__("asarray")

def asarray(x, /, *, dtype=None, device=None, copy=None):
    out = _asarray(x, dtype=dtype, copy=copy)
    out.device = device or (x.device if isinstance(x, Array) else _HERE)
    return out

def __array_namespace_info__():
    import types
    info = np.__array_namespace_info__()
    return types.SimpleNamespace(devices=lambda: [_HERE, _THERE], dtypes=info.dtypes, capabilities=info.capabilities,
                                 default_device=lambda: _HERE, default_dtypes=info.default_dtypes)

def _there(f):
    def call(x, *rest, **params):
        out = f(x, *rest, **params)
        out.device = x.device
        return out
    return call

tanh, sinh, floor, sin, cos, exp = (_there(__getattr__(n)) for n in ("tanh", "sinh", "floor", "sin", "cos", "exp"))
for _n in ("mul", "rmul", "sub", "rsub", "neg", "add", "radd", "pow", "truediv", "rtruediv"):
    setattr(Array, f"__{_n}__", _there(getattr(Array, f"__{_n}__")))

def cosh(x):  # wrong promotion
    out = Array(np.cosh(x.held.astype("float64") if x.held.dtype.kind == "f" else x.held))
    out.device = x.device
    return out

def sin(x):  # a device that is dropped
    return Array(np.sin(x.held))

def ceil(x):  # writes to its argument, and returns it
    np.ceil(x.held, out=x.held)
    return x

def trunc(x):  # shares memory with its argument
    x.held = np.trunc(x.held)
    return x

def exp(x):  # wrong numbers
    return _there(lambda x: Array(np.exp(x.held) * (1 + 1e-6)))(x)

_plain = __getattr__
def __getattr__(name):
    if name in ("log2", "hypot"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name, obj=sys.modules[__name__])
    return _plain(name)
"""


def test_a_broken_library_is_described(tmp_path: Path) -> None:
    made = subject.subject(_library(tmp_path, "broken", BROKEN), None, (), 2, 0)
    table = cases.numbered()

    def cells(name: str) -> dict[str, Any]:
        return run.run(table[name], "float64", made)

    sound = cells("tanh[(2,3)]")
    assert sound["forward"]["state"] == sound["dtype"]["state"] == sound["read-only"]["state"] == "pass"
    assert sound["device"]["state"] == "pass"
    cosh = cells("cosh[(2,3)]")
    assert cosh["forward"]["state"] == "pass"
    assert cosh["dtype"] == {"state": "FAIL", "why": "float32 goes in and float64 comes out"}
    assert cells("sin[(2,3)]")["device"] == {"state": "FAIL", "why": "inputs lie on there and the result on here"}
    missing = cells("log2[(2,3)]")
    assert set(missing) == set(run.COLUMNS)
    assert all(cell == {"state": "absent", "why": "log2"} for cell in missing.values())
    written = cells("ceil[(4,)]")["read-only"]
    assert written["state"] == "FAIL" and ("read-only" in written["why"] or "written to" in written["why"])
    assert cells("trunc[(4,)]")["read-only"]["why"] == "input 0 is written to"
    wrong = cells("exp[(2,3)]")["forward"]
    assert wrong["state"] == "FAIL" and "by numpy" in wrong["why"]


def test_sharing_memory_is_seen() -> None:
    x = np.arange(3.0)
    assert judge.alias([x], [x[::-1]]) == 0
    assert judge.alias([x], [x + 1]) is None


DANGEROUS = """
def sin(x):
    import ctypes
    return ctypes.string_at(0)

def cos(x):
    import time
    time.sleep(60)

def tan(x):
    kept = []
    while True:
        kept.append(np.ones(40_000_000))
"""


def test_a_crash_a_hang_and_an_eater_cost_their_own_rows(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    name, file = _library(tmp_path, "dangerous", DANGEROUS), tmp_path / "out.json"
    limits = ("--timeout", "3", "--memory", "300", "--oracle", "finite-differences", "--order", "0")
    status, _ = _conformance(
        capsys, name, "--only", "[cst][aoi][ns]", "--dtype", "float64", *limits, "--json", str(file)
    )
    assert status == 1
    rows = json.loads(file.read_text())["libraries"][0]["rows"]
    said = {row["case"]: row["cells"]["forward"].get("why", "") for row in rows}
    assert "SIGSEGV" in said["sin[(2,3)]"]
    assert "more than 3 seconds" in said["cos[(2,3)]"]
    assert "memory" in said["tan[(2,3)]"]
    assert len(rows) == 9
    status, text = _conformance(capsys, name, "--only", "tanh", *limits)
    assert status == 0, text


# -- exit statuses --


def test_unusable_libraries_end_with_2(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for library, why in (("no_such_library", "unknown backend"), ("os.path", "no attribute"), ("dies", "status 3")):
        (tmp_path / "dies.py").write_text("import os\nos._exit(3)\n")
        status, text = _conformance(capsys, library, "--only", "exp")
        assert status == 2 and "cannot be used" in text and why in text, text
    status, text = _conformance(capsys, "numpy", "--device", "nowhere", "--only", "exp")
    assert status == 2 and "no device 'nowhere'" in text
    status, text = _conformance(capsys, "numpy", "--only", "no such op")
    assert status == 2 and "no case is called" in text


def test_a_failure_ends_with_1_shows_its_line_and_can_be_known(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    name, file = (
        _library(tmp_path, "wrong", "def sin(x):\n    return Array(np.sin(x.held) + 1e-3)\n"),
        tmp_path / "out.json",
    )
    status, text = _conformance(capsys, name, "--only", "sin", "--oracle", "finite-differences", "--json", str(file))
    assert status == 1
    assert f"xpgrad conformance {name} --only 'sin[(2,3)]' --dtype float64 --seed 0" in text
    assert (
        ElementTree.fromstring(report.junit(json.loads(file.read_text()))).find("testsuite/testcase/failure")
        is not None
    )
    status, text = _conformance(
        capsys, name, "--only", "sin", "--oracle", "finite-differences", "--baseline", str(file)
    )
    assert status == 0 and "in the baseline too" in text


def _judged(state: str) -> dict[str, Any]:
    cell = {"state": state, "why": "off by 1"}
    row = {
        "case": "exp[(2,3)]",
        "op": "exp",
        "floor": "rules",
        "dtype": "float64",
        "seconds": 0.1,
        "cells": {"forward": cell},
    }
    return {
        "library": "some",
        "version": "1",
        "device": "cpu",
        "asked device": None,
        "seed": 0,
        "seconds": 1.0,
        "oracles": [],
        "rows": [row],
    }


def test_deviations_are_excused_and_stale_ones_are_not() -> None:
    library = _judged("FAIL")
    results.excuse(library, {"exp": "rounds down"}, complete=True)
    assert library["rows"][0]["cells"]["forward"] == {"state": "deviation", "why": "rounds down", "found": "off by 1"}
    assert results.status([library]) == 0
    assert "deviates: rounds down: exp" in report.text(library)
    library = _judged("pass")
    results.excuse(library, {"exp": "rounds down"}, complete=True)
    assert results.status([library]) == 1
    assert "listed as a deviation, and it passes now" in report.text(library)
    assert ElementTree.fromstring(report.junit(results.document([library]))).find("testsuite").get("failures") == "1"  # type: ignore[union-attr]
    results.excuse(library, {"exp": "rounds down"}, complete=False)
    assert results.status([library]) == 0


def test_a_worker_restarts_and_answers() -> None:
    order = {"library": "numpy", "device": None, "oracle": "finite-differences", "order": 1, "seed": 0}
    worker = workers.Worker(order, workers.Limits())
    worker.process.kill()
    found: list[Any] = []
    rows = [{"case": "exp[(2,3)]", "dtype": "float64", "compiled": False}] * 2
    workers.run_rows(worker, order, rows, lambda o, a: found.append(a["cells"]["first"]["state"]))
    assert found == ["FAIL", "pass"]


# -- oracles --


def test_differences_abstain_at_kinks_alone() -> None:
    table = cases.numbered()
    for name, kink in (("abs[(3,);a kink]", True), ("maximum[(3,),(3,);a tie]", True), ("abs[(2,3)]", False)):
        case = table[name]
        asked = oracles.Question(case, evaluate.draw(case, "float64"), 1, 0)
        assert oracles.slope(asked, 1).kink is kink, name


def test_jax_is_an_oracle() -> None:
    pytest.importorskip("jax")
    case = cases.numbered()["exp[(2,3)]"]
    asked = oracles.Question(case, evaluate.draw(case, "complex128"), 2, 0)
    told = oracles.by_jax(asked)
    assert told is not None
    for found, expected in zip(told, oracles.host_stages(asked), strict=True):
        judge.agree(found, expected, "jax", (1e-9, 1e-12))


def test_compare(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("array_api_strict")
    status, text = _conformance(capsys, "--compare", "numpy", "strict", "--only", "relu")
    assert status == 0 and "relu" in text
