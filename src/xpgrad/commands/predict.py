"""``xpgrad predict``: names the digits in image files with a trained LeNet.

A photograph or a scan is brought to the form that the network was trained on, as the makers of MNIST did it: light ink
on a dark ground, the ink scaled to fit a box of 20 by 20, and placed so that its centre of mass is in the middle of 28
by 28.
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path
from typing import Any

import xpgrad
import xpgrad.nn.functional as F

from ..digits import SIDE, Digits, tensors
from ..digits.lenet import LeNet
from ..io import load_file
from . import UserError, add_place, choose_place, extra, told

_BOX = 20  # the side of the box that the ink fits into
_FAINT = 0.1  # of the darkest ink: what is fainter does not count for the box


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    command = commands.add_parser("predict", help="name the digits in images", description=__doc__.split("\n\n")[0])
    command.add_argument("model", type=Path, metavar="FILE", help="what 'xpgrad train --save' wrote")
    command.add_argument("images", nargs="+", metavar="IMAGE", help="an image file with one digit in it")
    add_place(command)
    command.set_defaults(command=predict)


def predict(options: argparse.Namespace) -> int:
    """Print each image's digit and its probability."""
    choose_place(options)
    net = load_lenet(options.model).to(options.device).eval()
    pixels = b"".join(read_digit(path) for path in options.images)
    images, _ = tensors(Digits(pixels, bytes(len(options.images))))
    with xpgrad.no_grad():
        probabilities = F.softmax(net(images.to(options.device)), dim=1).tolist()
    for path, row in zip(options.images, probabilities, strict=True):
        best = max(row)
        print(f"{path}: {row.index(best)} ({100 * best:.1f} %)")
    return 0


def load_lenet(path: Path) -> LeNet:
    """LeNet with the parameters of a safetensors file."""
    net = LeNet()
    with told(ValueError, ModuleNotFoundError):
        state = load_file(path)
    with told(RuntimeError, about=f"{path} does not hold a LeNet"):
        net.load_state_dict(state)
    return net


def read_digit(path: str) -> bytes:
    """The digit in an image file as ``SIDE * SIDE`` grey values in MNIST's form."""
    pil = extra("PIL.Image", "reading images", "plot")
    ops = extra("PIL.ImageOps", "reading images", "plot")
    try:
        with pil.open(path) as opened:
            grey = _grey(pil, ops.exif_transpose(opened))
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file") from error
    except (OSError, SyntaxError, ValueError, pil.DecompressionBombError) as error:
        raise UserError(f"{path}: not an image that can be read ({error})") from error
    width, height = grey.size
    edge = [grey.getpixel((x, y)) for x in range(width) for y in (0, height - 1)]
    edge += [grey.getpixel((x, y)) for y in range(height) for x in (0, width - 1)]
    if statistics.median(edge) > 127:
        grey = ops.invert(grey)
    low, high = grey.getextrema()
    if high - low < 16:
        raise UserError(f"{path}: there is no digit to be seen in it, it is of one shade")
    ink = grey.point(lambda value: round(255 * (value - low) / (high - low)))
    ink = ink.crop(ink.point(lambda value: 255 * (value > 255 * _FAINT)).getbbox())
    scale = _BOX / max(ink.size)
    ink = ink.resize([max(1, round(side * scale)) for side in ink.size], pil.Resampling.LANCZOS)
    sheet = pil.new("L", (SIDE, SIDE), 0)
    sheet.paste(ink, _corner(ink))
    return bytes(sheet.tobytes())


def _grey(pil: Any, image: Any) -> Any:
    """An image in 256 shades of grey; what is transparent shows white paper."""
    if image.mode.startswith("I"):  # 16 bits to a pixel
        return image.convert("I").point(lambda value: value * (1 / 257)).convert("L")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = pil.alpha_composite(pil.new("RGBA", image.size, "white"), image)
    return image.convert("L")


def _corner(ink: Any) -> tuple[int, int]:
    """Where the upper left corner of `ink` goes, so that its centre of mass is on the pixel in the middle, (14, 14)."""
    width, height = ink.size
    values = ink.tobytes()
    total = sum(values)
    centre_x = sum(i % width * v for i, v in enumerate(values)) / total
    centre_y = sum(i // width * v for i, v in enumerate(values)) / total
    x, y = round(SIDE / 2 - centre_x), round(SIDE / 2 - centre_y)
    return min(max(x, 0), SIDE - width), min(max(y, 0), SIDE - height)
