"""Writing PyTorch's files."""

from __future__ import annotations

import io
import math
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

from .. import dtypes
from ..devices import device
from ..io import host_bytes, replacing
from ..nn.parameter import Parameter
from ..sizes import Size
from ..tensor import Tensor
from ..views import detach
from .layout import NAME_OF, UNTYPED, dense
from .pickles import Call, Global, Persistent, write

_ALIGNMENT = 64


def save(obj: Any, f: Any, pickle_module: Any = None, pickle_protocol: int = 2,
         _use_new_zipfile_serialization: bool = True) -> None:  # fmt: skip
    """Write Tensors, containers, numbers and strings to a file that PyTorch's ``torch.load`` reads; all or nothing.

    Tensors that are one, such as tied weights, stay one. Views of one Tensor are written each on its own.

    Args:
        obj: such as a module's ``state_dict()``.
        f: a path (a file that is there already stays whole until the new one is complete), or a file-like object.
        pickle_module, pickle_protocol: accepted, without effect.
        _use_new_zipfile_serialization: True; the older format is not written.

    Raises:
        TypeError: for an object that cannot be written; a module, say: save its ``state_dict()``.
        OSError: if the file cannot be written; the old one is unchanged.

    Example:
        >>> import io, xpgrad
        >>> buffer = io.BytesIO()
        >>> xpgrad.save({"w": xpgrad.tensor([1.0, 2.0]), "epoch": 3}, buffer)
        >>> _ = buffer.seek(0)
        >>> xpgrad.load(buffer)
        {'w': tensor([1., 2.]), 'epoch': 3}
    """
    if not _use_new_zipfile_serialization:
        raise ValueError("save: only the zip format is written; leave _use_new_zipfile_serialization True")
    writer = _Converter()
    content = write(obj, writer.convert)
    if hasattr(f, "write"):
        buffer = io.BytesIO()
        _archive(buffer, "archive", content, writer.storages)
        f.write(buffer.getvalue())
        return
    with replacing(f) as temporary, open(temporary, "wb") as opened:
        _archive(opened, Path(f).stem or "archive", content, writer.storages)


class _Converter:
    """Makes of Tensors what the pickle holds, and gathers their storages."""

    def __init__(self) -> None:
        self.storages: list[Any] = []
        self.numbers: dict[Any, tuple[Persistent, Any]] = {}
        self.calls: dict[int, tuple[Any, Any]] = {}

    def convert(self, value: Any) -> Any:
        """The pickle's form of an object that is no plain one."""
        if id(value) not in self.calls:
            self.calls[id(value)] = self._call(value), value  # with the object, whose id is its own while it lives
        return self.calls[id(value)][0]

    def _call(self, value: Any) -> Any:
        if isinstance(value, Parameter):
            plain = self._tensor(detach(value), False)
            return Call(("torch._utils", "_rebuild_parameter"), plain, value.requires_grad, OrderedDict())
        if isinstance(value, Tensor):
            return self._tensor(value, value.requires_grad)
        if isinstance(value, Size):
            return Call(("torch", "Size"), tuple(value))
        if isinstance(value, dtypes.dtype):
            return Global(("torch", value.name), dtypes.dtype)
        if isinstance(value, device):
            return Call(("torch", "device"), *([value.type] if value.index is None else [value.type, value.index]))
        kind = type(value)
        hint = "; save its state_dict()" if hasattr(value, "state_dict") else ""
        raise TypeError(f"save: an object of type {kind.__module__}.{kind.__qualname__} cannot be written; only "
                        f"Tensors, plain containers, numbers and strings{hint}")  # fmt: skip

    def _tensor(self, t: Tensor, requires_grad: bool) -> Call:
        view = t._view
        same = (id(view.storage), id(view.path)) if view is not None else (id(t), 0)
        shape, kind = tuple(t.shape), t.dtype
        if same not in self.numbers:
            host = host_bytes(t)
            typed = kind in NAME_OF
            name = ("torch", NAME_OF[kind]) if typed else UNTYPED
            count = math.prod(shape) if typed else host.nbytes
            key = ("storage", Global(name, dtypes.dtype), str(len(self.storages)), "cpu", count)
            self.storages.append(host)
            self.numbers[same] = Persistent(key), (t, view)  # alive, so that their ids stay theirs
        storage: Any = self.numbers[same][0]
        rest: Any = (0, shape, dense(shape), requires_grad, OrderedDict())
        if kind in NAME_OF:
            return Call(("torch._utils", "_rebuild_tensor_v2"), storage, *rest)
        return Call(("torch._utils", "_rebuild_tensor_v3"), storage, *rest, Global(("torch", kind.name), dtypes.dtype))


def _archive(opened: Any, folder: str, content: bytes, storages: list[Any]) -> None:
    """The zip archive, each entry at a multiple of 64 bytes, so that it can be mapped into memory."""
    entries = [("data.pkl", content), (".format_version", b"1"), (".storage_alignment", str(_ALIGNMENT).encode()),
               ("byteorder", b"little"), *((f"data/{i}", host) for i, host in enumerate(storages)),
               ("version", b"3\n")]  # fmt: skip
    with zipfile.ZipFile(opened, "w", zipfile.ZIP_STORED) as archive:
        for name, value in entries:
            info = zipfile.ZipInfo(f"{folder}/{name}")
            begin = opened.tell() + 30 + len(info.filename.encode()) + 4
            padding = -begin % _ALIGNMENT
            info.extra = b"FB" + padding.to_bytes(2, "little") + b"Z" * padding
            archive.writestr(info, value if isinstance(value, bytes) else value.tobytes())

