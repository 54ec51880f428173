from __future__ import annotations

import json
from pathlib import Path

import py2tosc
import pytest
from typer.testing import CliRunner

from latentpad.cli.main import app


def run(*words: str) -> tuple[int, str]:
    made = CliRunner().invoke(app, words)
    return made.exit_code, made.output + (str(made.exception) if made.exception else "")


@pytest.mark.parametrize("options", [(), ("--phone", "--preset", "kit")])
def test_touchosc_writes_a_layout_and_says_what_to_type_in_the_app(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    file = tmp_path / "pad.tosc"
    status, said = run("touchosc", str(file), "--receive-port", "9005", *options)
    assert status == 0
    assert py2tosc.load(file).validate() == []
    assert "send port 9000, receive port 9005" in said and "press sync" in said


def test_open_stage_control_writes_a_session_and_says_how_it_is_started(tmp_path: Path) -> None:
    file = tmp_path / "pad.json"
    status, said = run("open-stage-control", str(file), "--preset", "drone")
    assert status == 0
    assert json.loads(file.read_text("utf-8"))["type"] == "session"
    assert f"--load {file} --send 127.0.0.1:9000" in said


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("touchosc", "pad.txt"), "TouchOSC opens files whose names end in .tosc"),
        (("open-stage-control", "pad"), "end in .json"),
        (("touchosc", "nowhere/pad.tosc"), "nowhere: no such folder"),
        (("touchosc", "pad.tosc", "--preset", "wakl"), "did you mean walk?"),
        (("touchosc", "pad.tosc", "--pack", "none"), "none"),
    ],
)
def test_what_cannot_be_written_is_said_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], reason: str
) -> None:
    monkeypatch.chdir(tmp_path)
    status, said = run(*words)
    assert status != 0 and reason in said
    assert list(tmp_path.iterdir()) == []
