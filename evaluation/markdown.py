"""Markdown tables, and escaping of names."""

from __future__ import annotations

import re

from latentpad.models.text import printable


def tabled(heads: list[str], rows: list[list[str]]) -> str:
    """A table of cells that are already Markdown."""
    return "\n".join(f"| {' | '.join(row)} |" for row in [heads, ["---"] * len(heads), *rows])


def plain(name: str) -> str:
    """Escape a name, so that nothing in it is read as Markdown or HTML."""
    return re.sub(r"([\\`*_~<>&|!\[\]])", r"\\\1", printable(name))
