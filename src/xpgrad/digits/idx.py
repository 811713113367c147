"""Reading IDX files, the format in which the MNIST database is kept.

An IDX file of bytes is a magic number (0, 0, 8, the number of axes), the length of each axis as a big-endian 32-bit
integer, and then the bytes themselves. Files compressed by gzip or xz are read as they are.
"""

from __future__ import annotations

import gzip
import lzma
import math
import struct
import zlib
from pathlib import Path
from typing import Any

_BROKEN = (EOFError, zlib.error, gzip.BadGzipFile, lzma.LZMAError)


class IdxError(ValueError):
    """A file that is not what an IDX file has to be; the message names the file and the fault."""


def read_idx(path: Path, axes: int) -> tuple[tuple[int, ...], bytes]:
    """The shape and the bytes of an IDX file with `axes` axes.

    Args:
        path: the file; gzip if it ends in ``.gz``, xz if it ends in ``.xz``.
        axes: 3 for images, 1 for labels.

    Returns:
        The shape, and as many bytes as it says, the last axis running fastest.

    Raises:
        FileNotFoundError: if there is no such file.
        IdxError: for a wrong magic number, and a file cut short, too long or damaged.

    Example:
        >>> import pathlib, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "labels")
        ...     _ = path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1]))
        ...     read_idx(path, 1)
        ((3,), b'\\x07\\x02\\x01')
    """
    opened: Any = {".gz": gzip.open, ".xz": lzma.open}.get(path.suffix, open)
    try:
        with opened(path, "rb") as file:
            content = file.read()
    except _BROKEN as error:
        raise IdxError(f"{path}: damaged or cut short, it cannot be unpacked ({error})") from error
    start = 4 + 4 * axes
    magic = bytes((0, 0, 8, axes))
    if content[:4] != magic:
        raise IdxError(
            f"{path}: not an IDX file of {'images' if axes == 3 else 'labels'}; "
            f"it begins with {content[:4].hex(' ') or 'nothing'}, not {magic.hex(' ')}"
        )
    if len(content) < start:
        raise IdxError(f"{path}: cut short, it ends within its header")
    shape = struct.unpack(f">{axes}I", content[4:start])
    expected, found = math.prod(shape), len(content) - start
    if found != expected:
        fault = "cut short" if found < expected else "too long"
        raise IdxError(f"{path}: {fault}, its header says {expected} bytes of shape {shape}, and {found} follow")
    return shape, content[start:]
