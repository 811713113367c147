"""Every example in a docstring runs, and every Python block of the README."""

from __future__ import annotations

import doctest
import importlib
import pathlib
import pkgutil
import re
import types

import pytest
import xpgrad_backends
import xpgrad_conformance

import xpgrad

ROOT = pathlib.Path(__file__).parent.parent
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def modules() -> list[str]:
    found = []
    for package in (xpgrad, xpgrad_backends, xpgrad_conformance):
        found.append(package.__name__)
        found += [m.name for m in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")]
    return [m for m in found if not m.endswith("__main__")]


@pytest.mark.parametrize("name", modules())
def test_docstrings(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__doc__, f"{name} does not say what it is for"
    xpgrad.manual_seed(0)
    failed, _ = doctest.testmod(module, optionflags=OPTIONS)
    assert failed == 0


@pytest.mark.parametrize("page", ["README.md", *sorted(str(p.relative_to(ROOT)) for p in ROOT.glob("docs/*.md"))])
def test_pages(page: str) -> None:
    text = (ROOT / page).read_text()
    scope: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", text, re.S):
        if ">>>" in block:
            test = doctest.DocTestParser().get_doctest(block, scope, page, page, 0)
            runner = doctest.DocTestRunner(optionflags=OPTIONS)
            runner.run(test, clear_globs=False)
            scope.update(test.globs)
            assert runner.failures == 0
        else:
            module = types.ModuleType("page")
            module.__dict__.update(scope)
            exec(compile(block, page, "exec"), module.__dict__)
            scope.update(module.__dict__)
    assert text
