"""Trees: nested tuples, lists and dicts, taken apart into their leaves and put together again.

The functional transforms take and return whatever nesting the user's function has. What is no tuple, list or dict is a
leaf; None is a tree without leaves. A dict keeps its own order, and another dict with the same keys matches it.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Callable
from typing import Any

_DICTS = (dict, collections.OrderedDict)


def _children(tree: Any) -> list[tuple[Any, Any]] | None:
    """(key, child) pairs of a node, None for a leaf."""
    if tree is None:
        return []
    if type(tree) in _DICTS:
        return list(tree.items())
    if type(tree) in (tuple, list) or (isinstance(tree, tuple) and hasattr(tree, "_fields")):
        return list(enumerate(tree))
    return None


@dataclasses.dataclass(frozen=True)
class Structure:
    """A tree without its leaves.

    Attributes:
        kind: the container's type; None for a leaf.
        keys: the keys or positions of its children.
        parts: the children's structures.
        count: the number of leaves in it.
    """

    kind: type | None
    keys: tuple[Any, ...] = ()
    parts: tuple[Structure, ...] = ()
    count: int = 1

    def unflatten(self, leaves: Any) -> Any:
        """The tree of this structure with these leaves.

        Raises:
            ValueError: if their number is not the structure's.
        """
        given = list(leaves)
        if len(given) != self.count:
            raise ValueError(f"a tree {self} has {self.count} leaves, got {len(given)}")
        return self._build(iter(given))

    def _build(self, leaves: Any) -> Any:
        if self.kind is None:
            return next(leaves)
        if self.kind is type(None):
            return None
        built = [part._build(leaves) for part in self.parts]
        if self.kind in _DICTS:
            return self.kind(zip(self.keys, built, strict=True))
        return self.kind(*built) if hasattr(self.kind, "_fields") else self.kind(built)

    def flatten_like(self, tree: Any, what: str) -> list[Any]:
        """The leaves of `tree`, which must have this structure, in this structure's order.

        Raises:
            ValueError: if the structures differ; says where, beginning with `what`.
        """
        if self.kind is None:
            return [tree]
        children = _children(tree)
        if children is None or (type(tree) is not self.kind and not {type(tree), self.kind} <= {tuple, list}):
            raise ValueError(f"{what}: expected the structure {self}, got {type(tree).__name__}")
        by_key = dict(children)
        if by_key.keys() != set(self.keys):
            raise ValueError(f"{what}: expected the structure {self}, got {structure(tree)}")
        return [
            leaf
            for key, part in zip(self.keys, self.parts, strict=True)
            for leaf in part.flatten_like(by_key[key], f"{what}[{key!r}]")
        ]

    def __str__(self) -> str:
        if self.kind is None:
            return "*"
        if self.kind is type(None):
            return "None"
        inner = list(map(str, self.parts))
        if self.kind in _DICTS:
            return "{" + ", ".join(f"{k!r}: {v}" for k, v in zip(self.keys, inner, strict=True)) + "}"
        if self.kind is list:
            return f"[{', '.join(inner)}]"
        name = "" if self.kind is tuple else self.kind.__name__
        return f"{name}({', '.join(inner)}{',' if len(inner) == 1 else ''})"


_LEAF = Structure(None)


def structure(tree: Any) -> Structure:
    """The structure of `tree`.

    Example:
        >>> from xpgrad.trees import structure
        >>> print(structure({"w": 1.0, "layers": [2.0, (3.0, None)]}))
        {'w': *, 'layers': [*, (*, None)]}
    """
    children = _children(tree)
    if children is None:
        return _LEAF
    parts = tuple(structure(child) for _, child in children)
    return Structure(type(tree), tuple(key for key, _ in children), parts, sum(part.count for part in parts))


def flatten(tree: Any) -> tuple[list[Any], Structure]:
    """The leaves of `tree`, depth first, and its structure.

    Example:
        >>> from xpgrad.trees import flatten
        >>> leaves, shape = flatten({"a": 1, "b": (2, 3)})
        >>> leaves, shape.unflatten([10, 20, 30])
        ([1, 2, 3], {'a': 10, 'b': (20, 30)})
    """
    found = structure(tree)
    return found.flatten_like(tree, "tree"), found


def map_leaves(function: Callable[[Any], Any], tree: Any) -> Any:
    """`tree` with `function` of each leaf in its place."""
    leaves, found = flatten(tree)
    return found.unflatten([function(leaf) for leaf in leaves])


def paths(tree: Any, prefix: str = "") -> list[str]:
    """How each leaf is reached, such as ``['w'][0]``, in the order of `flatten`."""
    children = _children(tree)
    if children is None:
        return [prefix]
    return [path for key, child in children for path in paths(child, f"{prefix}[{key!r}]")]


__all__ = ["Structure", "flatten", "map_leaves", "paths", "structure"]
