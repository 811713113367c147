"""Files of Tensors: there and back on every dtype, and never half a file."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest

import xpgrad
from xpgrad.io import load_file, replacing, save_file

DTYPES = ["bool", "uint8", "int8", "int16", "int32", "int64", "uint16", "uint32", "uint64", "float32", "float64",
          "complex64"]  # fmt: skip


@pytest.mark.parametrize("name", DTYPES)
def test_there_and_back(tmp_path, name):
    dtype = getattr(xpgrad, name)
    x = xpgrad.tensor([[0, 1, 2], [3, 1, 0]]).to(dtype)
    tensors = {"x": x, "turned": x.T, "empty": xpgrad.zeros((0, 3), dtype=dtype), "scalar": x[0, 1]}
    save_file(tensors, tmp_path / "f.safetensors")
    loaded = load_file(tmp_path / "f.safetensors")
    assert set(loaded) == set(tensors)
    for key, value in tensors.items():
        assert loaded[key].dtype == dtype
        assert tuple(loaded[key].shape) == tuple(value.shape)
        assert loaded[key].tolist() == value.tolist()


def test_gradients_and_metadata(tmp_path):
    x = xpgrad.tensor([1.5, 2.5], requires_grad=True)
    save_file({"x": x}, tmp_path / "f.safetensors", {"about": "two numbers"})
    assert b'"about":"two numbers"' in (tmp_path / "f.safetensors").read_bytes()
    assert not load_file(tmp_path / "f.safetensors")["x"].requires_grad


def test_bfloat16_where_a_library_has_it(tmp_path):
    pytest.importorskip("jax")
    with xpgrad.backend("jax"):
        x = xpgrad.tensor([[1.0, -2.5], [3.0, 0.0]]).to(xpgrad.bfloat16)
        save_file({"x": x}, tmp_path / "f.safetensors")
        loaded = load_file(tmp_path / "f.safetensors")["x"]
    assert loaded.dtype == xpgrad.bfloat16
    assert loaded.tolist() == [[1.0, -2.5], [3.0, 0.0]]


def test_exchange_with_pytorch(tmp_path):
    torch = pytest.importorskip("torch")
    from safetensors.torch import load_file as torch_load
    from safetensors.torch import save_file as torch_save

    theirs = {"a": torch.randn(3, 4), "b": torch.arange(5), "c": torch.randn(2, dtype=torch.complex64)}
    torch_save(theirs, tmp_path / "theirs.safetensors")
    ours = load_file(tmp_path / "theirs.safetensors")
    save_file(ours, tmp_path / "ours.safetensors")
    again = torch_load(tmp_path / "ours.safetensors")
    assert set(again) == set(theirs)
    for key, value in theirs.items():
        assert ours[key].tolist() == value.tolist()
        assert torch.equal(again[key], value)


def test_what_cannot_be_saved(tmp_path):
    with pytest.raises(TypeError, match="'x' is of type list"):
        save_file({"x": [1.0]}, tmp_path / "f")
    with pytest.raises(TypeError, match="cannot hold complex128, the dtype of 'x'"):
        save_file({"x": xpgrad.zeros(2, dtype=xpgrad.complex128)}, tmp_path / "f")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "damage", [lambda c: c[:-1], lambda c: c[:20], lambda c: b"", lambda c: c + b"\0", lambda c: b"\xff" + c[1:],
               lambda c: c.replace(b'"F32"', b'"F99"'), lambda c: c.replace(b"[2]", b"[3]")]
)  # fmt: skip
def test_a_damaged_file(tmp_path, damage):
    path = tmp_path / "f.safetensors"
    save_file({"x": xpgrad.tensor([1.0, 2.0])}, path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match="not a whole safetensors file") as error:
        load_file(path)
    assert str(path) in str(error.value)


def test_an_absent_package(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors", None)
    with pytest.raises(ModuleNotFoundError, match="pip install safetensors"):
        save_file({}, tmp_path / "f")


def test_an_error_leaves_the_old_file(tmp_path):
    path = tmp_path / "f.txt"
    path.write_text("old")
    with pytest.raises(KeyError), replacing(path) as temporary:
        temporary.write_text("half")
        raise KeyError
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["f.txt"]


@pytest.mark.skipif(os.name != "posix", reason="the signal is POSIX's")
def test_a_kill_leaves_the_old_file(tmp_path):
    path = tmp_path / "f.txt"
    path.write_text("old")
    program = f"""
        import os, signal
        from xpgrad.io import replacing
        with replacing({str(path)!r}) as temporary:
            temporary.write_text("half")
            os.kill(os.getpid(), signal.SIGKILL)
    """
    ended = subprocess.run([sys.executable, "-c", textwrap.dedent(program)])
    assert ended.returncode == -signal.SIGKILL
    assert path.read_text() == "old"


@pytest.mark.skipif(os.name != "posix", reason="permissions and links are POSIX's")
def test_permissions_and_links(tmp_path):
    (tmp_path / "plain").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "plain")
    with replacing(tmp_path / "link") as temporary:
        temporary.write_text("new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "plain").read_text() == "new"
    reference = tmp_path / "reference"
    reference.write_text("")
    assert (tmp_path / "plain").stat().st_mode == reference.stat().st_mode
