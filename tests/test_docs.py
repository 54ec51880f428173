"""What the documents say of the program is what the program says of itself."""

from __future__ import annotations

import importlib.util
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer

from latentpad.cli.main import app
from latentpad.engine.control import aliases
from latentpad.engine.control.command_table import COMMANDS, PARAMETERS, RECEIVED, SENT
from latentpad.presets.bank import FACTORY, PresetBank

ROOT = Path(__file__).parents[1]
GUIDES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PAGES = [
    *GUIDES,
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "benchmarks").glob("*.md")),
    *sorted((ROOT / "models" / "packs").glob("*/card.md")),
]
FOLDERS = "|".join(path.name for path in (ROOT / "latentpad").iterdir() if path.is_symlink())
GROUP = typer.main.get_group(app)
OTHERS = {  # options of the programs that measure
    option
    for program in (ROOT / "benchmarks").glob("*.py")
    for option in re.findall(r'"(--[\w-]+)"', program.read_text(encoding="utf-8"))
}


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


def reference() -> ModuleType:
    """docs/reference.py, which is in no package."""
    spec = importlib.util.spec_from_file_location("reference", ROOT / "docs" / "reference.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def plain(page: Path) -> str:
    """A page's text without its blocks of code."""
    return re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)


def code(page: Path) -> Iterator[str]:
    """Every piece of code in a page's text, and every line of its blocks of code."""
    yield from re.findall(r"`([^`\n]+)`", plain(page))
    for block in re.findall(r"^```\n(.*?)^```$", page.read_text(encoding="utf-8"), re.M | re.S):
        yield from (line.partition("  #")[0].strip() for line in block.splitlines())


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives a page's headings."""
    headings = re.findall(r"^#+ +(.+?) *$", plain(page), re.M)
    kept = (re.sub(r"[^\w\- ]", "", heading.casefold()) for heading in headings)
    return {heading.replace(" ", "-") for heading in kept}


@pytest.mark.parametrize("name", ["control.md", "presets.md"])
def test_the_reference_pages_are_what_the_program_knows(name: str) -> None:
    written = (ROOT / "docs" / name).read_text(encoding="utf-8")
    assert written == reference().pages()[name], "run `python docs/reference.py`"


def test_the_reference_names_every_address() -> None:
    page = reference().control()
    for command in (*PARAMETERS, *COMMANDS, *SENT):
        assert f"| `{command.address}` |" in page


def test_the_readme_names_every_factory_preset(tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    names = PresetBank(FACTORY, tmp_path).names()
    assert len(names) >= 6
    for name in names:
        assert f"`{name}`" in text


def test_a_program_that_a_page_names_is_that_preset(tmp_path: Path) -> None:
    names = PresetBank(FACTORY, tmp_path).names()
    result = [
        said
        for page in GUIDES
        for said in re.findall(
            r"[Pp]rogram (\d+), counted from 0[^`]*`(\w+)`[^`]*? as (\d+)", plain(page)
        )
    ]
    assert result
    for number, name, shown in result:
        assert names[int(number)] == name and int(shown) == int(number) + 1


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_what_a_page_points_to_is_there(page: Path) -> None:
    for target, anchor in re.findall(r"\]\(([^)#:]*)(?:#([^)]+))?\)", plain(page)):
        result = page.parent / target if target else page
        assert result.exists(), f"{page.name} points to {target}"
        assert not anchor or anchor in anchors(result), f"{page.name} points to {target}#{anchor}"


def test_every_page_of_the_documents_is_reached_from_the_readme() -> None:
    text = plain(ROOT / "README.md")
    for page in GUIDES[1:]:
        assert f"](docs/{page.name})" in text, page.name


@pytest.mark.parametrize("page", GUIDES, ids=named)
def test_every_address_that_a_page_names_is_one(page: Path) -> None:
    known = {_any(address) for command in (*RECEIVED, *SENT) for address in command.addresses()}
    for line in code(page):
        for address in re.findall(r"(?<!\S)/[a-z][^\s,;]*", line):
            if not re.search(r"[\[?]|\{\d", address):  # else a pattern, or a query
                alias = aliases.find(address.replace("{n}", "1"))
                assert _any(address) in known or alias, f"{page.name}: `{line}`"


def _any(address: str) -> str:
    """An address with the same sign for each number that may stand there."""
    return re.sub(r"(?<=/)(\d+|[A-Z]|\{\w\}|\*)(?=/|$)", "*", address)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_file_of_ours_that_a_page_names_is_there(page: Path) -> None:
    for line in code(page):
        for path in re.findall(r"(?<!\S)((?:\w+/)+\w+\.(?:py|md))(?!\S)", line):
            assert (ROOT / path).exists(), f"{page.name}: `{line}`"


@pytest.mark.parametrize("page", [*GUIDES, ROOT / "CONTRIBUTING.md"], ids=named)
def test_every_module_that_a_guide_names_is_named_by_its_path_or_its_import(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for path in re.findall(r"[\w/]+\.py\b", text):
        assert (ROOT / path).is_file(), f"{page.name} names {path}"
    for name in re.findall(r"-m (latentpad(?:\.\w+)+)", text):
        assert (ROOT / f"{name.replace('.', '/')}.py").is_file(), f"{page.name} names {name}"


@pytest.mark.parametrize("page", [*GUIDES, ROOT / "CONTRIBUTING.md"], ids=named)
def test_every_folder_of_the_package_that_a_guide_names_is_there(page: Path) -> None:
    for path in re.findall(rf"(?<![\w/])((?:{FOLDERS})(?:/\w+)*)/(?!\w)", plain(page)):
        assert (ROOT / path).is_dir(), f"{page.name} names {path}/"


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_command_line_that_a_page_shows_is_one(page: Path) -> None:
    for line in code(page):
        made = re.search(r"make play ARGS=(.*)", line)
        said = re.search(r"(?:^|\s|/)latentpad ([a-z].*)", line)
        if made:
            _check(["play", *shlex.split(shlex.split(made[1])[0])], line)
        elif said and not line.startswith("git "):
            _check(shlex.split(said[1]), line)
        elif line.startswith("--"):
            assert line.split()[0] in (_options(GROUP) | OTHERS), f"no command has {line}"


def _check(words: list[str], line: str) -> None:
    """Its command, and every option among its words, are the program's."""
    command: Any = GROUP
    while words and hasattr(command, "commands"):
        assert words[0] in command.commands, f"there is no {words[0]!r}: `{line}`"
        command = command.commands[words.pop(0)]
    for word in words:
        if re.match(r"-[^\d.]", word):  # not a negative number
            assert word in _options(command), f"there is no {word}: `{line}`"


def _options(command: Any) -> set[str]:
    """The options of a command, and of those beneath it."""
    own = {opt for option in command.params for opt in (*option.opts, *option.secondary_opts)}
    beneath = getattr(command, "commands", {}).values()
    return own.union({"--help"}, *map(_options, beneath))
