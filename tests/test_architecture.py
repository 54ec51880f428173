"""The house: which folder may know of which, how long a module may be, and what is installed."""

from __future__ import annotations

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("benchmarks", "cli", "controllers", "engine", "evaluation", "models", "presets")
PROCESSES = ("control", "decode", "play")
OFFLINE = "engine/offline.py"  # renders without processes, so it alone knows all three


@cache
def modules() -> dict[str, Path]:
    """Every module of the package, by its dotted name without `latentpad.`."""
    found = {}
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported(path: Path) -> Iterator[str]:
    """The modules of the package that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("latentpad."):
            module = str(node.module).removeprefix("latentpad.")
            for alias in node.names:
                name = f"{module}.{alias.name}"
                yield name if name in modules() else module
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith("latentpad."):
                    yield alias.name.removeprefix("latentpad.")


def room(module: str) -> str:
    """The folder of the package in which a module lies."""
    return module.split(".")[0]


def test_the_three_processes_never_import_each_other() -> None:
    wrong = []
    for module, path in modules().items():
        if not module.startswith("engine.") or path == ROOT / OFFLINE:
            continue
        own = module.split(".")[1]
        for other in imported(path):
            parts = other.split(".")
            if parts[0] == "engine" and parts[1:] and parts[1] in PROCESSES and parts[1] != own:
                wrong.append(f"{module} imports {other}")
    assert not wrong


def test_no_two_folders_import_each_other() -> None:
    """Not by a longer way either: folders stand in an order, and imports go down it."""
    knows: dict[str, set[str]] = defaultdict(set)
    for module, path in modules().items():
        knows[room(module)] |= {room(other) for other in imported(path)} - {room(module)}
    placed: list[str] = []
    while len(placed) < len(FOLDERS):
        free = [f for f in FOLDERS if f not in placed and knows[f] <= set(placed)]
        assert free, f"a circle among {set(FOLDERS) - set(placed)}: {dict(knows)}"
        placed += free
    assert placed[0] == "models" and placed[-1] == "cli"


def test_no_module_is_longer_than_300_lines() -> None:
    lengths = {str(path): len(path.read_text().splitlines()) for path in modules().values()}
    assert {path: length for path, length in lengths.items() if length > 300} == {}


@pytest.mark.parametrize("folder", [*FOLDERS, "tests", "docs"])
def test_everything_is_imported_from_the_one_package(folder: str) -> None:
    pattern = re.compile(rf"^\s*(from|import) ({'|'.join(FOLDERS)})\b", re.MULTILINE)
    wrong = [path for path in (ROOT / folder).rglob("*.py") if pattern.search(path.read_text())]
    assert not wrong


def test_no_folder_of_the_package_is_imported_by_itself() -> None:
    """A researcher may have a `models.py` of his own."""
    assert not {"engine", "models", "controllers", "presets", "cli"} & set(sys.modules)


def test_the_package_is_the_folders_beside_it() -> None:
    links = {path.name: path.resolve() for path in (ROOT / "latentpad").iterdir() if path.is_dir()}
    links.pop("__pycache__", None)
    assert links == {folder: ROOT / folder for folder in FOLDERS}


def test_the_architecture_page_shows_every_folder_of_the_tree() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    tree = re.search(r"```tree\n(.*?)```", text, re.DOTALL)
    assert tree is not None
    shown = set(re.findall(r"^([\w/]+)/ ", tree[1], re.MULTILINE))
    packages = {path.parent.relative_to(ROOT).as_posix() for path in modules().values()}
    assert shown == packages
