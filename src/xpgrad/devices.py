"""Devices under one name for every library: ``cpu``, ``cuda:0``, or whatever a library calls its own."""

from __future__ import annotations

from typing import Any

from .backend import Backend


class device:  # PyTorch's spelling
    """Where a Tensor's array lies.

    Args:
        type: the device's name, ``"cpu"`` or ``"cuda"``, or both parts at once, ``"cuda:1"``.
        index: which of several, or None.

    Example:
        >>> import xpgrad
        >>> xpgrad.device("cuda:1"), xpgrad.zeros(2).device
        (device(type='cuda', index=1), device(type='cpu'))
    """

    __slots__ = ("index", "type")

    def __init__(self, type: str | device, index: int | None = None) -> None:
        name, _, number = str(type).partition(":")
        self.type = name
        self.index = int(number) if number.isdigit() else index

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __repr__(self) -> str:
        return f"device(type={self.type!r}{'' if self.index is None else f', index={self.index}'})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, device) and (self.type, self.index) == (other.type, other.index)

    def __hash__(self) -> int:
        return hash((self.type, self.index))


# devices that arrays came from, by backend and name: a library may have more than its backend lists
_met: dict[tuple[str, str], Any] = {}


def from_native(native_device: Any, known: Backend) -> device:
    """xpgrad's name for a library's own device object, which `native` will know from now on."""
    found = device(known.device_name(native_device))
    _met[known.name, str(found)] = native_device
    return found


def native(wanted: Any, xp: Any, known: Backend) -> Any:
    """The library's own device object for `wanted`: a name, a `device`, a native object, or None.

    Raises:
        RuntimeError: if the library has no such device; lists those that it has.
    """
    if wanted is None or not isinstance(wanted, str | device):
        return wanted
    asked = wanted if isinstance(wanted, device) else device(wanted)
    there = {str(from_native(d, known)): d for d in known.devices(xp)}
    there |= {name: d for (backend, name), d in _met.items() if backend == known.name}
    for name, found in there.items():
        if name == str(asked) or (asked.index in (None, 0) and device(name).type == asked.type):
            return found
    raise RuntimeError(
        f"backend '{known.name}' has no device '{asked}' here; it has {', '.join(there)}. "
        "For a GPU choose the backend cupy, jax or torch with its CUDA build installed"
    )
