"""Workers: processes that run rows, so that a crash, a hang or an eater of memory costs its own row and no other.

A worker is ``python -m xpgrad_conformance.workers`` with its orders, one JSON line each, on standard input, and its
answers on a pipe of its own: whatever a library prints does not mix with them. The first order says what is
examined. The parent watches the clock and, where the system tells it, the memory; a worker that dies or is ended is
replaced by a new one.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

Row = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Limits:
    """What a row may take: seconds, and MiB of memory beyond what the worker has; `start` seconds to import it."""

    seconds: float = 60.0
    memory: float = 4096.0
    start: float = 120.0


class Unusable(Exception):
    """The library cannot be examined at all; the text says why."""


class Stopped(Exception):
    """The worker is gone; the text says why."""


class Worker:
    """One process. `ready` is what it told of the library.

    Args:
        order: what is examined; see `setup`.
        limits: of each row.

    Raises:
        Unusable: if the library cannot be imported, or has not the device.
    """

    def __init__(self, order: Row, limits: Limits) -> None:
        self.limits = limits
        read, write = os.pipe()
        env = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", **os.environ,
               "PYTHONPATH": os.pathsep.join(p or os.getcwd() for p in sys.path)}  # fmt: skip
        command = [sys.executable, "-m", "xpgrad_conformance.workers", str(write)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, pass_fds=(write,), env=env)  # fmt: skip
        os.close(write)
        self._answers, self._rest = read, b""
        self._fresh = 0.0
        try:
            self.ready = self.ask(order, limits.start)
        except Stopped as error:
            raise Unusable(f"importing it: {error}") from None
        if "unusable" in self.ready:
            self.close()
            raise Unusable(self.ready["unusable"])
        self._fresh = _memory(self.process.pid)

    @property
    def swollen(self) -> bool:
        """Whether it has kept much memory from its rows, as libraries that cache what they compile do."""
        return _memory(self.process.pid) - self._fresh > self.limits.memory / 2

    def ask(self, order: Row, seconds: float | None = None) -> Row:
        """The answer to an order.

        Raises:
            Stopped: if the process dies, or takes more than its limits and is ended.
        """
        allowed = self.limits.seconds if seconds is None else seconds
        end, held = time.monotonic() + allowed, _memory(self.process.pid)
        try:
            assert self.process.stdin is not None
            self.process.stdin.write(json.dumps(order).encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise Stopped(self._end()) from None
        while b"\n" not in self._rest:
            if select.select([self._answers], [], [], 0.02)[0]:
                part = os.read(self._answers, 1 << 16)
                if not part:
                    raise Stopped(self._end())
                self._rest += part
            elif time.monotonic() > end:
                self.kill()
                raise Stopped(f"it took more than {allowed:g} seconds, and was ended")
            elif _memory(self.process.pid) - held > self.limits.memory:
                self.kill()
                raise Stopped(f"it took more than {self.limits.memory:g} MiB of memory, and was ended")
        line, _, self._rest = self._rest.partition(b"\n")
        answer: Row = json.loads(line)
        return answer

    def _end(self) -> str:
        """How the process ended."""
        self.close()
        code = self.process.returncode
        return (
            f"the process died: {signal.Signals(-code).name}" if code < 0 else f"the process ended with status {code}"
        )

    def kill(self) -> None:
        """End the process."""
        self.process.kill()
        self.close()

    def close(self) -> None:
        """Let the process end by itself."""
        if self.process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self.process.stdin.close()
        if self._answers >= 0:
            os.close(self._answers)
            self._answers = -1
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def _memory(pid: int) -> float:
    """MiB that a process holds; 0 where the system does not tell."""
    try:
        with open(f"/proc/{pid}/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    except (OSError, IndexError, ValueError):
        return 0.0


def run_rows(worker: Worker, setup: Row, orders: Iterable[Row], done: Callable[[Row, Row], None]) -> None:
    """Run rows one after another, with a new worker after one that stopped or has swollen.

    Args:
        worker: to begin with; closed at the end.
        setup: what is examined, for the next one.
        orders: of the rows.
        done: called with each order and its answer.
    """
    from .run import COLUMNS

    try:
        for order in orders:
            if worker.swollen:
                worker.close()
                worker = Worker(setup, worker.limits)
            try:
                answer = worker.ask(order)
            except Stopped as error:
                cell = {"state": "FAIL", "why": str(error)}
                answer = {"cells": dict.fromkeys(COLUMNS, cell), "seconds": None}
                done(order, answer)
                worker = Worker(setup, worker.limits)
                continue
            done(order, answer)
    finally:
        worker.close()


# -- in the worker --


def setup(order: Row) -> tuple[Any, Row]:
    """The `Subject` of an order and what is told of it.

    An order has ``library``, ``device``, ``oracle``, ``order`` and ``seed``.
    """
    import importlib.metadata

    import numpy as np

    from . import oracles, subject

    tellers = tuple(oracles.tellers(order["oracle"]))
    made = subject.subject(order["library"], order["device"], tellers, order["order"], order["seed"])
    backend = made.at.backend
    try:
        version = importlib.metadata.version(backend.package or order["library"].partition(".")[0])
    except importlib.metadata.PackageNotFoundError:
        version = str(getattr(made.at.native, "__version__", "unknown"))
    return made, {
        "version": version,
        "device": str(made.at.put(np.zeros(1, dtype="float32")).device),
        "second device": str(made.second.put(np.zeros(1, dtype="float32")).device),
        "dtypes": subject.dtypes(made.at),
        "deviations": dict(backend.deviations),
        "shapes only": made.shapes_only,
        "oracles": [*tellers, "finite-differences"],
    }


def main(answers: int) -> None:
    """Answer orders until there are no more."""
    from .cases import numbered
    from .run import judge_timed

    def answer(value: Row) -> None:
        os.write(answers, json.dumps(value).encode() + b"\n")

    try:
        made, told = setup(json.loads(sys.stdin.readline()))
    except BaseException as error:
        answer({"unusable": f"{type(error).__name__}: {' '.join(str(error).split())[:400]}"})
        return
    answer(told)
    table = numbered()
    for line in sys.stdin:
        order = json.loads(line)
        answer(judge_timed(table[order["case"]], order["dtype"], made, order["compiled"]))


if __name__ == "__main__":
    main(int(sys.argv[1]))
