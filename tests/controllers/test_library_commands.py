"""`latentpad library`: from a folder of sounds to a plane, as typed."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from controllers.cli import Refused, app
from controllers.osc import decode
from models.pack import Pack


def latentpad(*words: object) -> str:
    done = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=True)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture
def filled(small: Pack, recordings: Path, tmp_path: Path) -> Path:
    library = tmp_path / "mine"
    said = latentpad("library", "add", library, recordings, "--pack", small.path)
    assert "12 sounds added" in said
    assert f"latentpad play --library {library}" in said
    return library


def test_a_folder_comes_in_once(filled: Path, small: Pack, recordings: Path) -> None:
    again = latentpad("library", "add", filled, recordings, "--pack", small.path)
    assert "0 sounds added, 12 were there" in again and "12 in all" in again


def test_it_is_listed_with_numbers_labels_and_licences(filled: Path, small: Pack) -> None:
    said = latentpad("library", "list", filled, "--pack", small.path, "--sounds")
    assert "12 sounds" in said and "tone 6" in said and "origins: folder 12" in said
    assert "     0  noise0  (noise)" in said


def test_a_sound_map_is_placed_where_it_says(small: Pack, tmp_path: Path) -> None:
    sounds = tmp_path / "map.json"
    sounds.write_text(json.dumps([{"id": k, "name": f"s{k}", "mu": [k, -k]} for k in range(3)]))
    said = latentpad("library", "map", tmp_path / "mapped", sounds, "--pack", small.path)
    assert "3 sounds added" in said
    listed = latentpad("library", "list", tmp_path / "mapped", "--pack", small.path)
    assert "without a recording: 3" in listed


def test_play_jumps_the_running_instrument_to_a_sound(filled: Path, small: Pack) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as instrument:
        instrument.bind(("127.0.0.1", 0))
        instrument.settimeout(5)
        port = instrument.getsockname()[1]
        said = latentpad(
            "library", "play", filled, "tone3", "--pack", small.path, "--osc-port", port
        )
        number, name = said.split()
        assert name == "tone3"
        (message,) = decode(instrument.recv(1024)).messages
        assert message.address == f"/anchor/{number}"


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("list", "{tmp}/none"), "library.toml is missing"),
        (("add", "{tmp}/new", "{tmp}/no folder"), "no such folder"),
        (("add", "{tmp}/new", "{tmp}", "--pack", "nothing"), "no model pack of this name"),
        (("map", "{tmp}/new", "{tmp}/none.json"), "none.json"),
        (("freesound", "{tmp}/new", "rain"), "FREESOUND_API_KEY"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    words: tuple[str, ...], what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FREESOUND_API_KEY", raising=False)
    monkeypatch.setattr("keyring.get_password", lambda *given: None)
    with pytest.raises(Refused, match=what) as error:
        latentpad("library", *(word.format(tmp=tmp_path) for word in words))
    assert "\n" not in str(error.value)


def test_a_sound_that_is_not_there_is_refused(filled: Path, small: Pack) -> None:
    with pytest.raises(Refused, match="holds no sound '99'"):
        latentpad("library", "play", filled, "99", "--pack", small.path)
