"""Handwritten digits: a bundled subset of MNIST, and whoever has the whole database brings its folder.

The bundled 5,000 digits (see NOTICE.txt beside this file for their authors and licence) are 500 of each class, sorted
by class. The first 400 of each class are for training, the last 100 are held back for testing. Images stay bytes here;
`tensors` makes of them what LeNet takes.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import xpgrad

from .idx import IdxError, read_idx

__all__ = ["SIDE", "Digits", "IdxError", "load_digits", "load_idx_folder", "tensors"]

SIDE = 28  #: rows and columns of a digit in the database
_CLASSES, _OF_A_CLASS, _TRAINED_OF_A_CLASS = 10, 500, 400
_BORDER = 2  # LeNet takes 32 by 32: two rows and columns of background on every side
_WIDE = SIDE + 2 * _BORDER


@dataclasses.dataclass(frozen=True)
class Digits:
    """Some digits and what they show.

    Attributes:
        images: grey values, 0 for the background, ``SIDE * SIDE`` bytes for each digit, row by row.
        labels: one byte for each digit, 0 to 9.
    """

    images: bytes
    labels: bytes

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, some: slice) -> Digits:
        """Some of the digits, by a slice.

        Example:
            >>> from xpgrad.digits import load_digits
            >>> list(load_digits()[0][::1000].labels)
            [0, 2, 5, 7]
        """
        chosen = range(len(self))[some]
        pixels = SIDE * SIDE
        return Digits(b"".join(self.images[i * pixels : (i + 1) * pixels] for i in chosen), self.labels[some])


def load_digits() -> tuple[Digits, Digits]:
    """The bundled digits: 4,000 for training, 1,000 held back (the last 100 of each class).

    Example:
        >>> from xpgrad.digits import load_digits
        >>> train, held_back = load_digits()
        >>> len(train), len(held_back)
        (4000, 1000)
    """
    here = Path(__file__).parent
    everything = _pair(here / "images.idx3.xz", here / "labels.idx1.xz")
    starts = range(0, _CLASSES * _OF_A_CLASS, _OF_A_CLASS)
    train = [everything[a : a + _TRAINED_OF_A_CLASS] for a in starts]
    held_back = [everything[a + _TRAINED_OF_A_CLASS : a + _OF_A_CLASS] for a in starts]
    return _joined(train), _joined(held_back)


def load_idx_folder(folder: str | Path) -> tuple[Digits, Digits]:
    """The digits of a folder with the four standard MNIST files: for training, and held back.

    Args:
        folder: has ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte`` and the two of ``t10k``, each plain or
            with ``.gz``; or has them in ``MNIST/raw``, where torchvision puts them.

    Raises:
        FileNotFoundError: names the file that is not there.
        IdxError: for a file that is no IDX file, cut short or too long, for images that are not 28 by 28, for labels
            that are not digits, and for as many images as there are not labels.
    """
    root = Path(folder)
    raw = next((f for f in (root / "MNIST" / "raw", root / "raw") if f.is_dir()), root)
    return (
        _pair(_find(raw, "train-images-idx3-ubyte"), _find(raw, "train-labels-idx1-ubyte")),
        _pair(_find(raw, "t10k-images-idx3-ubyte"), _find(raw, "t10k-labels-idx1-ubyte")),
    )


def tensors(digits: Digits) -> tuple[Any, Any]:
    """Digits as LeNet takes them, on the chosen backend.

    Returns:
        images: float32 in [0, 1], with a border of background, shape (N, 1, 32, 32).
        labels: int64, shape (N,).

    Example:
        >>> from xpgrad.digits import load_digits, tensors
        >>> images, labels = tensors(load_digits()[1][:3])
        >>> images.shape, labels
        (torch.Size([3, 1, 32, 32]), tensor([0, 0, 0]))
    """
    wide = bytearray(len(digits) * _WIDE * _WIDE)
    for row in range(SIDE):
        for column in range(SIDE):  # one pixel of every digit at a time
            place = (row + _BORDER) * _WIDE + column + _BORDER
            wide[place :: _WIDE * _WIDE] = digits.images[row * SIDE + column :: SIDE * SIDE]
    images = xpgrad.frombuffer(wide, dtype=xpgrad.uint8).reshape(len(digits), 1, _WIDE, _WIDE)
    labels = xpgrad.frombuffer(bytearray(digits.labels), dtype=xpgrad.uint8)
    return images.to(xpgrad.float32) / 255, labels.to(xpgrad.int64)


def _find(folder: Path, name: str) -> Path:
    """The file `name` in `folder`, plain or packed, with a hyphen or a dot before ``idx``."""
    for stem in (name, name.replace("-idx", ".idx")):
        for suffix in ("", ".gz", ".xz"):
            if (path := folder / (stem + suffix)).is_file():
                return path
    raise FileNotFoundError(f"{folder} has no {name}, nor {name}.gz; give the folder of MNIST's four IDX files")


def _pair(images_path: Path, labels_path: Path) -> Digits:
    """The digits of a file of images and the file of their labels."""
    (count, *size), images = read_idx(images_path, 3)
    (labelled,), labels = read_idx(labels_path, 1)
    if size != [SIDE, SIDE]:
        raise IdxError(f"{images_path}: its images are {size[0]} by {size[1]}, not {SIDE} by {SIDE}")
    if count != labelled:
        raise IdxError(f"{images_path} has {count} images, and {labels_path} has {labelled} labels")
    if not count:
        raise IdxError(f"{images_path}: there is no image in it")
    if max(labels) >= _CLASSES:
        raise IdxError(f"{labels_path}: the label {max(labels)} is not a digit from 0 to 9")
    return Digits(images, labels)


def _joined(parts: list[Digits]) -> Digits:
    return Digits(b"".join(p.images for p in parts), b"".join(p.labels for p in parts))
