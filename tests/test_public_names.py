"""What ``import gi_classifier`` offers, and that it costs nothing until it is used."""

from __future__ import annotations

import ast
import inspect
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import gi_classifier
from gi_classifier import errors

ROOT = Path(__file__).resolve().parent.parent


def test_docs_and_dir_and_all_list_the_same_names_and_each_is_there() -> None:
    table = (ROOT / "docs" / "python.md").read_text("utf-8")
    documented = re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)
    assert sorted(documented) == sorted(gi_classifier.__all__) == sorted(dir(gi_classifier))
    assert all(getattr(gi_classifier, name) for name in documented)


def test_the_names_that_type_checkers_see_are_the_names_that_are_there() -> None:
    tree = ast.parse(Path(gi_classifier.__file__).read_text("utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.name: node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert {*seen, "__version__"} == set(gi_classifier.__all__)
    for name, module in seen.items():
        assert getattr(gi_classifier, name) is getattr(sys.modules[module], name)


def test_every_exception_is_public() -> None:
    kinds = {
        name
        for name, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, errors.GIClassifierError)
    }
    assert kinds <= set(gi_classifier.__all__)


def test_no_public_name_is_that_of_a_module_directly_in_the_package() -> None:
    modules = {module.name for module in pkgutil.iter_modules(gi_classifier.__path__)}
    assert not modules & set(gi_classifier.__all__)


def test_the_import_brings_nothing_that_takes_time() -> None:
    code = (
        "import sys; before = set(sys.modules); import gi_classifier; dir(gi_classifier)\n"
        "print(sorted(m for m in set(sys.modules) - before if not m.startswith('gi_classifier')\n"
        "      and m.split('.')[0] not in sys.stdlib_module_names))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
def test_every_public_name_is_there_without_tensorflow() -> None:
    code = (
        "import sys; from gi_classifier import *\n"
        "print([m for m in ('tensorflow', 'tf_keras', 'matplotlib') if m in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
