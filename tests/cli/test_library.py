"""`latentpad library`: from a folder of sounds to a plane, as typed."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from latentpad.cli.main import app
from latentpad.cli.play import Options, _pack
from latentpad.controllers.osc.packet import decode
from latentpad.models.errors import LatentpadError
from latentpad.models.libraries.library import LibraryError
from latentpad.models.packs import pack as packs
from latentpad.models.packs.pack import Pack
from latentpad.presets.bank import PresetBank


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
    assert "     0  noise0  (noise)  noise/noise0.wav\n" in said


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
        jump, touch = decode(instrument.recv(1024)).messages
        assert jump.address == f"/anchor/{number}"
        assert (touch.address, list(touch.args)) == ("/pad/1/touch", [1])


def test_play_says_so_where_no_instrument_listens(filled: Path, small: Pack) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    with pytest.raises(LatentpadError, match=f"no instrument listens on port {port}"):
        latentpad("library", "play", filled, "0", "--pack", small.path, "--osc-port", port)


def test_removed_sounds_are_named_and_stay_out(filled: Path, small: Pack, recordings: Path) -> None:
    said = latentpad("library", "remove", filled, "0", "tone/tone3.wav", "--pack", small.path)
    assert "     0  noise0  (noise)  noise/noise0.wav" in said
    assert "2 sounds removed, 10 left" in said
    again = latentpad("library", "add", filled, recordings, "--pack", small.path)
    assert "0 sounds added, 10 were there, 2 removed earlier and left out" in again
    assert "removed, and kept out: 2" in latentpad("library", "list", filled, "--pack", small.path)
    brought = latentpad("library", "add", filled, recordings, "--again", "--pack", small.path)
    assert "2 sounds added" in brought and "12 in all" in brought


def test_it_is_said_when_sounds_get_other_numbers(filled: Path, small: Pack) -> None:
    last = latentpad("library", "remove", filled, "10", "11", "--pack", small.path)
    assert "2 sounds removed, 10 left\n" in last
    inner = latentpad("library", "remove", filled, "3", "7", "--pack", small.path)
    assert "2 sounds removed, 8 left; the sounds after 3 have other numbers now: /anchor/K" in inner


def test_a_library_is_played_with_its_own_pack_whatever_the_preset_has(
    filled: Path, small: Pack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk = PresetBank().load("walk")
    with pytest.raises(LibraryError, match=r"for the pack small, and none is found.*\(--pack\)"):
        _pack(Options(library=filled), walk)
    installed = tmp_path / "packs" / "small"
    shutil.copytree(small.path, installed)
    monkeypatch.setattr(packs, "folders", lambda: [packs.SHIPPED, tmp_path / "packs"])
    played = _pack(Options(library=filled), walk)
    assert played.path == installed and len(played.anchors) == 12
    assert _pack(Options(library=filled, pack=str(small.path)), walk).path == small.path
    with pytest.raises(LibraryError, match="was made for another model"):
        _pack(Options(library=filled, pack="footsteps"), walk)
    assert _pack(Options(), walk).name == "footsteps"


def program(*words: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "latentpad.cli.main", *map(str, words)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_started_as_a_module_it_refuses_in_one_line(tmp_path: Path) -> None:
    for words in (("library", "list", tmp_path), ("plane", tmp_path, "map")):
        process = program(*words)
        _, complaint = process.communicate(timeout=120)
        assert process.returncode == 1
        assert complaint.startswith(f"latentpad: {tmp_path}: ") and complaint.count("\n") == 1


def test_whoever_stops_reading_a_list_hears_no_complaint(filled: Path, small: Pack) -> None:
    process = program("library", "list", filled, "--sounds", "--pack", small.path)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(120) == 1


def test_a_whole_label_is_removed_only_after_a_yes(filled: Path, small: Pack) -> None:
    words = ["library", "remove", str(filled), "--label", "tone", "--pack", str(small.path)]
    for answer, left in (("n\n", 12), ("", 12), ("y\n", 6)):
        done = CliRunner().invoke(app, words, input=answer)
        assert "remove 6 sounds?" in done.stdout
        said = latentpad("library", "list", filled, "--pack", small.path)
        assert f"{left} sounds" in said
    assert CliRunner().invoke(app, ["library", "remove", str(filled)]).exit_code == 2


def test_a_library_says_with_which_pack_it_plays(
    filled: Path, small: Pack, recordings: Path
) -> None:
    said = latentpad("library", "add", filled, recordings, "--pack", small.path)
    assert said.endswith(f"latentpad play --library {filled} --pack {small.path}\n")


@pytest.mark.parametrize("there", [True, False], ids=["an empty folder", "nothing"])
@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("add", "{tmp}/no folder"), "no folder: no such folder"),
        (("add", "{tmp}/empty"), "empty: no sound files in it"),
        (("add", "{tmp}/bad"), "0 sounds added, 1 refused: no sounds to play"),
        (("map", "{tmp}/none.json"), "none.json: cannot be read"),
        (("map", "{tmp}/bad/map.json"), "0 sounds added, 1 refused: no sounds to play"),
        (("freesound", "rain"), "FREESOUND_API_KEY"),
        (("freesound", "nothing of the kind"), "finds nothing of this kind"),
    ],
)
def test_what_brings_no_sounds_leaves_no_library(
    words: tuple[str, str], what: str, there: bool, small: Pack, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.delenv("FREESOUND_API_KEY", raising=False)
    monkeypatch.setattr("keyring.get_password", lambda *given: None)
    if words[1] == "nothing of the kind":
        monkeypatch.setattr(
            "latentpad.models.freesound.search.collect", lambda *given, **options: []
        )
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "text.wav").write_text("no sound")
    (tmp_path / "bad" / "map.json").write_text("[{}]")
    if there:
        (tmp_path / "new").mkdir()
    with pytest.raises(LatentpadError, match=what):
        command, given = words
        latentpad(
            "library", command, tmp_path / "new", given.format(tmp=tmp_path), "--pack", small.path
        )
    assert (tmp_path / "new").is_dir() == there
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bad", "empty", *["new"] * there]
    assert not there or list((tmp_path / "new").iterdir()) == []


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("list", "{tmp}/none"), "library.toml is missing"),
        (("map", "{tmp}/new", "{tmp}", "--pack", "nothing"), "no model pack of this name"),
        (("remove", "{tmp}/none", "1"), "library.toml is missing"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    words: tuple[str, ...], what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FREESOUND_API_KEY", raising=False)
    monkeypatch.setattr("keyring.get_password", lambda *given: None)
    with pytest.raises(LatentpadError, match=what) as error:
        latentpad("library", *(word.format(tmp=tmp_path) for word in words))
    assert "\n" not in str(error.value)


def test_a_sound_that_is_not_there_is_refused(filled: Path, small: Pack) -> None:
    with pytest.raises(LatentpadError, match="holds no sound '99'"):
        latentpad("library", "play", filled, "99", "--pack", small.path)
