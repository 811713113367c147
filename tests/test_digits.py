"""The bundled digits and MNIST's own files: what is in them, and one clear error for each thing that can be wrong."""

import gzip
import lzma
import struct

import pytest

import xpgrad
from xpgrad.digits import IdxError, load_digits, load_idx_folder, tensors

NAMES = {
    "train-images-idx3-ubyte": struct.pack(">IIII", 2051, 3, 28, 28) + bytes(range(256)) * 9 + bytes(48),
    "train-labels-idx1-ubyte": struct.pack(">II", 2049, 3) + bytes([3, 1, 9]),
    "t10k-images-idx3-ubyte": struct.pack(">IIII", 2051, 1, 28, 28) + bytes(784),
    "t10k-labels-idx1-ubyte": struct.pack(">II", 2049, 1) + bytes([7]),
}


def write(folder, contents=NAMES, suffix="", pack=bytes):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / (name + suffix)).write_bytes(pack(content))


def test_the_bundled_digits_are_split_evenly():
    train, held_back = load_digits()
    assert (len(train), len(held_back)) == (4000, 1000)
    for digit in range(10):
        assert train.labels.count(digit) == 400
        assert held_back.labels.count(digit) == 100
    assert len(train.images) == 4000 * 784
    pictures = {train.images[i : i + 784] for i in range(0, len(train.images), 784)}
    assert not pictures & {held_back.images[i : i + 784] for i in range(0, len(held_back.images), 784)}


def test_a_slice_keeps_images_and_labels_together():
    train, _ = load_digits()
    some = train[400:1200:399]
    assert list(some.labels) == [1, 1, 2]
    assert some.images[784:1568] == train.images[799 * 784 : 800 * 784]


def test_tensors_are_scaled_and_bordered():
    train, _ = load_digits()
    images, labels = tensors(train[1000:1002])
    assert tuple(images.shape) == (2, 1, 32, 32)
    assert images.dtype == xpgrad.float32 and labels.dtype == xpgrad.int64
    assert labels.tolist() == [2, 2]
    rows = images[1, 0].tolist()
    inside = [round(255 * value) for row in rows[2:-2] for value in row[2:-2]]
    assert bytes(inside) == train.images[1001 * 784 : 1002 * 784]
    assert sum(map(sum, rows)) == pytest.approx(sum(inside) / 255, rel=1e-5)


@pytest.mark.parametrize(
    ("place", "suffix", "pack"),
    [(".", "", bytes), (".", ".gz", gzip.compress), (".", ".xz", lzma.compress), ("MNIST/raw", "", bytes),
     ("MNIST/raw", ".gz", gzip.compress), ("raw", "", bytes)],
)  # fmt: skip
def test_folders_of_every_layout(tmp_path, place, suffix, pack):
    write(tmp_path / place, suffix=suffix, pack=pack)
    train, held_back = load_idx_folder(tmp_path)
    assert list(train.labels) == [3, 1, 9] and list(held_back.labels) == [7]
    assert train.images == NAMES["train-images-idx3-ubyte"][16:]


def test_names_with_a_dot(tmp_path):
    write(tmp_path, {name.replace("-idx", ".idx"): content for name, content in NAMES.items()})
    assert len(load_idx_folder(tmp_path)[0]) == 3


def test_a_missing_file_is_named(tmp_path):
    write(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(FileNotFoundError, match="has no t10k-labels-idx1-ubyte"):
        load_idx_folder(tmp_path)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("train-images-idx3-ubyte", lambda c: c[:-1], r"cut short, its header says 2352 .* and 2351 follow"),
        ("train-images-idx3-ubyte", lambda c: c + b"\0", "too long, .* and 2353 follow"),
        ("train-images-idx3-ubyte", lambda c: b"\x1f" + c[1:], "not an IDX file of images; it begins with 1f 00 08 03"),
        ("train-images-idx3-ubyte", lambda c: c[:9], "cut short, it ends within its header"),
        ("train-images-idx3-ubyte", lambda c: b"", "it begins with nothing"),
        ("train-images-idx3-ubyte", lambda c: struct.pack(">IIII", 2051, 3, 1, 784) + c[16:], "are 1 by 784, not 28"),
        ("train-images-idx3-ubyte", lambda c: struct.pack(">IIII", 2051, 0, 28, 28), "has 0 images, and .* 3 labels"),
        ("train-labels-idx1-ubyte", lambda c: NAMES["train-images-idx3-ubyte"], "not an IDX file of labels"),
        ("train-labels-idx1-ubyte", lambda c: NAMES["t10k-labels-idx1-ubyte"], "has 3 images, and .* has 1 labels"),
        ("train-labels-idx1-ubyte", lambda c: c[:-1] + b"\x0a", "the label 10 is not a digit"),
    ],
)
def test_a_wrong_file_is_named_with_its_fault(tmp_path, name, change, message):
    write(tmp_path, NAMES | {name: change(NAMES[name])})
    with pytest.raises(IdxError, match=message) as error:
        load_idx_folder(tmp_path)
    assert name in str(error.value)


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".xz", lzma.compress)])
@pytest.mark.parametrize("damage", [lambda c: c[: len(c) // 2], lambda c: b"none" + c])
def test_a_damaged_archive(tmp_path, suffix, pack, damage):
    write(tmp_path, suffix=suffix, pack=lambda content: damage(pack(content)))
    with pytest.raises(IdxError, match="damaged or cut short"):
        load_idx_folder(tmp_path)


def test_no_image_at_all(tmp_path):
    empty = {"train-images-idx3-ubyte": struct.pack(">IIII", 2051, 0, 28, 28),
             "train-labels-idx1-ubyte": struct.pack(">II", 2049, 0)}  # fmt: skip
    write(tmp_path, NAMES | empty)
    with pytest.raises(IdxError, match="there is no image in it"):
        load_idx_folder(tmp_path)
