"""One case on one library, judged: the cells of its row.

    forward, first, second   the numbers of the result and of its gradients, against the oracles
    dtype, device            what goes in as float32 comes out so, where it was put, gradients too
    read-only                inputs that cannot be written to, strided in memory, are left as they are
    compile                  the same numbers under the backend's compiler

A cell is ``pass``, ``FAIL`` with the difference, ``absent`` with the name of the function that the library lacks, or
``none`` with the reason why there is nothing to tell.
"""

from __future__ import annotations

import dataclasses
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import xpgrad

from . import oracles
from .cases import Case
from .evaluate import Place, draw, stages
from .judge import Absent, Fault, agree, alias, lacking, text_of
from .oracles import Arrays, Question

COLUMNS = ("forward", "first", "second", "dtype", "device", "read-only", "compile")
Cell = dict[str, Any]
_WIDE = {"float32": "float64", "complex64": "complex128"}
_NARROW = {"float64": "float32", "complex128": "complex64"}
# which may return their argument itself
_MAY_SHARE = ("conj", "positive", "real")
# ops and cases that cannot be compiled: the shape of the result, or when to stop, depends on the data
_LED_BY_DATA = ("nonzero", "unique_all", "unique_counts", "unique_inverse", "unique_values", "optim.LBFGS",
                "repeat[(2,3),(3,);counts are an array]")  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Subject:
    """What is examined, and how. Attributes:

    at: the library on the device; second: a place on its second device, for what the device column asks.
    tellers: the libraries asked beside central differences. order: the highest. seed: of all random numbers.
    shapes_only: the device holds no numbers, such as PyTorch's ``meta``.
    """

    at: Place
    second: Place
    tellers: tuple[str, ...]
    order: int
    seed: int
    shapes_only: bool = False


def run(case: Case, dtype: str, subject: Subject, compiled: bool = True) -> dict[str, Cell]:
    """The cells of a row.

    Args:
        case: what to run; dtype: the precision of its inputs.
        subject: on what.
        compiled: whether to compile it too.
    """
    name = subject.at.backend.name
    with warnings.catch_warnings(), np.errstate(all="ignore"), xpgrad.backend(name):
        warnings.simplefilter("ignore")
        return _Row(case, dtype, subject).cells(compiled)


class _Row:
    def __init__(self, case: Case, dtype: str, subject: Subject) -> None:
        self.case, self.dtype, self.subject = case, dtype, subject
        self.order = min(case.order, subject.order)
        self.inputs = draw(case, dtype, subject.seed)
        wide = [a.astype(_WIDE.get(a.dtype.name, a.dtype.name)) for a in self.inputs]
        self.question = Question(case, wide, self.order, subject.seed)

    def cells(self, compiled: bool) -> dict[str, Cell]:
        if self.subject.shapes_only and self._led_by_data():
            return dict.fromkeys(COLUMNS, _none("its course depends on the data, and the device holds none"))
        names = COLUMNS[: 1 + self.order]
        row: dict[str, Cell] = {c: _none("no gradient" if self.case.order == 0 else "not asked") for c in COLUMNS[1:3]}
        found: list[Arrays | None] = []
        judge = _Judge(self)
        walk = stages(self.case, self.subject.at, self._put(self.subject.at), self.order, self.subject.seed)
        for number, column in enumerate(names):
            cell = _cell(lambda n=number: judge.stage(n, next(walk), found))  # type: ignore[misc]
            row[column] = cell
            if cell["state"] in ("absent", "FAIL") and len(found) <= number:  # it was raised, so nothing follows
                row |= dict.fromkeys(names[number + 1 :], cell)
                break
        if row["forward"]["state"] == "absent":
            return dict.fromkeys(COLUMNS, row["forward"])
        row["dtype"], row["device"] = self._kept()
        row["read-only"] = _none("no numbers") if self.subject.shapes_only else _cell(self._read_only)
        row["compile"] = self._compiled(found) if compiled else _none("the op's first case is compiled")
        return {c: row[c] for c in COLUMNS}

    def _led_by_data(self) -> bool:
        return self.case.op in _LED_BY_DATA or str(self.case) in _LED_BY_DATA

    def _put(self, at: Place, dtype: str | None = None) -> list[Any]:
        inputs = self.inputs if dtype is None else draw(self.case, dtype, self.subject.seed)
        return [at.put(a) for a in inputs]

    def _kept(self) -> tuple[Cell, Cell]:
        """The cells of dtype and device, by one run in low precision on the second device."""
        low = _NARROW.get(self.dtype, self.dtype)
        real = {"complex64": "float32"}.get(low, low)
        at = self.subject.second
        found: list[Any] = []

        def dtypes() -> Cell:
            inputs = self._put(at, low)
            found[:] = [inputs, *stages(self.case, at, inputs, min(self.order, 1), self.subject.seed)]
            for t in found[1]:
                floating = t.dtype.is_floating_point or t.dtype.is_complex
                if (
                    floating
                    and t.dtype.name not in (real, f"complex{2 * int(real[5:])}")
                    and not self._says(t.dtype.name)
                ):
                    raise Fault(f"{low} goes in and {t.dtype.name} comes out")
            asked = [t for t in inputs if t.requires_grad]
            for t, g in zip(asked, found[2] if len(found) > 2 else [], strict=False):
                if g is not None and g.dtype is not t.dtype:
                    raise Fault(f"the gradient of a {t.dtype.name} is {g.dtype.name}")
            return _pass()

        def device() -> Cell:
            if len(found) < 2:
                return _none("see dtype")
            where = at.put(np.zeros(1, dtype=real)).device
            for what, stage in zip(("the result", "a gradient"), found[1:], strict=False):
                for t in stage:
                    if t is not None and t.device != where:
                        raise Fault(f"inputs lie on {where} and {what} on {t.device}")
            return _pass()

        return _cell(dtypes), _cell(device)

    def _says(self, dtype: str) -> bool:
        """Whether the case itself names that dtype: it casts."""
        return self.case.op == "astype"

    def _read_only(self) -> Cell:
        at = dataclasses.replace(self.subject.at, frozen=True)
        inputs = self._put(at)
        before = [at.host(t).copy() for t in inputs]
        walk = stages(self.case, at, inputs, min(self.order, 1), self.subject.seed)
        list(walk)
        for i, (t, old) in enumerate(zip(inputs, before, strict=True)):
            if not np.array_equal(at.host(t), old, equal_nan=old.dtype.kind in "fc"):
                raise Fault(f"input {i} is written to")
        if self.case.op in _MAY_SHARE:
            return _pass()
        loose = self._put(self.subject.at)
        out = next(stages(self.case, self.subject.at, loose, 0))
        mine = alias([t.array for t in loose], [t.array for t in out if t.ndim])  # an element is a number, not a view
        if mine is not None:
            at = oracles.reference()
            with xpgrad.backend("numpy"):
                theirs = self._put(at)
                plain = next(stages(self.case, at, theirs, 0))
            if alias([t.array for t in theirs], [t.array for t in plain]) is None:
                raise Fault(f"the result shares the memory of input {mine}, where NumPy's is its own")
        return _pass()

    def _compiled(self, eager: list[Arrays | None]) -> Cell:
        compiler = self.subject.at.backend.compile
        if compiler is None:
            return _none("the backend has no compiler")
        if self._led_by_data():
            return _none("its course depends on the data")
        if self.subject.shapes_only or not eager or eager[0] is None:
            return _none("see forward")
        order = min(self.order, 1, len(eager) - 1)

        def program(*arrays: Any) -> Any:
            given = [xpgrad.as_tensor(a) for a in arrays]
            walk = stages(self.case, self.subject.at, given, order, self.subject.seed)
            return [[None if t is None else t.array for t in stage] for stage in walk]

        def judged() -> Cell:
            out = compiler(program)(*[t.array for t in self._put(self.subject.at)])
            tensors = [[None if a is None else xpgrad.as_tensor(a) for a in stage] for stage in out]
            for number, stage in enumerate(tensors):
                hosts = [None if t is None else self.subject.at.host(t) for t in stage]
                agree(hosts, eager[number] or [], "eager", self.tolerance(number))
            return _pass()

        return _cell(judged)

    def tolerance(self, number: int) -> tuple[float, float]:
        """What may differ in a stage: an order of magnitude more with each."""
        rtol, atol = self.subject.at.backend.tolerances[self.dtype]
        return rtol * 10**number, atol * 10**number


class _Judge:
    """Compares stages with what the oracles say; each oracle is asked once."""

    def __init__(self, row: _Row) -> None:
        self.row = row
        self.told: dict[str, list[Arrays] | None] = {}
        self.notes: list[str] = []
        for name in row.subject.tellers:
            self.told[name], note = oracles.ask(name, row.question)
            self.notes += [note] if note else []

    def stage(self, number: int, stage: list[Any], found: list[Arrays | None]) -> Cell:
        """The cell of a stage; its numbers are added to `found`."""
        row, at = self.row, self.row.subject.at
        if row.subject.shapes_only:
            found.append(None)
            *_, expected = oracles.host_stages(row.question, order=number)
            for t, e in zip(stage, expected, strict=True):
                if t is not None and e is not None and tuple(t.shape) != e.shape:
                    raise Fault(f"shape {tuple(t.shape)}, expected {e.shape}")
            return _pass("shapes")
        hosts = [None if t is None else at.host(t) for t in stage]
        found.append(hosts)
        by = []
        bend = oracles.slope(row.question, number) if number else None
        for name, told in self.told.items():
            if told is not None and number < len(told) and not (name == "jax" and bend is not None and bend.kink):
                agree(hosts, told[number], name, row.tolerance(number))
                by.append(name)
        if bend is not None and not bend.kink:
            self._along(number, hosts, bend)
            by.append("finite-differences")
        if not by and at.backend.name != "numpy":
            *_, expected = oracles.host_stages(row.question, order=number)
            agree(hosts, expected, "numpy", row.tolerance(number))
            by.append("numpy")
        return _pass(*(by or ["runs"]), note="; ".join(self.notes))

    def _along(self, number: int, hosts: Arrays, bend: oracles.Slope) -> None:
        found = oracles.along(hosts, self.row.question)
        size = sum(float(np.sum(np.abs(g))) for g in hosts if g is not None and np.all(np.isfinite(g)))
        rtol, atol = self.row.tolerance(number)
        allowed = max(1e-7, rtol) * max(size, abs(bend.value)) + max(1e-8, atol) + 5 * bend.spread
        if not abs(found - bend.value) <= allowed:
            raise Fault(f"along a random direction the gradient gives {found:.8g}, differences {bend.value:.8g} "
                        f"(allowed {allowed:.1g})")  # fmt: skip


def _cell(judged: Callable[[], Cell]) -> Cell:
    """The cell of a check that returns it, or raises."""
    try:
        return judged()
    except Absent as error:
        return {"state": "absent", "why": str(error)}
    except MemoryError:
        return {"state": "FAIL", "why": "out of memory"}
    except Exception as error:
        missing = lacking(error)
        if missing:
            return {"state": "absent", "why": missing}
        return {"state": "FAIL", "why": text_of(error)}


def _pass(*by: str, note: str = "") -> Cell:
    return {"state": "pass", **({"by": list(by)} if by else {}), **({"why": note} if note else {})}


def _none(why: str) -> Cell:
    return {"state": "none", "why": why}


def judge_timed(case: Case, dtype: str, subject: Subject, compiled: bool) -> dict[str, Any]:
    """A row with the seconds that it took."""
    begin = time.perf_counter()
    cells = run(case, dtype, subject, compiled)
    return {"cells": cells, "seconds": round(time.perf_counter() - begin, 4)}
