"""What xpgrad knows of an array library beyond the standard: the Backend contract, and the choice of one.

A `Backend` is a frozen literal that says all there is to say about one library, once. Backends are found through
the entry-point group ``xpgrad.backends``; a library that nobody registered works through `Backend`'s defaults.
The *chosen* backend decides where creation functions put new arrays; an array that comes from a library decides
for itself.
"""

from __future__ import annotations

import contextlib
import contextvars
import dataclasses
import functools
import importlib.util
import os
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from . import arrays

_TOLERANCES: Mapping[str, tuple[float, float]] = MappingProxyType(
    {"float32": (1e-4, 1e-5), "float64": (1e-9, 1e-11), "complex64": (1e-4, 1e-5), "complex128": (1e-9, 1e-11)}
)


def _standard_devices(xp: Any) -> list[Any]:
    return list(xp.__array_namespace_info__().devices())


@dataclasses.dataclass(frozen=True, kw_only=True)
class Backend:
    """All that xpgrad knows of one array library.

    Attributes:
        name: how users choose it.
        namespace: import path of its Array API namespace.
        package: the package whose presence makes it available, and whose version is reported.
        extra: what to install when it is absent, ``pip install 'xpgrad[extra]'``.
        devices: the library's device objects, the default one first; called with the namespace.
        device_name: a device object's name as users write it, ``cpu`` or ``cuda:0``.
        prepare: run once before first use (turning JAX's 64-bit mode on, say).
        tolerances: dtype name to (rtol, atol) at which results count as equal.
        functions: quicker spellings of functions of the standard, by name; same parameters, same results.
        index_put: ``(array, key, values, accumulate) -> new array``, a native scatter; None where there is none.
        to_numpy: an array to a NumPy array on the host; None where ``numpy.asarray`` does it.
        compile: a just-in-time compiler of functions of arrays; None where there is none.
        synchronize: wait until an array's computation is done; None where it always is.
        deviations: op name to the reason why the library deviates from the standard or from PyTorch there.

    Example:
        >>> from xpgrad.backend import Backend
        >>> Backend(name="mylib", namespace="mylib.array_api").extra
        ''
    """

    name: str
    namespace: str
    package: str = ""
    extra: str = ""
    devices: Callable[[Any], list[Any]] = _standard_devices
    device_name: Callable[[Any], str] = str
    prepare: Callable[[], None] | None = None
    tolerances: Mapping[str, tuple[float, float]] = dataclasses.field(default_factory=lambda: _TOLERANCES)
    functions: Mapping[str, Callable[..., Any]] = dataclasses.field(default_factory=dict)
    index_put: Callable[[Any, Any, Any, bool], Any] | None = None
    to_numpy: Callable[[Any], Any] | None = None
    compile: Callable[..., Any] | None = None
    synchronize: Callable[[Any], Any] | None = None
    deviations: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def installed(self) -> bool:
        """Whether the library is there to be imported."""
        root = (self.package or self.namespace).partition(".")[0].replace("-", "_")
        return importlib.util.find_spec(root) is not None

    def load(self) -> Any:
        """The library's namespace, imported and prepared.

        Raises:
            ModuleNotFoundError: if the library is not installed; says which extra brings it.
        """
        return _load(self)


@functools.cache
def _load_by_name(name: str, namespace: str) -> Any:
    backend = registered().get(name) or Backend(name=name, namespace=namespace)
    if not backend.installed:
        hint = f"pip install 'xpgrad[{backend.extra}]'" if backend.extra else f"install {backend.package or name}"
        raise ModuleNotFoundError(f"backend '{name}' needs a library that is not installed; {hint}")
    if backend.prepare is not None:
        backend.prepare()
    return arrays.import_namespace(backend.namespace)


def _load(backend: Backend) -> Any:
    return _load_by_name(backend.name, backend.namespace)


@functools.cache
def registered() -> dict[str, Backend]:
    """Every backend that an installed package offers, by name."""
    import importlib.metadata  # slow to import, and needed at the first op only

    points = importlib.metadata.entry_points(group="xpgrad.backends")
    return {point.name: point.load() for point in points}


def named(name: str) -> Backend:
    """The backend called `name`, or one for the importable namespace at path `name`.

    Raises:
        ValueError: if there is neither; lists what there is.
    """
    found = registered().get(name)
    if found is not None:
        return found
    try:
        known = importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        known = False
    if not known:
        raise ValueError(f"unknown backend '{name}'; choose one of {', '.join(sorted(registered()))}, "
                         "or give the import path of an Array API namespace")  # fmt: skip
    return Backend(name=name, namespace=name)


def of_namespace(xp: Any) -> Backend:
    """The backend of library namespace `xp`; `Backend`'s defaults where nobody registered one."""
    path = getattr(xp, "__name__", type(xp).__name__)
    for backend in registered().values():
        if path in (backend.namespace, backend.namespace.removeprefix("array_api_compat.")):
            return backend
    return Backend(name=path, namespace=path)


_chosen: contextvars.ContextVar[str | None] = contextvars.ContextVar("xpgrad_backend", default=None)
_process_choice: list[str] = []


def get_backend() -> Backend:
    """The chosen backend: by `backend()` in this context, else by `set_backend`, else by ``XPGRAD_BACKEND``, else
    numpy.

    Example:
        >>> import xpgrad
        >>> xpgrad.get_backend().name
        'numpy'
    """
    name = _chosen.get() or (_process_choice[0] if _process_choice else os.environ.get("XPGRAD_BACKEND") or "numpy")
    return named(name)


def set_backend(name: str) -> None:
    """Choose where creation functions put new arrays, for the whole process.

    Raises:
        ValueError: for an unknown name. ModuleNotFoundError: if its library is not installed.
    """
    named(name).load()
    _process_choice[:] = [name]


@contextlib.contextmanager
def backend(name: str) -> Iterator[Backend]:
    """Choose a backend within a ``with`` block, for this thread alone.

    Example:
        >>> import xpgrad
        >>> with xpgrad.backend("numpy") as chosen:
        ...     chosen.name
        'numpy'
    """
    chosen = named(name)
    chosen.load()
    token = _chosen.set(name)
    try:
        yield chosen
    finally:
        _chosen.reset(token)
