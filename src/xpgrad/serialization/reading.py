"""Reading PyTorch's files.

The pickle is read as data, twice: first to see that nothing is wrong or refused, then to make the Tensors.
"""

from __future__ import annotations

import io
import math
import os
import struct
import zipfile
from collections import Counter, OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from .. import arrays, creation, dtypes
from ..devices import device
from ..io import widened
from ..nn.parameter import Parameter
from ..op import OPS
from ..sizes import Size
from ..tensor import Tensor, apply
from ..views import detach
from .layout import STORAGES, UNTYPED, dense
from .pickles import Global, LoadError, Name, RefusedError, read

_LEGACY = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"


class _Storage(NamedTuple):
    key: str
    kind: dtypes.dtype | None  # None for bytes of any kind
    location: str
    length: int


def load(f: Any, map_location: Any = None, pickle_module: Any = None, *, weights_only: bool | None = None,
         mmap: bool | None = None, **pickle_load_args: Any) -> Any:  # fmt: skip
    """What PyTorch's ``torch.save``, or `save`, wrote: Tensors, plain containers, numbers and strings.

    Nothing in the file is executed. The Tensors are on the chosen backend.

    Args:
        f: a path, or a file-like object that is read from where it stands.
        map_location: a device for all Tensors; a dict from the saved locations to devices; or a function of a Tensor
            and its saved location, whose result, if it is one, is taken. None: the chosen backend's own device.
        pickle_module, mmap, weights_only, pickle_load_args: accepted; files are read this one way.

    Raises:
        FileNotFoundError: if there is no such file.
        LoadError: for a file that is cut short, tampered with or of another format; a RuntimeError.
        RefusedError: for anything else than the above in it; says what. A LoadError and a pickle.UnpicklingError.

    Source: the layout is described at https://pytorch.org/docs/stable/notes/serialization.html .
    """
    where = str(f) if isinstance(f, str | os.PathLike) else "the file"
    content: Any = io.BytesIO(f.read()) if hasattr(f, "read") else Path(f)
    try:
        if not _whole(lambda: zipfile.is_zipfile(content)):
            raise LoadError(_what_else(content))
        with _whole(lambda: zipfile.ZipFile(content)) as archive:
            return _Reader(archive, map_location).read()
    except LoadError as error:
        raise type(error)(f"{where}: {error}") from error.__cause__


def _whole(step: Callable[[], Any]) -> Any:
    """What a step of reading the archive gives; what `zipfile` says of a damaged one is made one error."""
    try:
        return step()
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError, struct.error) as error:
        raise LoadError(f"cut short or tampered with ({error})") from error


def _what_else(content: Any) -> str:
    """What a file is that is no zip archive."""
    with content.open("rb") if isinstance(content, Path) else content as opened:
        opened.seek(0)
        begin = opened.read(512)
    if begin.startswith(_LEGACY) or begin[257:262] == b"ustar":
        return ("written in PyTorch's format from before version 1.6, which is not read here; load it there and save "
                "it again")  # fmt: skip
    if begin[8:10] == b'{"':
        return "a safetensors file; read it with xpgrad.io.load_file"
    return "cut short, tampered with, or no file of PyTorch's"


class _Reader:
    """One archive being read."""

    def __init__(self, archive: zipfile.ZipFile, map_location: Any) -> None:
        self.archive = archive
        self.map_location = map_location
        names = archive.namelist()
        found = [name for name in names if name.rpartition("/")[2] == "data.pkl" and name.count("/") == 1]
        if len(found) != 1:
            raise LoadError("an archive without PyTorch's data.pkl, so no file that torch.save wrote")
        self.folder = found[0].removesuffix("data.pkl")
        if len(set(names)) != len(names):
            raise LoadError("tampered with: two entries of the archive have one name")
        if f"{self.folder}constants.pkl" in names:
            raise RefusedError("it is a TorchScript program and not only Tensors; save its state_dict() instead")
        if self._entry("byteorder", b"little").strip() != b"little":
            raise RefusedError("its numbers are big-endian, which is not read here")
        self.uses: Counter[str] = Counter()
        self.making = False
        self.whole: dict[str, Tensor] = {}
        self.made: dict[Any, Tensor] = {}

    def _entry(self, name: str, default: bytes | None = None) -> bytes:
        """The bytes of an entry, checked against its checksum."""
        try:
            info = self.archive.getinfo(self.folder + name)
        except KeyError:
            if default is not None:
                return default
            raise LoadError(f"cut short or tampered with: it has no entry {name}") from None
        if info.compress_type != zipfile.ZIP_STORED:
            raise RefusedError(f"its entry {name} is compressed, as PyTorch's never are")
        return _whole(lambda: self.archive.read(info))  # type: ignore[no-any-return]

    def read(self) -> Any:
        """What was saved."""
        content = self._entry("data.pkl")
        for self.making in (False, True):
            found = read(content, self._named, self._persistent)
        return found

    def _named(self, name: Name) -> Any:
        """What a name in the pickle stands for."""
        module, attribute = name
        if module == "torch" and attribute in STORAGES:
            return STORAGES[attribute]
        if module == "torch" and attribute in dtypes.NAMED:
            return dtypes.NAMED[attribute]
        if name == UNTYPED:
            return None
        makers: dict[Name, Callable[..., Any]] = {
            ("torch._utils", "_rebuild_tensor_v2"): self._tensor,
            ("torch._utils", "_rebuild_tensor_v3"): self._tensor_of_bytes,
            ("torch._utils", "_rebuild_parameter"): self._parameter,
            **_PLAIN,
        }
        make = makers.get(name)
        if make is None:
            raise RefusedError(f"it asks for {module}.{attribute}; only Tensors, plain containers and numbers are read")
        return Global(name, make)

    def _persistent(self, key: Any) -> _Storage:
        if not isinstance(key, tuple) or len(key) != 5 or key[0] != "storage":
            raise RefusedError(f"it refers to something that is no storage of a Tensor: {str(key)[:60]}")
        _, kind, number, location, count = key
        if not (isinstance(number, str) and isinstance(location, str) and isinstance(count, int)
                and isinstance(kind, dtypes.dtype | None)):  # fmt: skip
            raise LoadError("tampered with: a storage of a Tensor is not described as PyTorch does")
        return _Storage(number, kind, location, count)

    # -- Tensors --

    def _tensor(self, storage: Any, offset: Any, size: Any, stride: Any, requires_grad: Any, hooks: Any = None,
                metadata: Any = None) -> Any:  # fmt: skip
        kind = getattr(storage, "kind", None)
        if kind is None:
            raise LoadError("tampered with: a Tensor without a dtype")
        return self._made(storage, kind, offset, size, stride, requires_grad, metadata)

    def _tensor_of_bytes(self, storage: Any, offset: Any, size: Any, stride: Any, requires_grad: Any, hooks: Any,
                         kind: Any, metadata: Any = None) -> Any:  # fmt: skip
        if not isinstance(storage, _Storage) or not isinstance(kind, dtypes.dtype):
            raise LoadError("tampered with: a Tensor without a storage or a dtype")
        elements = storage._replace(length=storage.length // kind.itemsize)
        return self._made(elements, kind, offset, size, stride, requires_grad, metadata)

    def _made(self, storage: _Storage, kind: dtypes.dtype, offset: Any, size: Any, stride: Any, requires_grad: Any,
              metadata: Any) -> Any:  # fmt: skip
        numbers = (offset, *size, *stride)
        if len(size) != len(stride) or any(type(n) is not int or n < 0 for n in numbers):
            raise LoadError("tampered with: a Tensor's offset, shape and strides do not belong together")
        last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
        if 0 not in size and last >= storage.length:
            raise LoadError("tampered with: a Tensor reaches beyond its storage")
        if not self.making:
            self.uses[storage.key] += 1
            entry = self.archive.NameToInfo.get(f"{self.folder}data/{storage.key}")
            if entry is None or entry.file_size != storage.length * kind.itemsize:
                raise LoadError(f"cut short or tampered with: storage {storage.key} does not have the size that is "
                                "written down")  # fmt: skip
            return _Unmade()
        key = (storage.key, kind, *numbers)
        if key in self.made:
            tensor = detach(self.made[key])
        else:
            tensor = self.made[key] = self._new(storage, kind, offset, tuple(size), tuple(stride))
        if isinstance(metadata, dict) and metadata.get("conj"):
            tensor = apply(OPS["conj"], (tensor,))
        if isinstance(metadata, dict) and metadata.get("neg"):
            tensor = apply(OPS["negative"], (tensor,))
        if requires_grad:
            tensor.requires_grad = True
        return tensor

    def _new(self, storage: _Storage, kind: dtypes.dtype, offset: int, size: tuple[int, ...],
             stride: tuple[int, ...]) -> Tensor:  # fmt: skip
        """A Tensor of its own; a view of the whole storage, where others have their part of that."""
        order = sorted(range(len(size)), key=lambda i: -stride[i])
        laid = tuple(size[i] for i in order)
        if self.uses[storage.key] > 1 and 0 not in size and tuple(stride[i] for i in order) == dense(laid):
            if storage.key not in self.whole:
                self.whole[storage.key] = self._placed(storage, kind, 0, (storage.length,), (1,))
            part = self.whole[storage.key][offset : offset + math.prod(laid)]
            part = apply(OPS["reshape"], (part,), {"shape": laid})
            back = tuple(order.index(i) for i in range(len(size)))
            return apply(OPS["permute_dims"], (part,), {"axes": back})  # type: ignore[no-any-return]
        narrow = tuple(1 if step == 0 else n for n, step in zip(size, stride, strict=True))
        tensor = self._placed(storage, kind, offset, narrow, stride)
        return tensor if narrow == size else apply(OPS["broadcast_to"], (tensor,), {"shape": size})

    def _placed(self, storage: _Storage, kind: dtypes.dtype, offset: int, size: tuple[int, ...],
                stride: tuple[int, ...]) -> Tensor:  # fmt: skip
        """The numbers of a storage at those places, on the backend and device where they are wanted."""
        content = self._entry(f"data/{storage.key}")
        if 0 in size:
            tensor = creation.zeros(size, dtype=kind)
        else:
            wide = dtypes.float32 if kind is dtypes.bfloat16 else kind
            host = arrays.from_bytes(content if kind is wide else bytes(widened(content)), wide.name)
            step = wide.itemsize
            seen = type(host)(size, host.dtype, host, offset * step, tuple(n * step for n in stride))
            try:
                tensor = creation.from_host(seen.copy(), wide)
                tensor = tensor if wide is kind else tensor.to(kind)
            except TypeError as error:
                raise LoadError(f"a Tensor of {kind.name}: {error}") from error
        return self._moved(tensor, storage.location)  # type: ignore[no-any-return]

    def _moved(self, tensor: Any, location: str) -> Any:
        wanted = self.map_location
        if isinstance(wanted, dict):
            wanted = wanted.get(location)
        elif callable(wanted):
            found = wanted(tensor, location)
            return found if isinstance(found, Tensor) else tensor
        return tensor if wanted is None else tensor.to(wanted)

    def _parameter(self, data: Any, requires_grad: Any, hooks: Any) -> Any:
        if isinstance(data, _Unmade):
            return data
        if not isinstance(data, Tensor):
            raise LoadError("tampered with: a parameter without a Tensor")
        return Parameter(data, bool(requires_grad))


class _Unmade:
    """In place of a Tensor while the file is only looked at."""


def _encoded(text: Any, encoding: Any) -> bytes:
    if not isinstance(text, str) or encoding != "latin1":
        raise LoadError("bytes that are not written as PyTorch does")
    return text.encode("latin1")


def _items(kind: Any) -> Callable[..., Any]:
    """Makes a container: of nothing, or of one list, tuple or dict."""

    def make_it(*args: Any) -> Any:
        if len(args) > 1 or not all(isinstance(a, list | tuple | dict) for a in args):
            raise LoadError(f"a {kind.__name__} that is not written as PyTorch does")
        return kind(*args)

    return make_it


def _device(*args: Any) -> device:
    if not args or not isinstance(args[0], str):
        raise LoadError("a device that is not written as PyTorch does")
    return device(*args)


_PLAIN: dict[Name, Callable[..., Any]] = {
    ("collections", "OrderedDict"): _items(OrderedDict),
    ("collections", "Counter"): _items(Counter),
    ("torch", "Size"): _items(Size),
    ("torch", "device"): _device,
    ("_codecs", "encode"): _encoded,
    **{(module, kind.__name__): _items(kind) for module in ("__builtin__", "builtins") for kind in (set, frozenset)},
    **{(module, "complex"): complex for module in ("__builtin__", "builtins")},
}
