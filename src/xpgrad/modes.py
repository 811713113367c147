"""The modes of a thread: whether ops are recorded, whether inference is on, whether anomalies are looked for.

Each mode is switched by a class in PyTorch's spelling, which is a context manager and a decorator at once.
"""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable, Generator
from typing import Any


class _Modes(threading.local):
    """What this thread has switched on."""

    grad = True
    inference = False
    anomaly = False
    check_nan = True

    def switch(self, wanted: dict[str, bool]) -> dict[str, bool]:
        """Set the modes in `wanted`; returns what they were."""
        before = {name: getattr(self, name) for name in wanted}
        for name, value in wanted.items():
            setattr(self, name, value)
        return before


modes = _Modes()


class _Switch:
    """Modes for the length of a ``with`` block, or of each call of a decorated function."""

    def __init__(self, **wanted: bool) -> None:
        self._wanted = wanted
        self._before: list[dict[str, bool]] = []

    def __enter__(self) -> None:
        self._before.append(modes.switch(self._wanted))

    def __exit__(self, *_: object) -> None:
        modes.switch(self._before.pop())

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        wanted = self._wanted

        @functools.wraps(function)
        def switched(*args: Any, **kwargs: Any) -> Any:
            with _Switch(**wanted):
                return function(*args, **kwargs)

        @functools.wraps(function)
        def stepped(*args: Any, **kwargs: Any) -> Any:
            return (yield from _steps(function(*args, **kwargs), wanted))

        return stepped if inspect.isgeneratorfunction(function) else switched


def _steps(inner: Generator[Any, Any, Any], wanted: dict[str, bool]) -> Generator[Any, Any, Any]:
    """A generator like `inner` whose own code, but not the code between its steps, runs in the modes `wanted`."""
    resume: Callable[[], Any] = functools.partial(next, inner)
    while True:
        try:
            with _Switch(**wanted):
                value = resume()
        except StopIteration as done:
            return done.value
        try:
            resume = functools.partial(inner.send, (yield value))
        except GeneratorExit:
            with _Switch(**wanted):
                inner.close()
            raise
        except BaseException as error:
            resume = functools.partial(inner.throw, error)


class _Bare(_Switch):
    """A switch that decorates without parentheses too."""

    def __new__(cls, given: Any = None) -> Any:
        return cls()(given) if callable(given) else super().__new__(cls)


class _AtOnce(_Switch):
    """A switch that acts when it is made; at the end of its ``with`` block all is as before it was made."""

    def __init__(self, **wanted: bool) -> None:
        super().__init__(**wanted)
        super().__enter__()

    def __enter__(self) -> None:
        modes.switch(self._wanted)

    def __exit__(self, *_: object) -> None:
        modes.switch(self._before[0])

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        modes.switch(self._before[0])  # as a decorator, it acts when the function is called
        return super().__call__(function)


class no_grad(_Bare):
    """Record nothing inside: results do not require grad. A context manager and a decorator; per thread.

    Example:
        >>> import xpgrad
        >>> x = xpgrad.ones(2, requires_grad=True)
        >>> with xpgrad.no_grad():
        ...     (x * 2).requires_grad
        False
    """

    def __init__(self, given: None = None) -> None:
        super().__init__(grad=False)


class enable_grad(_Bare):
    """Record inside, also within `no_grad`. A context manager and a decorator; per thread."""

    def __init__(self, given: None = None) -> None:
        super().__init__(grad=True)


class inference_mode(_Bare):
    """As `no_grad`, and the Tensors computed inside can never require grad. ``inference_mode(False)`` ends it."""

    def __init__(self, mode: bool = True) -> None:
        super().__init__(grad=not mode, inference=mode)


class set_grad_enabled(_AtOnce):
    """Switch recording on or off: at once when called, and back at the end of a ``with`` block.

    Example:
        >>> import xpgrad
        >>> with xpgrad.set_grad_enabled(False):
        ...     xpgrad.is_grad_enabled()
        False
    """

    def __init__(self, mode: bool) -> None:
        super().__init__(grad=bool(mode))


class set_detect_anomaly(_AtOnce):
    """Look for the op whose gradient first became NaN, and name it and where it was called. Slow; for debugging."""

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        super().__init__(anomaly=mode, check_nan=check_nan)


class detect_anomaly(_Switch):
    """`set_detect_anomaly(True)` for the length of a ``with`` block."""

    def __init__(self, check_nan: bool = True) -> None:
        super().__init__(anomaly=True, check_nan=check_nan)


def is_grad_enabled() -> bool:
    """Whether ops are recorded in this thread now."""
    return modes.grad


def is_inference_mode_enabled() -> bool:
    """Whether `inference_mode` is on in this thread now."""
    return modes.inference


def is_anomaly_enabled() -> bool:
    """Whether anomalies are looked for in this thread now."""
    return modes.anomaly
