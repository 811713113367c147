"""Tensors to safetensors files and back, and files that are either the old one or the new one, never half of one.

The package safetensors checks and lays out the bytes; here they become Tensors of the chosen backend. What is saved
here loads in PyTorch, and the other way round.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from . import creation, dtypes
from .tensor import Tensor

_DTYPES = {
    "BOOL": dtypes.bool_, "U8": dtypes.uint8, "U16": dtypes.uint16, "U32": dtypes.uint32, "U64": dtypes.uint64,
    "I8": dtypes.int8, "I16": dtypes.int16, "I32": dtypes.int32, "I64": dtypes.int64,
    "F16": dtypes.float16, "BF16": dtypes.bfloat16, "F32": dtypes.float32, "F64": dtypes.float64,
    "C64": dtypes.complex64,
}  # fmt: skip


def save_file(tensors: Mapping[str, Any], path: str | os.PathLike[str], metadata: dict[str, str] | None = None) -> None:
    """Write named Tensors to a safetensors file, all or nothing.

    Args:
        tensors: name to Tensor, such as a module's ``state_dict()``.
        path: the file; one that is there already stays whole until the new one is complete.
        metadata: text to keep in the file's header.

    Raises:
        TypeError: for a value that is no Tensor, or a dtype that the format lacks (complex128).
        OSError: if the file cannot be written; the old one is unchanged.

    Source: the format is described at https://github.com/huggingface/safetensors .

    Example:
        >>> import pathlib, tempfile, xpgrad
        >>> from xpgrad.io import load_file, save_file
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save_file({"w": xpgrad.tensor([1.0, 2.0])}, pathlib.Path(folder, "w.safetensors"))
        ...     load_file(pathlib.Path(folder, "w.safetensors"))
        {'w': tensor([1., 2.])}
    """
    safetensors = _safetensors()
    hosts = {name: _on_host(name, value) for name, value in tensors.items()}  # alive until the file is written
    specs = {
        name: safetensors.TensorSpec(dtype=kind.name, shape=shape, data_ptr=host.ctypes.data, data_len=host.nbytes)
        for name, (host, shape, kind) in hosts.items()
    }
    with replacing(path) as temporary:
        try:
            safetensors.serialize_file(specs, temporary, metadata)
        except safetensors.SafetensorError as error:  # it wraps the system's errors, a full disk among them
            raise OSError(f"cannot write {path}: {error}") from error


def load_file(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The Tensors of a safetensors file by name, on the chosen backend.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: for a file that is cut short, tampered with or no safetensors file; for a dtype that xpgrad or the
            chosen backend lacks.
    """
    safetensors = _safetensors()
    content = Path(path).read_bytes()
    try:
        entries = safetensors.deserialize(content)
    except safetensors.SafetensorError as error:
        raise ValueError(f"{path}: not a whole safetensors file ({error})") from error
    return {name: _from_bytes(f"{path}, entry '{name}'", entry) for name, entry in entries}


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """The path of a temporary file that takes the place of `path` when the block ends well.

    Until then `path` is untouched, and after an error too. The bytes are on the disk before the name is moved, so a
    kill or a power cut at any moment leaves the old file or the new one.

    Example:
        >>> import pathlib, tempfile
        >>> from xpgrad.io import replacing
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with replacing(pathlib.Path(folder, "note.txt")) as temporary:
        ...         _ = temporary.write_text("whole")
        ...     [entry.name for entry in pathlib.Path(folder).iterdir()]
        ['note.txt']
    """
    target = Path(os.path.realpath(path))  # through a link, so that the link stays
    temporary = target.with_name(f".{target.stem}.{os.getpid()}{target.suffix}")
    try:
        # Made here and not by the block's own writer: a folder that takes no file is told before any work is done,
        # and the permissions are those of any new file.
        os.close(os.open(temporary, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o666))
        yield temporary
        _flush(temporary, os.O_RDWR)
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
    if os.name == "posix":
        _flush(target.parent, os.O_RDONLY)


def _flush(path: Path, flags: int) -> None:
    """Wait until a file's bytes, or a folder's names, are on the disk."""
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _safetensors() -> Any:
    """The package safetensors, brought in on first use."""
    try:
        import safetensors
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError("safetensors files need the package safetensors; pip install safetensors") from error
    return safetensors


def _on_host(name: str, value: Any) -> tuple[Any, tuple[int, ...], dtypes.dtype]:
    """A Tensor's bytes in memory, little-endian and in rows; its shape; its dtype."""
    if not isinstance(value, Tensor):
        raise TypeError(f"save_file takes Tensors, and '{name}' is of type {type(value).__name__}")
    kind = value.dtype
    if kind not in _DTYPES.values():
        raise TypeError(f"a safetensors file cannot hold {kind.name}, the dtype of '{name}'; convert it first")
    return host_bytes(value), tuple(value.shape), kind


def host_bytes(value: Any) -> Any:
    """A Tensor's numbers as a NumPy array, little-endian and in rows; of bfloat16, the bits."""
    value = value.detach().cpu()
    if value.dtype is dtypes.bfloat16:  # NumPy has no such dtype: the upper half of a float32
        host = value.to(dtypes.float32).numpy().reshape(-1).view("uint16")[1::2]
    else:
        host = value.numpy()
    return host.astype(host.dtype.newbyteorder("<"), order="C", copy=False)


def widened(content: bytes | bytearray) -> bytearray:
    """The bytes of bfloat16 numbers as those of float32: zeros below the upper halves."""
    wide = bytearray(2 * len(content))
    wide[2::4], wide[3::4] = content[0::2], content[1::2]
    return wide


def _from_bytes(where: str, entry: Mapping[str, Any]) -> Any:
    """The Tensor of one entry of a file."""
    kind = _DTYPES.get(entry["dtype"])
    if kind is None:
        raise ValueError(f"{where}: xpgrad has no dtype {entry['dtype']}")
    shape, content = tuple(entry["shape"]), bytearray(entry["data"])
    try:
        if not content:
            return creation.zeros(shape, dtype=kind)
        if kind is not dtypes.bfloat16:
            return creation.frombuffer(content, dtype=kind).reshape(shape)
        return creation.frombuffer(widened(content), dtype=dtypes.float32).reshape(shape).to(kind)
    except TypeError as error:
        raise ValueError(f"{where}: {error}") from error
