from __future__ import annotations

import sys

import pytest
import segno

from latentpad.cli import link

URL = "http://192.168.1.5:8000/layouts?token=abcdefghijklmnop"


def test_without_a_url_nothing_is_said() -> None:
    assert list(link.lines("")) == []


def test_a_pipe_gets_the_link_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: False)
    (line,) = link.lines(URL)
    assert line.endswith(URL)


def test_a_terminal_shows_the_code_of_the_link(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two rows of the code in a line; what is light in it is drawn, on a dark terminal."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    _, *drawn = link.lines(URL)
    halves = {" ": (0, 0), "▀": (1, 0), "▄": (0, 1), "█": (1, 1)}
    light = [[halves[sign][half] for sign in line] for line in drawn for half in (0, 1)]
    rows = segno.make(URL, error="l").matrix_iter(border=2)
    code = [[1 - (1 if dark else 0) for dark in row] for row in rows]
    assert light[: len(code)] == code
    assert max(map(len, drawn)) <= 60, "it fits into a terminal"
