"""The house stands: floors, no circles, private names stay at home, files and functions stay short.

The source is read with ``ast``, not imported.
"""

from __future__ import annotations

import ast
import configparser
import re
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "gi_classifier"
LONGEST_FILE = 450
LONGEST_BODY = 70

# From the ground up; DESIGN: a room is a folder of the package or a file at its root.
FLOORS: dict[int, set[str]] = {
    1: {
        "errors",
        "extras",
        "labels",
        "settings",
        "text",
        "files",
        "locks",
        "identity",
        "text_checks",
        "arrays",
        "option_checks",
        "segmenter",
        "display",
        "classes",
        "cpus",
        "onnx_runtime",
        "openvino_runtime",
        "_version",
    },
    2: {"model", "data", "metrics", "plots"},
    3: {"decisions", "attribution", "heads"},
    4: {"training", "pipelines"},
    5: {"api", "classifier", "evaluation"},
    6: {"server"},
    7: {"cli", "scripts", "__init__", "__main__"},
}
GROUND = FLOORS[1]

# Public methods of named tuples and of ``os`` all the same.
UNDERSCORED = {"_asdict", "_fields", "_replace", "_make", "_exit"}

# Arrows within the top floor, of what is a command by another name.
EXCUSED = {"__main__ -> cli.app", "scripts.feature_importance -> cli.app"}


def sources() -> Iterator[tuple[str, Path]]:
    """Each file by its dotted name: ``cli.app``, ``text``, ``scripts.search``."""
    for path in sorted([*PACKAGE.rglob("*.py"), *(ROOT / "scripts").glob("*.py")]):
        base = PACKAGE if path.is_relative_to(PACKAGE) else ROOT
        yield ".".join(path.relative_to(base).with_suffix("").parts), path


@cache
def trees() -> dict[str, ast.Module]:
    return {name: ast.parse(path.read_text("utf-8")) for name, path in sources()}


def module_of(dotted: str) -> str | None:
    """The file behind ``gi_classifier.a.b``, or None if it is no file of ours."""
    top, _, name = dotted.partition(".")
    if top != "gi_classifier":
        return None
    return next(
        (n for n in (name, f"{name}.__init__" if name else "__init__") if n in trees()), None
    )


def imports(name: str) -> Iterator[tuple[str, str, int]]:
    """What a file imports of ours, anywhere in it: the file, the name taken from it, the line."""
    for node in ast.walk(trees()[name]):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if found := module_of(alias.name):
                    yield found, "", node.lineno
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}:{node.lineno} imports relatively: write the whole name"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                if found := module_of(whole):
                    yield found, "", node.lineno
                elif found := module_of(node.module or ""):
                    yield found, alias.name, node.lineno
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            said = node.args[0] if node.args else None
            if isinstance(said, ast.Constant) and (found := module_of(str(said.value))):
                yield found, "", node.lineno


def room(name: str) -> str:
    return name.partition(".")[0]


def floor(name: str) -> int:
    found = [number for number, rooms in FLOORS.items() if room(name) in rooms]
    assert found, f"{name} stands on no floor: put it in a room, or its room into FLOORS"
    return found[0]


def check(found: dict[str, str], rule: str) -> None:
    wrong = [f"{key}  ({found[key]})" for key in sorted(found)]
    assert not wrong, "\n  ".join([rule, *wrong])


def test_files_import_only_from_their_own_folder_the_ground_and_lower_floors():
    found = {}
    for name in trees():
        for target, _, line in imports(name):
            same_room = room(target) == room(name) or {room(target), room(name)} <= GROUND
            if not same_room and floor(target) >= floor(name):
                arrow = f"{name} -> {target}"
                found[arrow] = f"line {line}: floor {floor(name)} to floor {floor(target)}"
    assert set(found) >= EXCUSED, "an arrow is excused that is no longer drawn"
    found = {arrow: why for arrow, why in found.items() if arrow not in EXCUSED}
    check(found, "Imports go to the file's own folder or to lower floors:")


def circles(graph: dict[str, set[str]]) -> dict[str, str]:
    """The shortest circle through each file that imports itself in the end."""
    found: dict[str, str] = {}
    for start in graph:
        before: dict[str, str] = {}
        waiting = [start]
        while waiting:
            name = waiting.pop(0)
            for target in sorted(graph.get(name, ())):
                if target not in before:
                    before[target] = name
                    waiting.append(target)
        if start in before:
            way = [start]
            while (previous := before[way[-1]]) != start:
                way.append(previous)
            found.setdefault(" ".join(sorted(way)), " -> ".join([start, *reversed(way)]))
    return found


def test_a_circle_is_found_and_printed():
    graph = {"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}
    assert list(circles(graph).values()) == ["b -> c -> b"]


def test_no_files_import_each_other_in_a_circle():
    graph = {name: {target for target, _, _ in imports(name)} - {name} for name in trees()}
    found = circles(graph)
    assert not found, "\n  ".join(["Files import each other:", *found.values()])


def test_private_names_stay_in_their_file():
    found = {}
    for name, tree in trees().items():
        files = {}
        for target, taken, line in imports(name):
            if taken.startswith("_") and not taken.startswith("__"):
                found[f"{name} -> {target}.{taken}"] = f"line {line}"
            if not taken:
                files[target.rpartition(".")[2]] = target
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and node.value.id in files
                and node.attr.startswith("_")
                and not node.attr.startswith("__")
            ):
                found[f"{name} -> {files[node.value.id]}.{node.attr}"] = f"line {node.lineno}"
    check(found, "A private name is used by its own file only:")


def own_names(tree: ast.Module) -> set[str]:
    """What a file defines or sets itself: functions, methods, classes, attributes, constants."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            found.add(node.attr)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
    return found


def test_private_attributes_of_what_another_file_defines_are_not_used():
    found = {}
    for name, tree in trees().items():
        passed_over = own_names(tree) | UNDERSCORED
        for node in ast.walk(tree):
            if not isinstance(node, ast.Attribute) or ast.unparse(node.value) in ("self", "cls"):
                continue
            if re.match("_[^_]", node.attr) and node.attr not in passed_over:
                found[f"{name}: {ast.unparse(node)}"] = f"line {node.lineno}"
    check(found, "A private attribute is used by the file that defines it only:")


def test_no_file_of_the_package_is_long():
    found = {}
    for name, path in sources():
        lines = len(path.read_text("utf-8").splitlines())
        if lines > LONGEST_FILE and room(name) != "scripts":
            found[name] = f"{lines} lines"
    check(found, f"A file has at most {LONGEST_FILE} lines:")


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function behind its signature and its docstring."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_no_function_is_long():
    found = {}
    for name, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = body_lines(node)
                if lines > LONGEST_BODY:
                    found[f"{name}.{node.name}"] = f"line {node.lineno}: {lines} lines"
    check(found, f"A function's body has at most {LONGEST_BODY} lines:")


def test_setup_lists_every_folder_of_the_package_and_every_file_of_data():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", "utf-8")
    folders = {p.parent for p in PACKAGE.rglob("*.py")}
    here = {".".join(f.relative_to(ROOT).parts) for f in folders} | {"gi_classifier.weights"}
    listed = set(setup["options"]["packages"].split())
    assert here == listed, f"packages in setup.cfg: {sorted(here ^ listed)} differ"

    data = {key: value.split() for key, value in setup["options.package_data"].items()}
    for path in PACKAGE.rglob("*"):
        if path.is_dir() or path.suffix in (".py", ".pyc"):
            continue
        owner = path.parent
        while owner not in folders:
            owner = owner.parent
        inside = path.relative_to(owner).as_posix()
        globs = data.get(".".join(owner.relative_to(ROOT).parts), [])
        assert any(fnmatch(inside, glob) for glob in globs), (
            f"{path.relative_to(ROOT)} is not shipped"
        )


def test_tests_mirror_the_package():
    found = {}
    for path in (ROOT / "tests").glob("*/test_*.py"):  # at the root: of the ground and of the whole
        place = path.relative_to(ROOT / "tests")
        mirrored = place.with_name(place.name.removeprefix("test_"))
        if not any((base / mirrored).exists() for base in (PACKAGE, ROOT)):
            found[place.as_posix()] = "tests no file of this name"
    check(found, "A file of tests is named after the file it tests:")
