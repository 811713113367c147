"""Layers from tables: those that keep their arguments and call one function, and those for one, two and three axes."""

from __future__ import annotations

import inspect
from typing import Any

from . import functional as F
from .module import Module

REQUIRED = inspect.Parameter.empty


class Stored(Module):
    """A layer that calls ``functional.<function>`` on its inputs, with its own attributes.

    `arguments` are (name, default) in the order of the constructor, `keyword_only` says that they must be named, and
    `shown` is the format of what is printed between the parentheses.
    """

    function: str = ""
    arguments: tuple[tuple[str, Any], ...] = ()
    shown: str = ""
    keyword_only: bool = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.arguments and "__init__" not in vars(cls):
            kind = inspect.Parameter.KEYWORD_ONLY if cls.keyword_only else inspect.Parameter.POSITIONAL_OR_KEYWORD
            given = [inspect.Parameter(name, kind, default=default) for name, default in cls.arguments]
            cls.__signature__ = inspect.Signature(given)  # type: ignore[attr-defined]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()
        signature: inspect.Signature = getattr(type(self), "__signature__", inspect.Signature())
        try:
            given = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{type(self).__name__}{signature}: {error}") from error
        given.apply_defaults()
        for name, value in given.arguments.items():
            setattr(self, name, value)

    def stored(self) -> dict[str, Any]:
        """The arguments, as they are now."""
        return {name: getattr(self, name) for name, _ in self.arguments}

    def forward(self, *inputs: Any) -> Any:
        """Whatever the function takes."""
        return getattr(F, self.function)(*inputs, **self.stored())

    def extra_repr(self) -> str:
        """The arguments that are shown."""
        return self.shown.format(**self.stored())


def family(module: str, base: Any, doc: str | None = None) -> list[Any]:
    """The layers for one, two and three spatial axes, made of `base`; ``{axes}`` in `doc` names the axes."""
    name = base.__name__.removeprefix("_")
    found = []
    for n, axes in enumerate(("width", "height, width", "depth, height, width"), 1):
        text = base.__doc__ if doc is None else doc.format(axes=axes)
        found.append(type(f"{name}{n}d", (base,), {"__doc__": text, "__module__": module, "spatial": n}))
    return found


def made(module: str, name: str, function: str, *arguments: tuple[str, Any], base: type[Stored] = Stored,
         **attributes: Any) -> Any:  # fmt: skip
    """The layer `name` of the file `module`, which calls `function`."""
    what = (getattr(F, function).__doc__ or "").strip().splitlines()[0]
    body = {"__doc__": f"{what}\n\n    See `functional.{function}`.\n    ", "__module__": module, "function": function,
            "arguments": arguments, **attributes}  # fmt: skip
    return type(name, (base,), body)
