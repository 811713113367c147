"""What a Tensor says when it is asked for a name that it does not have."""

from __future__ import annotations

from typing import Any, NoReturn


class MissingName(AttributeError):
    """An AttributeError that looks for the nearest name when it is shown, so that `hasattr` stays cheap."""

    def __str__(self) -> str:
        import difflib  # for the message alone

        near = difflib.get_close_matches(str(self.name), dir(type(self.obj)), n=1)
        hint = f"; the nearest there is: {near[0]}" if near else ""
        owner = type(self.obj).__name__
        return f"'{owner}' object has no attribute {self.name!r}: PyTorch may have it, xpgrad does not{hint}"


def missing(self: Any, name: str) -> NoReturn:
    """``Tensor.__getattr__``: called for names that are nowhere."""
    if name.startswith("_"):
        raise AttributeError(f"'{type(self).__name__}' object has no attribute {name!r}", name=name, obj=self)
    raise MissingName(name=name, obj=self)
