"""The rules of docs/architecture.md: the tree, who may import whom, and the length of a module."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
FOLDERS = ("benchmarks", "cli", "controllers", "engine", "evaluation", "models", "presets")
PROCESSES = ("control", "decode", "play")
OFFLINE = "engine.offline"  # renders without processes, so it imports all three
HEAVY = ("keras", "tensorflow")
KERNELS = ("numba", "scipy", "sounddevice", "rtmixer", *HEAVY)
IMPORTS_HEAVY = (
    "engine.decode.keras_decoder",
    "models.reconstruction",
    "models.refinement",
    "models.vae",
)


@cache
def modules() -> dict[str, Path]:
    """Every module of the package, by its dotted name without `latentpad.`."""
    result = {}
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            result[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return result


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(path: Path) -> Iterator[str]:
    """The modules of the package that a file imports, anywhere in it."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("latentpad."):
            module = str(node.module).removeprefix("latentpad.")
            for alias in node.names:
                name = f"{module}.{alias.name}"
                yield name if name in modules() else module
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith("latentpad."):
                    yield alias.name.removeprefix("latentpad.")


def folder(module: str) -> str:
    """The top-level folder of a module."""
    return module.split(".")[0]


def process(module: str) -> str | None:
    """The process that a module belongs to; None if it is shared or outside the engine."""
    top, second, *_ = [*module.split("."), ""]
    return second if top == "engine" and second in PROCESSES else None


def test_the_three_processes_never_import_each_other() -> None:
    wrong = [
        f"{module} imports {other}"
        for module, path in modules().items()
        if folder(module) == "engine" and module != OFFLINE
        for other in imported(path)
        if process(other) not in (None, process(module))
    ]
    assert not wrong


def test_imports_between_folders_have_one_direction() -> None:
    """The folders can be put in an order in which each imports only those before it."""
    known: dict[str, set[str]] = defaultdict(set)
    for module, path in modules().items():
        known[folder(module)] |= {folder(other) for other in imported(path)} - {folder(module)}
    placed: list[str] = []
    while len(placed) < len(FOLDERS):
        free = [f for f in FOLDERS if f not in placed and known[f] <= set(placed)]
        assert free, f"a circle among {set(FOLDERS) - set(placed)}: {dict(known)}"
        placed += free
    assert placed[0] == "models" and placed[-1] == "cli"


def test_a_folder_imports_only_what_the_architecture_page_allows() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.*)\|$", PAGE, re.MULTILINE)
    allowed = {name: set(re.findall(r"`(\w+)`", cell)) for name, cell in rows if name in FOLDERS}
    allowed["cli"] = set(FOLDERS)
    assert set(allowed) == set(FOLDERS)
    wrong = [
        f"{module} imports {other}"
        for module, path in modules().items()
        for other in imported(path)
        if folder(other) not in allowed[folder(module)] | {folder(module)}
    ]
    assert not wrong


def test_tensorflow_is_imported_at_the_top_only_of_the_modules_that_the_page_names() -> None:
    for module, path in modules().items():
        if module in IMPORTS_HEAVY or module.startswith("models.training."):
            continue
        for node in parsed(path).body:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            assert not {name.split(".")[0] for name in names} & set(HEAVY), module
    for module in IMPORTS_HEAVY:
        assert modules()[module].relative_to(ROOT).as_posix() in PAGE


def test_the_control_process_imports_no_kernels_and_no_other_process() -> None:
    imported = f"sorted({set(KERNELS)} & {{name.split('.')[0] for name in sys.modules}})"
    program = f"import sys, latentpad.cli.play; print({imported})"
    made = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert made.stdout.strip() == "[]"


def test_no_module_is_longer_than_300_lines() -> None:
    lengths = {str(path): len(path.read_text().splitlines()) for path in modules().values()}
    assert {path: length for path, length in lengths.items() if length > 300} == {}


@pytest.mark.parametrize("name", [*FOLDERS, "tests", "docs"])
def test_everything_is_imported_from_the_one_package(name: str) -> None:
    pattern = re.compile(rf"^\s*(from|import) ({'|'.join(FOLDERS)})\b", re.MULTILINE)
    wrong = [path for path in (ROOT / name).rglob("*.py") if pattern.search(path.read_text())]
    assert not wrong


def test_no_folder_of_the_package_is_imported_by_itself() -> None:
    """A researcher may have a `models.py` of his own."""
    assert not {"engine", "models", "controllers", "presets", "cli"} & set(sys.modules)


def test_the_package_is_the_folders_beside_it() -> None:
    links = {path.name: path.resolve() for path in (ROOT / "latentpad").iterdir() if path.is_dir()}
    links.pop("__pycache__", None)
    assert links == {name: ROOT / name for name in FOLDERS}


def test_the_architecture_page_shows_every_package_of_the_tree() -> None:
    tree = re.search(r"```tree\n(.*?)```", PAGE, re.DOTALL)
    assert tree is not None
    shown = [re.fullmatch(r"([\w/]+)/  \S.*", line) for line in tree[1].splitlines()]
    assert all(shown)
    packages = {path.parent.relative_to(ROOT).as_posix() for path in modules().values()}
    assert [line[1] for line in shown if line] == sorted(packages)
