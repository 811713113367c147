"""PyTorch's files: read without PyTorch, written for it, and never a line of what is in them executed."""

from __future__ import annotations

import collections
import io
import os
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import xpgrad
from xpgrad import nn
from xpgrad.serialization import LoadError, RefusedError

torch = pytest.importorskip("torch")

KINDS = ("bool", "uint8", "int8", "int16", "int32", "int64", "uint16", "uint32", "uint64", "float16", "float32",
         "float64", "complex64", "complex128")  # fmt: skip


def theirs(value: Any, **options: Any) -> Any:
    """`value` written by PyTorch and read here."""
    buffer = io.BytesIO()
    torch.save(value, buffer)
    buffer.seek(0)
    return xpgrad.load(buffer, **options)


def ours(value: Any) -> Any:
    """`value` written here and read by PyTorch, which executes nothing either."""
    buffer = io.BytesIO()
    xpgrad.save(value, buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=True)


@pytest.mark.parametrize("kind", KINDS)
def test_every_dtype_both_ways(backend: str, kind: str) -> None:
    if backend == "strict" and kind == "float16":
        pytest.skip("the library has no float16")
    a = torch.tensor([[0, 1, 2], [3, 1, 0]]).to(getattr(torch, kind))
    found = theirs({"a": a, "turned": a.T, "part": a[1], "none": a[:0], "one": a[0, 1]})
    for name, wanted in {"a": a, "turned": a.T, "part": a[1], "none": a[:0], "one": a[0, 1]}.items():
        assert found[name].dtype == getattr(xpgrad, kind)
        assert tuple(found[name].shape) == tuple(wanted.shape)
        assert found[name].tolist() == wanted.tolist()
    back = ours(found)
    for name, value in found.items():
        assert back[name].dtype == getattr(torch, kind)
        assert back[name].tolist() == value.tolist()


@pytest.mark.parametrize("library", ("jax", "torch"))
def test_bfloat16_where_a_library_has_it(library: str) -> None:
    pytest.importorskip(library)
    with xpgrad.backend(library):
        found = theirs(torch.tensor([[1.5, -2.0], [0.1, 3.0]], dtype=torch.bfloat16).T)
        assert found.dtype == xpgrad.bfloat16
        assert found.float().tolist() == [[1.5, 0.10009765625], [-2.0, 3.0]]
        assert ours(found).dtype == torch.bfloat16
        assert ours(found).tolist() == found.float().tolist()
    with pytest.raises(LoadError, match="bfloat16"):
        theirs(torch.ones(2, dtype=torch.bfloat16))


def test_strides() -> None:
    a = torch.arange(24.0).reshape(2, 3, 4)
    views = {"slices": a[:, ::2, 1:], "turned": a.permute(2, 0, 1), "wide": a[:1, :1].expand(5, 3, 4),
             "windows": a.flatten().unfold(0, 5, 2), "diagonal": a[0].diagonal()}  # fmt: skip
    for name, view in views.items():
        assert theirs({name: view})[name].tolist() == view.tolist(), name
    together = theirs(views)
    assert {name: t.tolist() for name, t in together.items()} == {name: t.tolist() for name, t in views.items()}
    assert theirs(torch.tensor([1 + 2j]).conj()).tolist() == [1 - 2j]
    assert theirs(torch.tensor([1j]).conj().imag).tolist() == [-1.0]


def test_one_storage_stays_one() -> None:
    a = torch.zeros(2, 3)
    found = theirs([a, a, a[1], a.T])
    found[0][1, 2] = 7.0
    assert found[1][1, 2].item() == found[2][2].item() == found[3][2, 1].item() == 7.0
    b = xpgrad.zeros(3)
    buffer = io.BytesIO()
    xpgrad.save([b, b, b.detach()], buffer)
    assert len([name for name in zipfile.ZipFile(buffer).namelist() if "/data/" in name]) == 1
    buffer.seek(0)
    again = torch.load(buffer, weights_only=True)
    again[0][0] = 5
    assert again[2][0] == 5


def test_containers_and_numbers() -> None:
    plain = {"n": 3, "big": 2**70, "small": -1, "f": 1.5, "none": None, "yes": True, "text": "ä\n'", "raw": b"\x00\xff",
             "list": [1, (2, (), [3])], 7: {"inner": {}}, "c": 1 + 2j, "set": {1, 2},
             "ordered": collections.OrderedDict(a=1), "counter": collections.Counter("aab")}  # fmt: skip
    assert theirs(plain) == plain
    assert ours(plain) == plain
    mixed = {"size": torch.Size([2, 3]), "dtype": torch.float16, "device": torch.device("cpu")}
    found = theirs(mixed)
    assert found == {"size": (2, 3), "dtype": xpgrad.float16, "device": xpgrad.device("cpu")}
    assert ours(found) == mixed
    shared: list[Any] = [1]
    shared.append(shared)
    assert theirs(shared)[1] is not None and ours(shared)[1][0] == 1


def test_a_model_both_ways(tmp_path: Path) -> None:
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2))
    torch.save(model.state_dict(), tmp_path / "theirs.pth")
    mine = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    assert repr(mine.load_state_dict(xpgrad.load(tmp_path / "theirs.pth"))) == "<All keys matched successfully>"
    for a, b in zip(model.parameters(), mine.parameters(), strict=True):
        np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())
    optimizer = xpgrad.optim.Adam(mine.parameters(), amsgrad=True)
    mine(xpgrad.ones(1, 3)).sum().backward()
    optimizer.step()
    xpgrad.save({"model": mine.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 2}, str(tmp_path / "o.pt"))
    checkpoint = torch.load(tmp_path / "o.pt", weights_only=True, mmap=True)
    model.load_state_dict(checkpoint["model"])
    torch.optim.Adam(model.parameters()).load_state_dict(checkpoint["optimizer"])
    for a, b in zip(model.parameters(), mine.parameters(), strict=True):
        np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())
    again = xpgrad.load(tmp_path / "o.pt", mmap=True, weights_only=False)
    optimizer.load_state_dict(again["optimizer"])
    assert again["epoch"] == 2


def test_parameters_and_gradients() -> None:
    found = theirs([torch.nn.Parameter(torch.ones(2)), torch.ones(2, requires_grad=True)])
    assert isinstance(found[0], nn.Parameter) and found[0].requires_grad and found[1].requires_grad
    back = ours([nn.Parameter(xpgrad.ones(2)), xpgrad.ones(2, requires_grad=True)])
    assert isinstance(back[0], torch.nn.Parameter) and back[0].requires_grad and back[1].requires_grad


def test_map_location() -> None:
    pytest.importorskip("jax")
    asked: list[str] = []
    for where in (None, "cpu", xpgrad.device("cpu"), {"cpu": "cpu"}, lambda t, place: asked.append(place)):
        assert theirs(torch.ones(2), map_location=where).tolist() == [1, 1]
    assert asked == ["cpu"]


class Harm:
    """What a pickle can do to those who run it."""

    def __reduce__(self) -> Any:
        return os.mkdir, ("harm",)


@pytest.mark.parametrize(
    ("value", "what"),
    (
        (Harm(), r"posix\.mkdir|nt\.mkdir"),
        ({"model": torch.nn.Linear(1, 1)}, r"torch\.nn\.modules\.linear\.Linear"),
        ([np.ones(2)], r"numpy\.\S*_reconstruct"),
        (io.BytesIO, r"BytesIO"),
        (Path("x"), r"pathlib\.\S*Path"),
    ),
    ids=("call", "module", "numpy", "class", "path"),
)
def test_anything_else_is_refused_by_name(tmp_path: Path, monkeypatch: Any, value: Any, what: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RefusedError, match=what):
        theirs(value)
    assert not list(tmp_path.iterdir())
    with pytest.raises(pickle.UnpicklingError):
        theirs(value, weights_only=False)


def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    target = tmp_path / "f.pt"
    xpgrad.save([1], target)
    for value, what in ((nn.Linear(1, 1), "save its state_dict"), (np.ones(2), "numpy.ndarray"), (print, "builtin")):
        with pytest.raises(TypeError, match=what):
            xpgrad.save(value, target)
    assert xpgrad.load(target) == [1]
    assert [p.name for p in tmp_path.iterdir()] == ["f.pt"]


def test_other_formats_are_named(tmp_path: Path) -> None:
    torch.save([torch.ones(1)], tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    with pytest.raises(LoadError, match=r"before version 1\.6"):
        xpgrad.load(tmp_path / "old.pt")
    xpgrad.io.save_file({"w": xpgrad.ones(1)}, tmp_path / "f.safetensors")
    with pytest.raises(LoadError, match="safetensors"):
        xpgrad.load(tmp_path / "f.safetensors")
    torch.jit.save(torch.jit.script(torch.nn.Linear(1, 1)), tmp_path / "script.pt")
    with pytest.raises(RefusedError, match="TorchScript"):
        xpgrad.load(tmp_path / "script.pt")
    with pytest.raises(FileNotFoundError):
        xpgrad.load(tmp_path / "none.pt")


def test_a_damaged_file_is_one_clear_error() -> None:
    buffer = io.BytesIO()
    torch.save(torch.nn.Linear(3, 2).state_dict(), buffer)
    whole = buffer.getvalue()
    model = nn.Linear(3, 2)
    before = model.weight.tolist()
    rng = np.random.default_rng(0)
    damaged = [whole[:n] for n in (0, 1, 4, 100, len(whole) // 2, len(whole) - 1)]
    for at in rng.integers(0, len(whole), 300).tolist():
        damaged.append(whole[:at] + bytes([whole[at] ^ int(rng.integers(1, 256))]) + whole[at + 1 :])
    refused = 0
    for content in damaged:
        try:
            model.load_state_dict(xpgrad.load(io.BytesIO(content)))
        except LoadError:
            refused += 1
            assert model.weight.tolist() == before
        else:  # the byte was padding, or a date
            np.testing.assert_array_equal(model.weight.tolist(), torch.load(io.BytesIO(whole))["weight"].tolist())
            with xpgrad.no_grad():
                model.weight.copy_(xpgrad.tensor(before))
    assert refused > 40


def _with(replace: dict[str, bytes]) -> io.BytesIO:
    """A file of PyTorch's with some entries replaced, checksums and all."""
    buffer, out = io.BytesIO(), io.BytesIO()
    torch.save([torch.ones(4)], buffer)
    with zipfile.ZipFile(buffer) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            new.writestr(name, replace.get(name.partition("/")[2], old.read(name)))
    out.seek(0)
    return out


def test_tampering_that_checksums_do_not_show() -> None:
    buffer = io.BytesIO()
    torch.save([torch.ones(4)], buffer)
    content = zipfile.ZipFile(buffer).read("archive/data.pkl")
    assert content.count(b"K\x04") == 2  # the storage's length and the Tensor's
    further = content[: content.rindex(b"K\x04")] + b"K\x05" + content[content.rindex(b"K\x04") + 2 :]
    with pytest.raises(LoadError, match="beyond its storage"):
        xpgrad.load(_with({"data.pkl": further}))
    with pytest.raises(LoadError, match="storage 0"):
        xpgrad.load(_with({"data/0": b"\0" * 12}))
    with pytest.raises(LoadError, match="not a whole pickle"):
        xpgrad.load(_with({"data.pkl": content[:-3]}))
    with pytest.raises(RefusedError, match="big-endian"):
        xpgrad.load(_with({"byteorder": b"big"}))
    for call in (b"cos\nsystem\n(X\x02\x00\x00\x00lstR.", b"\x80\x04\x8c\x02os\x8c\x06system\x93.",
                 b"ccollections\nOrderedDict\n)R}X\x09\x00\x00\x00__class__K\x01sb.", b"(cos\nsystem\no.",
                 b"c__builtin__\neval\n(X\x01\x00\x00\x001tR.", b"]K\x01b.", b"}]K\x01s."):  # fmt: skip
        with pytest.raises(LoadError):
            xpgrad.load(_with({"data.pkl": call}))


def test_reading_and_writing_do_without_pytorch(tmp_path: Path) -> None:
    torch.save({"w": torch.ones(2)}, tmp_path / "f.pt")
    code = ("import sys, xpgrad; x = xpgrad.load(sys.argv[1]); xpgrad.save(x, sys.argv[1] + '2'); "
            "assert 'torch' not in sys.modules and x['w'].tolist() == [1, 1]")  # fmt: skip
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "f.pt")], check=True)
    assert torch.load(tmp_path / "f.pt2", weights_only=True)["w"].tolist() == [1, 1]
