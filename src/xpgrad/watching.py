"""Watching a step: which cells of state it reads and writes, and what else it asks Python for.

A cell is a slot that holds an array (a Tensor's, or that of a storage that several Tensors share) or a leaf's gradient.
While a step is watched, and at no other time, these slots are replaced by properties, so whatever the step touches is
noted, and nobody has to list the state. What is not an array is noted too: random draws, learning rates and schedules
are events, in the order of the step; what the step's Python may branch on (training or not, options) are guards.
"""

from __future__ import annotations

import contextlib
import functools
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

from . import random
from .nn.module import Module
from .optim.lr_scheduler import LRScheduler
from .optim.optimizer import Optimizer
from .tensor import Tensor, make
from .views import Storage

Cell = tuple[Any, str]
watches: list[Watch] = []  # those that see what runs now
_UNSET = object()
_SLOTS = {(cls, name): cls.__dict__[name] for cls, name in ((Tensor, "_array"), (Storage, "array"), (Tensor, "_grad"))}


class CompileError(RuntimeError):
    """A step that cannot become one program; says why, and where."""


class Unforeseen(Exception):
    """A trace met events that the watched run did not."""


def content(cell: Cell) -> Any:
    """What a cell holds, unwatched."""
    owner, name = cell
    return _SLOTS[Tensor if isinstance(owner, Tensor) else Storage, name].__get__(owner)


def put(cell: Cell, value: Any) -> None:
    """Set a cell, unwatched."""
    owner, name = cell
    _SLOTS[Tensor if isinstance(owner, Tensor) else Storage, name].__set__(owner, value)


class Watch:
    """What one run of a step does beyond computing.

    Args:
        given: while tracing, what stands for the value of each event.
        known: while tracing, the cells that are inputs.

    Attributes:
        outside: by identity, cells that were there before, and what they held when they were first touched.
        written: those of them that were set.
        new: while tracing, the cells from outside that are no inputs yet.
        events: (kind, subject): ("draw", its call), ("rate", the optimizer's group), ("schedule", its call).
        values: the value of each event, where it was not given.
        guards: (a look, what it saw).
        made: the Tensors that the step made.
    """

    def __init__(self, given: Iterator[Any] | None = None, known: list[Cell] | None = None) -> None:
        self.outside: dict[tuple[int, str], tuple[Cell, Any]] = {}
        self.written: dict[tuple[int, str], Cell] = {}
        self.new: list[Cell] = []
        self.events: list[tuple[str, Any]] = []
        self.values: list[Any] = []
        self.guards: dict[Any, tuple[Callable[[], Any], Any]] = {}
        self.made: list[weakref.ref[Tensor]] = []
        self._own: set[int] = set()
        self._given = given
        self._known = None if known is None else {(id(owner), name) for owner, name in known}
        self._thread = threading.get_ident()

    def _ignored(self, owner: Any) -> bool:  # the step's own, or another thread's
        return id(owner) in self._own or threading.get_ident() != self._thread

    def read(self, cell: Cell, value: Any) -> None:
        """Note the first reading of a cell from outside."""
        owner, name = cell
        key = (id(owner), name)
        if self._ignored(owner) or key in self.outside:
            return
        self.outside[key] = (cell, value)
        if name == "_grad":
            self.guard(key, lambda: content(cell) is None)
        elif self._known is not None and key not in self._known:
            self.new.append(cell)

    def write(self, cell: Cell, before: Any) -> None:
        """Note a write. An owner whose array is set for the first time is the step's own."""
        owner, name = cell
        if before is _UNSET and threading.get_ident() == self._thread:  # it may lie where one of the step's own lay
            self._own.add(id(owner))
            if isinstance(owner, Tensor):
                self.made.append(weakref.ref(owner))
        if self._ignored(owner):
            return
        key = (id(owner), name)
        self.outside.setdefault(key, (cell, before))
        self.written[key] = cell

    def event(self, kind: str, subject: Any, value: Callable[[], Any]) -> Any:
        """Note an event; its value is computed, or, while tracing, the program's input that stands for it."""
        self.events.append((kind, subject))
        if self._given is None:
            self.values.append(value())
            return self.values[-1]
        try:
            return next(self._given)
        except StopIteration:
            raise Unforeseen from None

    def guard(self, key: Any, look: Callable[[], Any]) -> None:
        """Note what the step's Python may branch on."""
        if key not in self.guards:
            self.guards[key] = (look, look())


def _watched(slot: Any, name: str, watch: Watch) -> property:
    def get(owner: Any) -> Any:
        value = slot.__get__(owner)
        watch.read((owner, name), value)
        return value

    def set_(owner: Any, value: Any) -> None:
        try:
            before = slot.__get__(owner)
        except AttributeError:
            before = _UNSET
        watch.write((owner, name), before)
        slot.__set__(owner, value)

    return property(get, set_)


def _doors(watch: Watch) -> dict[tuple[type, str], Any]:
    """What stands, while watching, in the place of the methods through which Python's state is asked for."""
    rates: dict[int, Any] = {}
    update, call = Optimizer._update, Module.__call__

    def update_(self: Any, p: Tensor, grad: Tensor, group: dict[str, Any]) -> None:
        if isinstance(group["lr"], int | float):
            if id(group) not in rates:
                rates[id(group)] = watch.event("rate", group, lambda: group["lr"])
                watch.guard(
                    id(group), lambda: {k: v for k, v in group.items() if k not in ("params", "lr", "initial_lr")}
                )
            if rates[id(group)] is not group["lr"]:
                return update(self, p, grad, {**group, "lr": make(rates[id(group)])})
        return update(self, p, grad, group)

    def call_(self: Any, *args: Any, **kwargs: Any) -> Any:
        watch.guard(id(self), lambda: self.training)
        return call(self, *args, **kwargs)

    def scheduled(step: Any) -> Any:
        @functools.wraps(step)
        def step_(self: Any, *args: Any, **kwargs: Any) -> Any:
            if any(isinstance(a, Tensor) for a in (*args, *kwargs.values())):
                raise CompileError(
                    f"{type(self).__name__}.step(metric) looks at a number that the program computes; call it "
                    "outside of the compiled step"
                )
            rates.clear()
            action = functools.partial(step, self, *args, **kwargs)
            return watch.event("schedule", action, action)

        return step_

    schedules = {
        (cls, "step"): scheduled(cls.__dict__["step"]) for cls in _family(LRScheduler) if "step" in cls.__dict__
    }
    return {(Optimizer, "_update"): update_, (Module, "__call__"): call_, **schedules}


def _family(cls: type) -> list[type]:
    """A class and all that derive from it."""
    found = [cls]
    subclass: type
    for subclass in cls.__subclasses__():
        found += _family(subclass)
    return found


@contextlib.contextmanager
def watching(watch: Watch) -> Iterator[None]:
    """Let `watch` see what runs inside."""

    def drawn(draw: Callable[[], Any]) -> Any:
        return watch.event("draw", draw, draw)

    replaced = {(cls, name): _watched(slot, name, watch) for (cls, name), slot in _SLOTS.items()} | _doors(watch)
    before = {(cls, name): cls.__dict__.get(name, _UNSET) for cls, name in replaced}
    random.hooks.append(drawn)
    watches.append(watch)
    for (cls, name), value in replaced.items():
        setattr(cls, name, value)
    try:
        yield
    finally:
        for (cls, name), value in before.items():
            if value is _UNSET:
                delattr(cls, name)
            else:
                setattr(cls, name, value)
        random.hooks.remove(drawn)
        watches.remove(watch)
