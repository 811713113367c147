"""An array library of your own, for the guide ``docs/new-library.md``: NumPy under another name, and nothing of xpgrad.

A conforming library is a namespace of functions, and arrays that say which namespace is theirs. This one passes what it
gets to NumPy's functions and wraps what they return. ``xpgrad conformance mylib``, where this file can be imported.
"""

import sys

import numpy as np

__version__ = "1.0"
__array_api_version__ = "2024.12"


class Array:
    """An array; everything but the name is NumPy's."""

    __array_priority__ = 100

    def __init__(self, held):
        self.held = np.asarray(held)

    def __array_namespace__(self, *, api_version=None):
        return sys.modules[__name__]

    def __array__(self, dtype=None, copy=None):
        return np.array(self.held, dtype=dtype, copy=copy)

    def __getattr__(self, name):
        return wrap(getattr(object.__getattribute__(self, "held"), name))


def bare(value):
    """NumPy's arrays in place of ours, in tuples and lists too."""
    if isinstance(value, list | tuple):
        return type(value)([bare(v) for v in value])
    return value.held if isinstance(value, Array) else value


def wrap(value):
    """Ours in place of NumPy's; functions that do the same with what they get and return."""
    if isinstance(value, np.ndarray | np.generic):
        return Array(value)
    if isinstance(value, tuple):
        fields = [wrap(v) for v in value]
        return type(value)(*fields) if hasattr(value, "_fields") else tuple(fields)
    if callable(value) and not isinstance(value, type | np.dtype):
        return lambda *args, **params: wrap(value(*map(bare, args), **{k: bare(v) for k, v in params.items()}))
    return value


class Extension:
    """``linalg`` and ``fft``."""

    def __init__(self, held):
        self.held = held

    def __getattr__(self, name):
        return wrap(getattr(self.held, name))


linalg, fft = Extension(np.linalg), Extension(np.fft)
_OPERATORS = """
add radd sub rsub mul rmul truediv rtruediv floordiv rfloordiv pow rpow mod rmod matmul rmatmul neg pos abs
and rand or ror xor rxor lshift rlshift rshift rrshift invert eq ne lt le gt ge getitem bool int float complex index len
"""
for _name in _OPERATORS.split():
    setattr(
        Array, f"__{_name}__", lambda self, *args, _n=f"__{_name}__": wrap(getattr(self.held, _n)(*map(bare, args)))
    )
bool = np.bool


def __array_namespace_info__():
    return np.__array_namespace_info__()


def clip(x, /, min=None, max=None):
    return Array(np.clip(x.held, bare(min), bare(max)))


def argsort(x, /, *, axis=-1, descending=False, stable=True):
    """NumPy's sort has no `descending`: the conformance run says so."""
    if not descending:
        return Array(np.argsort(x.held, axis=axis, stable=stable))
    backwards = np.argsort(np.flip(x.held, axis), axis=axis, stable=stable)  # so that equal elements keep their order
    return Array(x.held.shape[axis] - 1 - np.flip(backwards, axis))


def sort(x, /, *, axis=-1, descending=False, stable=True):
    return Array(np.take_along_axis(x.held, argsort(x, axis=axis, descending=descending, stable=stable).held, axis))


def __getattr__(name):
    return wrap(getattr(np, name))
