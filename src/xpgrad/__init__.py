"""xpgrad: gradients for any Python array library.

``import xpgrad`` and choose a backend, or hand it an array; ``import xpgrad as torch`` and run a PyTorch script. The
names here are PyTorch's where it differs from the Array API standard, and the standard's functions everywhere else.
"""

from __future__ import annotations

import importlib
from typing import Any

from . import autograd, dtypes
from .backend import Backend, backend, get_backend, set_backend
from .backward import grad as _grad
from .creation import *  # noqa: F403
from .creation import Generator
from .devices import device
from .dtypes import (
    bfloat16,
    complex64,
    complex128,
    dtype,
    float16,
    float32,
    float64,
    get_default_dtype,
    int8,
    int16,
    int32,
    int64,
    set_default_dtype,
    uint8,
    uint16,
    uint32,
    uint64,
)
from .modes import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from .namespace import array_namespace, function
from .op import op
from .printing import set_printoptions
from .random import fork_rng, initial_seed, manual_seed, seed
from .sizes import Size
from .tensor import Tensor
from .torch_names.attach import attach

globals().update(attach())
bool = bool_ = dtypes.bool_
float = float32
double = float64
half = float16
int = int32
long = int64
short = int16
cfloat = complex64
cdouble = complex128
promote_types = dtypes.promote
from math import e, inf, nan, pi  # noqa: E402

__version__ = "0.1.0"

_SUBMODULES = frozenset({"nn", "optim", "utils", "func", "check", "linalg", "fft", "special", "cuda", "io",
                         "random", "signal", "masked", "testing", "serialization"})  # fmt: skip
_LATE = {
    "compile": "compiled",
    "save": "serialization",
    "load": "serialization",
}  # functions whose file is read when they are first asked for


def __getattr__(name: str) -> Any:
    if name in _SUBMODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name in _LATE:
        return getattr(importlib.import_module(f"{__name__}.{_LATE[name]}"), name)
    if not name.startswith("_") and "." not in name:
        try:
            return function(name)
        except AttributeError:
            pass
    import difflib

    near = difflib.get_close_matches(name, [*globals(), *_SUBMODULES], n=1)
    hint = f"; the nearest there is: {near[0]}" if near else ""
    raise AttributeError(f"module 'xpgrad' has no attribute {name!r}: PyTorch may have it, xpgrad does not{hint}")
