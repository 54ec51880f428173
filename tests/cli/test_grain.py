"""The grain of a pack from the command line, and played by a whole instrument."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from latentpad.cli import messages
from latentpad.cli.main import app
from latentpad.engine.control.instrument import Sender
from latentpad.engine.control.session import Session
from latentpad.engine.output_settings import OutputSettings
from latentpad.models.errors import LatentpadError
from latentpad.models.libraries import library as libraries
from latentpad.models.libraries.playable import as_pack
from latentpad.models.packs import grain, pack
from latentpad.models.packs.pack import Pack, PackError
from latentpad.models.training import train as training

HAND = Sender("hand")
PATIENCE_S = 60.0


def said(*words: object) -> str:
    done = CliRunner().invoke(app, [str(word) for word in words])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture
def copy(small: Pack, tmp_path: Path) -> Path:
    return Path(shutil.copytree(small.path, tmp_path / "copy"))


def test_a_trained_pack_gets_the_grain_of_its_folder(copy: Path, recordings: Path) -> None:
    reported = said("grain", copy, recordings)
    assert f"{copy / grain.FILE}: the grain of 12 of 12 sounds" in reported
    assert f"latentpad play --pack {copy}" in reported
    assert grain.PackResiduals(pack.load(copy)).residual(0) is not None


def test_a_shipped_pack_and_a_foreign_folder_are_refused(
    copy: Path, recordings: Path, tmp_path: Path
) -> None:
    with pytest.raises(PackError, match="is shipped"):
        said("grain", "footsteps", recordings)
    (tmp_path / "empty").mkdir()
    with pytest.raises(LatentpadError, match="0 usable sounds"):
        said("grain", copy, tmp_path / "empty")
    assert not (copy / grain.FILE).exists()


@pytest.mark.parametrize("keeps", [False, True])
def test_a_training_keeps_grain_only_if_it_is_asked_to(
    small: Pack, recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keeps: bool
) -> None:
    out = tmp_path / "trained"

    def train(folder: Path, out: Path, *args: Any, **settings: Any) -> Pack:
        return pack.load(shutil.copytree(small.path, out))

    monkeypatch.setattr(training, "train", train)
    reported = said("train", recordings, "-o", out, *["--keep-grain"] * keeps)
    assert (out / grain.FILE).exists() == keeps
    assert ("the grain of 12 of 12 sounds" in reported) == keeps


def wait_for(reached: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not reached():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_an_instrument_plays_a_librarys_grain_as_soon_as_it_is_read(
    small: Pack, recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    made = libraries.create(tmp_path / "library", small)
    made.add(recordings)
    session = Session(as_pack(small, made), OutputSettings(null=True), library=made.path)
    session.start()
    try:
        session.wait_ready(PATIENCE_S)
        for address, args in (("/grain", (0.5,)), ("/anchor/3", ()), ("/pad/touch", (1,))):
            session.instrument.apply(address, args, HAND)
        voice = int(np.flatnonzero(session.board.held)[0])
        wait_for(lambda: bool((session.board.sound_grain[voice, :, :2] == (3, 0.5)).all(1).any()))
        assert list((tmp_path / "cache").rglob("*.i8"))
    finally:
        session.close()


def test_an_instrument_says_once_that_there_is_no_grain(small: Pack) -> None:
    notes: list[str] = []

    def report(message: dict[str, Any]) -> None:
        if message["kind"] == "note":
            messages.report(message, notes.append)

    session = Session(small, OutputSettings(null=True), report)
    session.start()
    try:
        session.wait_ready(PATIENCE_S)
        session.instrument.apply("/pad/touch", (1,), HAND)
        assert not notes
        for k in range(1, 11):
            session.instrument.apply("/grain", (k / 10,), HAND)
            session.instrument.apply("/pad/xy", (k / 10, 0.5), HAND)
            time.sleep(0.02)
        wait_for(lambda: bool(notes))
        time.sleep(0.3)
        (note,) = notes
        assert note.startswith("note   /grain adds nothing") and "latentpad grain" in note
    finally:
        session.close()
