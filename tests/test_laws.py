"""The laws of the house: who may import whom, and what every rule keeps.

Imports are read from the source. Rules are run over the whole table of cases, on arrays that cannot be written to and
on JAX's tracers, which are no numbers at all: an op that writes into an array, or that looks at data, fails there.
(That rules call registered ops alone is held by the tests of the rules on raw arrays; that a graph needs no garbage
collector and holds only what a rule reads, by those of memory.)
"""

from __future__ import annotations

import ast
import dataclasses
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from xpgrad_conformance import cases
from xpgrad_conformance.evaluate import differentiable, draw, place, stages

import xpgrad

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "xpgrad"

FLOORS = [
    {"arrays", "dtypes", "backend", "devices", "standard", "modes", "hooks", "trees", "sizes"},
    {"op", "printing", "random", "sampling"},
    {"rules", "kernels"},
    {"operands", "graph", "tensor", "views", "operators", "backward", "function", "namespace", "creation"},
    {"torch_names", "autograd", "transform", "functional", "func", "jacobians", "check", "linalg", "fft", "signal",
     "masked", "special"},
    {"nn", "optim", "utils", "io", "watching", "compiled", "testing", "serialization", "cuda"},
    {"xpgrad", "__main__", "cli", "commands", "digits"},
]
FLOOR = {name: number for number, names in enumerate(FLOORS) for name in names}
ROOF = len(FLOORS) - 1
LIBRARIES = {"numpy", "jax", "jaxlib", "torch", "cupy", "array_api_strict", "array_api_compat", "array_api_extra",
             "scipy", "dask", "dpnp", "ndonnx", "sparse", "tensorflow", "mlx", "pandas"}  # fmt: skip
MAY_IMPORT = {"random": {"numpy"}, "arrays": {"array_api_compat"}}


def _files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.py"))


def _parts(path: Path, root: Path) -> list[str]:
    parts = list(path.relative_to(root).with_suffix("").parts)
    return parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts


def _for_types_only(tree: ast.AST) -> set[ast.AST]:
    """The statements under ``if TYPE_CHECKING:``."""
    guarded = [n for n in ast.walk(tree) if isinstance(n, ast.If) and isinstance(n.test, ast.Name)
               and n.test.id == "TYPE_CHECKING"]  # fmt: skip
    return {inner for branch in guarded for statement in branch.body for inner in ast.walk(statement)}


def _imports(path: Path, root: Path) -> Iterator[str]:
    """Every module that a file imports, whole names; those of its own package are given as ``xpgrad....``."""
    tree = ast.parse(path.read_text())
    ignored = _for_types_only(tree)
    package = ["xpgrad", *path.relative_to(root).parts[:-1]]
    for node in ast.walk(tree):
        if node in ignored:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            base += node.module.split(".") if node.module else []
            folder = root.joinpath(*base[1:])
            named = [f"{'.'.join(base)}.{alias.name}" for alias in node.names]
            is_package = base[0] == "xpgrad" and folder.is_dir()
            yield from named if is_package else [".".join(base)]
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            function = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if function in ("import_module", "__import__"):
                yield str(node.args[0].value)


def _room(name: str) -> str:
    """The file or folder of the package that a module belongs to; ``xpgrad`` for the package itself."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in FLOOR else "xpgrad"


@pytest.mark.parametrize("path", _files(PACKAGE), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_floor_stands_on_the_floors_below(path: Path) -> None:
    parts = _parts(path, PACKAGE)
    room = "xpgrad" if parts == ["__init__"] else parts[0]
    assert room in FLOOR, f"say in FLOORS on which floor {room} is"
    if FLOOR[room] == ROOF:
        return
    for name in _imports(path, PACKAGE):
        if name.split(".")[0] == "xpgrad":
            assert FLOOR[_room(name)] <= FLOOR[room], f"{room} must not import {name}"
            if FLOOR[room] == 2:
                allowed = ("op", "dtypes", room) if room == "rules" else ("op", "dtypes", "rules", room)
                assert _room(name) in allowed, f"{room} know `xp` and {', '.join(allowed)} alone, not {name}"


def test_no_files_import_each_other_in_a_circle() -> None:
    needs: dict[str, set[str]] = {}
    for path in _files(PACKAGE):
        module = ".".join(_parts(path, PACKAGE))
        found = {_module(name) for name in _imports(path, PACKAGE) if name.split(".")[0] == "xpgrad"}
        needs[module] = found - {module}
    needs = {module: others for module, others in needs.items() if FLOOR.get(module.split(".")[0], ROOF) < ROOF}
    while needs:
        free = [module for module, others in needs.items() if not others & needs.keys()]
        assert free, f"these import each other in a circle: {needs}"
        for module in free:
            del needs[module]


def _module(name: str) -> str:
    """The file of the package that a name stands in: ``nn.functional`` for ``xpgrad.nn.functional.relu``."""
    parts = name.split(".")[1:]
    while parts and not (PACKAGE.joinpath(*parts).with_suffix(".py").exists() or PACKAGE.joinpath(*parts).is_dir()):
        parts.pop()
    return ".".join(parts) or "__init__"


@pytest.mark.parametrize("path", _files(PACKAGE), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_no_file_imports_an_array_library(path: Path) -> None:
    allowed = MAY_IMPORT.get(".".join(_parts(path, PACKAGE)), set())
    found = {name.split(".")[0] for name in _imports(path, PACKAGE)}
    assert found & LIBRARIES <= allowed


@pytest.mark.parametrize("path", _files(ROOT / "backends" / "xpgrad_backends"), ids=lambda p: p.name)
def test_backends_know_the_contract_and_their_library_alone(path: Path) -> None:
    found = {name for name in _imports(path, path.parent) if name.split(".")[0] == "xpgrad"}
    assert found <= {"xpgrad.backend"}


# what conformance may import: the package and the rooms whose text says that they are for others
PUBLIC = {"xpgrad", "xpgrad.backend", "xpgrad.namespace", "xpgrad.op", "xpgrad.nn", "xpgrad.optim", "xpgrad.func",
          "xpgrad.check", "xpgrad.cli", "xpgrad.digits.lenet"}  # fmt: skip


@pytest.mark.parametrize("path", _files(ROOT / "conformance" / "xpgrad_conformance"), ids=lambda p: p.name)
def test_conformance_uses_the_public_interface(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        assert {name for name in names if name.split(".")[0] == "xpgrad"} <= PUBLIC
        if isinstance(node, ast.ImportFrom) and not node.level and (node.module or "").startswith("xpgrad"):
            assert not [alias.name for alias in node.names if alias.name.startswith("_")]


# -- what comes in with `import xpgrad` --

LATE = LIBRARIES - {"numpy", "array_api_compat"} | {
    "numpy.random",
    "array_api_compat.numpy",
    "safetensors",
    "tqdm",
    "matplotlib",
    "PIL",
    "importlib.metadata",
    "asyncio",
    "difflib",
    "argparse",
    "xpgrad.nn",
    "xpgrad.optim",
    "xpgrad.utils",
    "xpgrad.io",
    "xpgrad.compiled",
    "xpgrad.cli",
    "xpgrad_backends",
    "xpgrad_conformance",
}


def test_import_brings_little() -> None:
    """Nothing is read before it is needed, beyond what NumPy has read already."""
    program = ("import sys, numpy; before = set(sys.modules); import xpgrad; "
               "print(*sorted(set(sys.modules) - before))")  # fmt: skip
    brought = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert not LATE & set(brought)
    others = {name.partition(".")[0] for name in brought} - {"xpgrad"} - sys.stdlib_module_names
    assert others <= {"array_api_compat"}


# -- arrays are values --

# The shape of the result depends on the data: what a tracer cannot know
BY_DATA = {"nonzero", "unique_all", "unique_counts", "unique_inverse", "unique_values", "repeat"}
PURE = [c for c in cases.load() if not c.op.startswith(("nn.", "optim."))]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", PURE, ids=str)
def test_read_only_arrays_go_through(case: Any) -> None:
    here = dataclasses.replace(place("numpy"), frozen=True)
    dtype = case.dtypes[0]
    inputs = [here.put(a) for a in draw(case, dtype)]
    before = [here.host(t).copy() for t in inputs]
    assert len(list(stages(case, here, inputs, case.order))) == case.order + 1
    for t, b in zip(inputs, before, strict=True):
        np.testing.assert_array_equal(here.host(t), b)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", PURE, ids=str)
def test_tracers_go_through(case: Any) -> None:
    jax = pytest.importorskip("jax")
    there = place("jax")
    drawn = draw(case, case.dtypes[0])
    if case.op in BY_DATA or any(a.dtype == bool and case.op in ("getitem", "setitem") for a in drawn):
        pytest.skip("the shape of the result depends on the data")
    free = differentiable(case, [a.dtype.name for a in drawn])
    fixed = {i: there.put(a) for i, a in enumerate(drawn) if i not in free}

    def run(*arrays: Any) -> Any:
        traced = iter(arrays)
        inputs = [fixed[i].detach() if i in fixed else xpgrad.as_tensor(next(traced)) for i in range(len(drawn))]
        out = [t.array for stage in stages(case, there, inputs, case.order) for t in stage if t is not None]
        return [a for a in out if isinstance(a, jax.Array)]

    jax.make_jaxpr(run)(*[there.put(drawn[i]).array for i in free])
