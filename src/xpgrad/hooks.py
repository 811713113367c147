"""Hooks: callables that see, and may change, gradients on their way; and the handles that remove them."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable
from typing import Any


class Hooks:
    """Callables in the order they were added, each removable by its handle."""

    __slots__ = ("__weakref__", "calls")

    def __init__(self) -> None:
        self.calls: dict[int, Callable[..., Any]] = {}

    def add(self, hook: Callable[..., Any]) -> Handle:
        """Append `hook`."""
        handle = Handle(self)
        self.calls[handle.id] = hook
        return handle

    def run(self, value: Any, *others: Any) -> Any:
        """Pass `value` through every hook; one that returns None leaves it as it is."""
        for hook in list(self.calls.values()):
            changed = hook(value, *others)
            if changed is not None:
                value = changed
        return value


class Handle:
    """Removes a hook: ``handle.remove()``, or at the end of a ``with`` block."""

    _ids = itertools.count()

    def __init__(self, hooks: Hooks) -> None:
        self.id = next(self._ids)
        self._hooks = weakref.ref(hooks)

    def remove(self) -> None:
        """Take the hook away; a second time does nothing."""
        hooks = self._hooks()
        if hooks is not None:
            hooks.calls.pop(self.id, None)

    def __enter__(self) -> Handle:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()


class NodeHooks:
    """All hooks at one node.

    Attributes:
        tensor: on the gradient of an output, by its index.
        retained: what keeps that gradient for ``.grad``, after the others.
        before, after: on the node itself, before and after its rules are called.
        accumulated: after a leaf's ``.grad`` was added to; called with the leaf.
    """

    __slots__ = ("accumulated", "after", "before", "retained", "tensor")

    def __init__(self) -> None:
        self.tensor: dict[int, Hooks] = {}
        self.retained: dict[int, Hooks] = {}
        self.before = Hooks()
        self.after = Hooks()
        self.accumulated = Hooks()
