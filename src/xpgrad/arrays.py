"""The door to array libraries: which namespace does this array belong to?

Everything in xpgrad computes through a *namespace*, the module of functions that the Python Array API standard
describes. This file finds the namespace of an array and remembers it by the array's type. It is the only one that
imports array-api-compat, and it names no array library.
"""

from __future__ import annotations

import importlib
from typing import Any

import array_api_compat

Array = Any
Namespace = Any

_by_type: dict[type, Namespace] = {}


def namespace_of(array: Array) -> Namespace:
    """The Array API namespace that `array` belongs to.

    Raises:
        TypeError: if `array` is no array of a library that follows the standard.
    """
    kind = type(array)
    found = _by_type.get(kind)
    if found is None:
        try:
            found = array_api_compat.array_namespace(array)
        except (TypeError, ValueError) as error:
            raise TypeError(
                f"{kind.__module__}.{kind.__qualname__} is not an array of a library that follows the Python Array "
                "API standard; pass such an array, or make one with xpgrad.tensor(...)"
            ) from error
        _by_type[kind] = found
    return found


def is_array(value: object) -> bool:
    """Whether `value` is an array of some library that follows the standard."""
    return type(value) in _by_type or bool(array_api_compat.is_array_api_obj(value))


def host_array(array: Array) -> Array:
    """The array on the host, as NumPy's."""
    host = importlib.import_module("array_api_compat.numpy")
    try:
        return host.asarray(array)
    except (TypeError, ValueError):
        return host.from_dlpack(array)


def from_bytes(buffer: bytes, dtype_name: str) -> Array:
    """A NumPy array of the numbers in `buffer`."""
    return importlib.import_module("array_api_compat.numpy").frombuffer(buffer, dtype=dtype_name)


def import_namespace(path: str) -> Namespace:
    """The namespace at import path `path`: a library's own, or array-api-compat's wrapper of it."""
    module = importlib.import_module(path)
    info = getattr(module, "__array_namespace__", None)
    return info() if callable(info) else module
