"""What the documents say of the program is what the program says of itself."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

from presets.bank import FACTORY, Bank

ROOT = Path(__file__).parents[1]


def test_the_reference_page_is_the_parameter_table() -> None:
    spec = importlib.util.spec_from_file_location("reference", ROOT / "docs" / "reference.py")
    assert spec is not None and spec.loader is not None
    reference = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(reference)
    written = (ROOT / "docs" / "parameters.md").read_text(encoding="utf-8")
    assert written == reference.page(), "run `python docs/reference.py`"


def test_the_readme_names_every_factory_preset(tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    names = Bank(FACTORY, tmp_path).names()
    assert len(names) >= 6
    for name in names:
        assert f"`{name}`" in text


def test_every_file_that_a_document_points_to_is_there() -> None:
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} points to {target}"
