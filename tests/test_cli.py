"""The program: each command does its work, and tells a user's mistake in one line with exit status 2."""

import argparse
import re
import subprocess
import sys
import textwrap

import pytest

import xpgrad
from xpgrad.cli import main
from xpgrad.commands import train
from xpgrad.digits import load_digits
from xpgrad.digits.lenet import LeNet
from xpgrad.io import load_file, save_file

FEW = load_digits()[0][::100], load_digits()[1][::50]  # 40 digits to learn, 20 held back


@pytest.fixture
def few(monkeypatch):
    """A training of a moment."""
    monkeypatch.setattr(train, "load_digits", lambda: FEW)


def program(*arguments, cwd=None):
    command = [sys.executable, "-m", "xpgrad", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd)


def refused(capsys, *arguments):
    """The one line that a mistake is told in."""
    assert main([str(a) for a in arguments]) == 2
    told = capsys.readouterr().err
    assert re.fullmatch(r"xpgrad: error: .*\n", told)
    return told


def options(**changes):
    return argparse.Namespace(**{"epochs": 2, "batch_size": 8, "lr": 0.05, "device": "cpu", "compile": False} | changes)


def losses_with(seed, **changes):
    xpgrad.manual_seed(seed)
    chosen = options(**changes)
    return train.fit(LeNet().to(chosen.device), FEW[0], chosen, lambda *_: None, lambda *_: None)


def test_train_reports_and_saves(few, tmp_path, capsys):
    model = tmp_path / "m.safetensors"
    assert main(["train", "--epochs", "2", "--batch-size", "8", "--save", str(model)]) == 0
    printed = capsys.readouterr().out
    assert "LeNet learns 40 digits and is tested on 20 others (numpy, seed 0)" in printed
    assert len(re.findall(r"^epoch  [12]  loss \d\.\d{6}  accuracy \d+\.\d\d %$", printed, re.MULTILINE)) == 2
    table = [line for line in printed.splitlines() if re.match(r"   \d ( +[.\d]+){10}$", line)]
    assert len(table) == 10
    assert sum(int(n) for line in table for n in re.findall(r"\d+", line)[1:]) == 20
    assert re.search(r"^accuracy \d+\.\d\d %$", printed, re.MULTILINE)
    assert load_file(model)["conv1.weight"].shape == (6, 1, 5, 5)


def test_the_loss_depends_on_the_seed_alone():
    first, again, other = losses_with(3), losses_with(3), losses_with(4)
    assert len(first) == 10
    assert first == again
    assert first != other


@pytest.mark.parametrize(("name", "package"), [("jax", "jax"), ("torch", "torch"), ("strict", "array_api_strict")])
def test_the_loss_on_every_library(name, package):
    pytest.importorskip(package)
    reference = losses_with(0, epochs=10)
    assert len(reference) == 50
    with xpgrad.backend(name):
        assert losses_with(0, epochs=10) == pytest.approx(reference, abs=1e-3)


def test_the_loss_on_the_second_device():
    pytest.importorskip("array_api_strict")
    reference = losses_with(0)
    with xpgrad.backend("strict"):
        assert losses_with(0, device="device1") == pytest.approx(reference, abs=1e-3)


def test_train_plots(few, tmp_path):
    pytest.importorskip("matplotlib")
    picture = tmp_path / "p.png"
    assert main(["train", "--epochs", "1", "--plot", str(picture)]) == 0
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_confusion_table():
    table = train.confusion_table(bytes([3, 3, 3, 8]), bytes([3, 3, 5, 8])).splitlines()
    assert table[5].split() == ["3", ".", ".", ".", "2", ".", "1", ".", ".", ".", "."]


def test_train_tells_mistakes(few, tmp_path, capsys):
    assert "unknown backend 'nope'" in refused(capsys, "train", "--backend", "nope")
    assert "device 'moon'" in refused(capsys, "train", "--device", "moon")
    assert "there is no folder" in refused(capsys, "train", "--save", tmp_path / "absent" / "m")
    assert "is a folder" in refused(capsys, "train", "--save", tmp_path)
    assert "has no train-images-idx3-ubyte" in refused(capsys, "train", "--data", tmp_path)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(b"GIF89a")
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(b"")
    assert "not an IDX file" in refused(capsys, "train", "--data", tmp_path)
    with pytest.raises(SystemExit, match="2"):
        main(["train", "--epochs", "0"])
    assert "invalid positive int value: '0'" in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_loss_that_blows_up_ends_the_training(few, tmp_path, capsys):
    assert main(["train", "--lr", "1e20", "--batch-size", "4", "--save", str(tmp_path / "m")]) == 2
    assert re.search(r"the loss has become (nan|inf); try a smaller --lr", capsys.readouterr().err)
    assert not list(tmp_path.iterdir())


def test_a_missing_extra_is_named(few, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert "pip install 'xpgrad[plot]'" in refused(capsys, "train", "--plot", tmp_path / "p.png")


def test_an_unknown_kind_of_picture(few, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    assert "no kind of picture ends in '.txt'" in refused(capsys, "train", "--plot", tmp_path / "p.txt")


def test_predict_reads_images_of_many_kinds(tmp_path):
    """The network is replaced by the pixels: whatever the kind of image, they are a digit in MNIST's form."""
    image = pytest.importorskip("PIL.Image")
    from xpgrad.commands.predict import read_digit

    _, held_back = load_digits()
    original = held_back.images[420 * 784 : 421 * 784]
    digit = image.frombytes("L", (28, 28), original)
    dark, light, large, clear, deep = (tmp_path / f"{n}.png" for n in ("dark", "light", "large", "clear", "deep"))
    digit.save(dark)
    inverted = digit.point(lambda value: 255 - value)
    inverted.save(light)
    inverted.resize((280, 280)).save(large)
    transparent = image.new("RGBA", (28, 28), (0, 0, 0, 0))
    transparent.putalpha(digit)
    transparent.save(clear)
    image.frombytes("I;16", (28, 28), b"".join(bytes((v, v)) for v in original)).save(deep)
    for path in (dark, light, large, clear, deep):
        found = read_digit(str(path))
        assert len(found) == 784
        assert sum(abs(a - b) for a, b in zip(found, original, strict=True)) / 784 < 8, path.name


def test_predict_names_digits(tmp_path, capsys):
    image = pytest.importorskip("PIL.Image")
    net = LeNet()
    with xpgrad.no_grad():
        for parameter in net.parameters():
            parameter.zero_()
        net.fc3.bias[7] = 10.0
    save_file(net.state_dict(), tmp_path / "m.safetensors")
    image.frombytes("L", (28, 28), FEW[0].images[:784]).save(tmp_path / "d.png")
    assert main(["predict", str(tmp_path / "m.safetensors"), *[str(tmp_path / "d.png")] * 2]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'd.png'}: 7 (100.0 %)\n" * 2


def test_predict_tells_mistakes(tmp_path, capsys):
    image = pytest.importorskip("PIL.Image")
    model, picture, blank = tmp_path / "m.safetensors", tmp_path / "d.png", tmp_path / "blank.png"
    assert "m.safetensors: No such file" in refused(capsys, "predict", model, picture)
    model.write_bytes(b"nothing")
    assert "not a whole safetensors file" in refused(capsys, "predict", model, picture)
    save_file({"conv1.weight": xpgrad.zeros(2)}, model)
    assert "does not hold a LeNet" in refused(capsys, "predict", model, picture)
    state = LeNet().state_dict()
    save_file({**state, "fc9.bias": xpgrad.zeros(2)}, model)
    assert "fc9.bias" in refused(capsys, "predict", model, picture)
    save_file({**state, "fc3.bias": xpgrad.zeros(2)}, model)
    assert "fc3.bias" in refused(capsys, "predict", model, picture)
    save_file(state, model)
    assert "d.png: no such file" in refused(capsys, "predict", model, picture)
    picture.write_text("not a picture")
    assert "not an image that can be read" in refused(capsys, "predict", model, picture)
    image.new("L", (9, 9), 77).save(blank)
    assert "no digit to be seen" in refused(capsys, "predict", model, blank)


def test_backends_lists_what_is_there(capsys):
    assert main(["backends"]) == 0
    heading, *rows = capsys.readouterr().out.splitlines()
    assert heading.split() == ["name", "installed", "version", "devices", "64-bit", "default"]
    lines = {row.split()[0]: row for row in rows}
    assert {"numpy", "jax", "torch", "cupy", "strict"} <= set(lines)
    assert re.fullmatch(r"numpy +yes +\S+ +cpu +yes +default", lines["numpy"])
    for name, line in lines.items():
        assert re.match(rf"{name} +yes +\d", line) or "pip install" in line


def write_script(folder, text, name="script.py"):
    path = folder / name
    path.write_text(textwrap.dedent(text))
    return path


SCRIPT = """
    import importlib
    import sys
    import torch
    import torch.nn as nn
    import torch.nn.functional as F
    from torch import optim
    from torch.utils.data import DataLoader
    import neighbour

    assert torch.__name__ == "xpgrad", torch
    assert F.__name__ == "xpgrad.nn.functional"
    assert importlib.import_module("torch.nn") is nn is neighbour.nn
    w = nn.Parameter(torch.tensor([3.0]))
    (w * w).sum().backward()
    print(sys.argv[1:], w.grad, type(w.data.numpy()).__module__.split(".")[0])
    sys.exit(5)
"""


@pytest.mark.parametrize(("name", "package"), [("numpy", "numpy"), ("torch", "torch"), ("strict", "array_api_strict")])
def test_run_a_pytorch_script(tmp_path, name, package):
    pytest.importorskip(package)
    write_script(tmp_path, "import torch.nn as nn", "neighbour.py")
    write_script(tmp_path, SCRIPT)
    for arguments in (["script.py", "--backend", name, "--lr", "1"], [f"--backend={name}", "script.py", "--lr", "1"]):
        ended = program("run", *arguments, cwd=tmp_path)
        assert ended.stdout == "['--lr', '1'] tensor([6.]) numpy\n", ended.stderr
        assert ended.returncode == 5


def test_run_without_pytorch(tmp_path):
    """With no PyTorch to be found, and with a library that asks for it in vain."""
    write_script(tmp_path, "import torch.nn as nn", "neighbour.py")
    write_script(tmp_path, SCRIPT)
    program_text = """
        import importlib.machinery, sys
        class Absent:
            def find_spec(name, path=None, target=None):
                if name.split(".")[0] == "torch":
                    raise ModuleNotFoundError(f"No module named '{name}'", name=name)
        sys.meta_path.insert(0, Absent)
        from xpgrad.cli import main
        sys.exit(main(["run", "script.py", "--", "--backend", "mine"]))
    """
    ended = subprocess.run([sys.executable, "-c", textwrap.dedent(program_text)], capture_output=True, text=True,
                           cwd=tmp_path)  # fmt: skip
    assert ended.stdout == "['--backend', 'mine'] tensor([6.]) numpy\n", ended.stderr
    assert ended.returncode == 5


def test_run_restores_what_it_changed(tmp_path, capsys):
    script = write_script(tmp_path, "import torch, sys; assert sys.modules['torch'] is torch or 'torch' in sys.modules")
    before = list(sys.argv), list(sys.path), sys.modules.get("torch"), __import__
    assert main(["run", str(script)]) == 0
    assert (list(sys.argv), list(sys.path), sys.modules.get("torch"), __import__) == before


def test_run_keeps_the_traceback(tmp_path):
    write_script(tmp_path, "import torch\n\n\ndef fail():\n    raise KeyError('lost')\n\n\nfail()\n")
    ended = program("run", "script.py", cwd=tmp_path)
    assert ended.returncode == 1
    assert ended.stderr.startswith('Traceback (most recent call last):\n  File "script.py", line 8, in <module>\n')
    assert ended.stderr.endswith("KeyError: 'lost'\n")
    assert "runpy" not in ended.stderr


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("import torch.absent.part", "No module named 'torch.absent': .* no xpgrad.absent"),
        ("from torch import absent", "cannot import name 'absent' from 'torch': .* no xpgrad.absent"),
        ("from torch.nn import Absent", "cannot import name 'Absent' from 'torch.nn': .* no xpgrad.nn.Absent"),
        ("from torch.absent import x", "No module named 'torch.absent'"),
        ("import torch.relu", "No module named 'torch.relu'"),
    ],
)
def test_run_names_what_is_missing(tmp_path, capsys, line, message):
    script = write_script(tmp_path, line)
    assert main(["run", str(script)]) == 1
    assert re.search(message, capsys.readouterr().err)


def test_run_tells_mistakes(tmp_path, capsys):
    assert "run needs a script" in refused(capsys, "run")
    assert "there is no script" in refused(capsys, "run", tmp_path / "absent.py")
    script = write_script(tmp_path, "")
    assert "unknown backend 'nope'" in refused(capsys, "run", script, "--backend", "nope")
    assert "expected the name" in refused(capsys, "run", script, "--backend")
