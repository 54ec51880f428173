"""Markdown: tables, and names that are to be none of it."""

from __future__ import annotations

import re

from latentpad.models.text import printable


def tabled(heads: list[str], rows: list[list[str]]) -> str:
    """Cells that are Markdown already, as a table."""
    return "\n".join(f"| {' | '.join(row)} |" for row in [heads, ["---"] * len(heads), *rows])


def plain(name: str) -> str:
    """A name from elsewhere as it is: what it holds is neither Markdown nor HTML."""
    return re.sub(r"([\\`*_~<>&|!\[\]])", r"\\\1", printable(name))
