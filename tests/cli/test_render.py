"""`latentpad render`, as a program."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from latentpad.engine.control.instrument import Instrument
from latentpad.models.packs.pack import find
from tests.forking import ROOT, latentpad
from tests.playing import fresh

HEAD = {"preset": "shots", "pack": "footsteps", "seed": 0}
NOTES = [{"t": k / 10, "address": "/note", "args": [55 + k, 100]} for k in range(3)]


@pytest.fixture
def take(tmp_path: Path) -> Path:
    path = tmp_path / "take.jsonl"
    path.write_text("\n\n".join(json.dumps(line) for line in (HEAD, *NOTES)))
    return path


def test_a_wav_and_a_flac_hold_the_same_sound_and_a_cut_line_is_told(
    take: Path, tmp_path: Path
) -> None:
    whole = latentpad("render", str(take), "-o", str(tmp_path / "whole.wav"))
    take.write_text(take.read_text() + '\n{"t": 0.3, "addr')
    cut = latentpad("render", str(take), "-o", str(tmp_path / "cut.flac"))
    assert whole.returncode == cut.returncode == 0, whole.stderr + cut.stderr
    assert "cut off" in cut.stdout and "cut off" not in whole.stdout
    sounds = [soundfile.read(tmp_path / name)[0] for name in ("whole.wav", "cut.flac")]
    assert np.abs(sounds[0] - sounds[1]).max() < 2**-22 < 0.01 < np.abs(sounds[0]).max()
    assert soundfile.info(tmp_path / "cut.flac").format == "FLAC"


def test_a_take_is_rendered_to_the_same_bytes_every_time(take: Path, tmp_path: Path) -> None:
    out = [tmp_path / name for name in ("first.wav", "second.wav")]
    for path in out:
        done = latentpad("render", str(take), "-o", str(path))
        assert done.returncode == 0, done.stderr
    assert out[0].read_bytes() == out[1].read_bytes()
    samples, rate = soundfile.read(out[0])
    assert rate == 48000 and np.abs(samples).max() > 0.01


def test_that_kernels_are_compiled_is_told(
    take: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = shutil.copytree(os.environ["NUMBA_CACHE_DIR"], tmp_path / "kept")
    for file in kept.rglob("limiter.*"):
        file.unlink()
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(kept))
    first, second = (fresh("render", str(take), "-o", str(tmp_path / "o.wav")) for _ in "ab")
    assert "render compiles its kernels" in first.stdout
    assert "its kernels" not in second.stdout


def test_what_is_not_carried_out_is_told_in_short_lines(take: Path, tmp_path: Path) -> None:
    for address in ("/" + "x" * 60_000, "/no\nsuch\x1b[2J"):
        with take.open("a") as file:
            file.write("\n" + json.dumps({"t": 0.3, "address": address, "args": []}))
    done = latentpad("render", str(take), "-o", str(tmp_path / "out.wav"))
    reported = [line for line in done.stdout.splitlines() if "carried out" in line]
    assert done.returncode == 0 and len(reported) == 2 and max(map(len, reported)) < 600
    assert reported[1].startswith("not carried out: /no such") and "\x1b" not in done.stdout


@pytest.mark.parametrize("out", ["out.mp3", "out", "no/out.wav"])
def test_what_cannot_be_written_is_told_and_nothing_is_made(
    take: Path, tmp_path: Path, out: str
) -> None:
    done = latentpad("render", str(take), "-o", str(tmp_path / out))
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
    assert out in done.stderr and list(tmp_path.iterdir()) == [take]


def test_on_a_full_disk_what_was_there_is_left(take: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    out.write_text("of yesterday")
    limited = (
        "import resource, sys; from latentpad.cli import main as cli, render\n"
        "import latentpad.engine.offline\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, -1))\n"
        "cli.main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", limited, "render", str(take), "-o", str(out)],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 1 and "too large" in done.stderr
    assert len([line for line in done.stderr.splitlines() if line.strip()]) == 1
    assert out.read_text() == "of yesterday"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.wav", "take.jsonl"]


def head(take: Path, **keys: object) -> None:
    """Change the recording's first line."""
    first, _, rest = take.read_text().partition("\n")
    take.write_text(json.dumps(json.loads(first) | keys) + "\n" + rest)


def held(take: Path, *lines: dict[str, object]) -> None:
    """A drone that nobody lets go, and what follows."""
    first = {"preset": "drone", "pack": "footsteps", "seed": 0}
    touch = {"t": 0.1, "address": "/pad/1/touch", "args": [1]}
    take.write_text("".join(json.dumps(line) + "\n" for line in (first, touch, *lines)))


def frames(path: Path) -> int:
    return int(soundfile.info(path).frames)


def test_a_recording_that_tells_its_end_is_so_long_and_sounds_until_then(
    take: Path, tmp_path: Path
) -> None:
    held(take, {"t": 2.5, "address": "/take/end", "args": []})
    out = tmp_path / "out.wav"
    done = latentpad("render", str(take), "-o", str(out))
    assert done.returncode == 0 and "2.50 s" in done.stdout, done.stderr
    sound, rate = soundfile.read(out)
    assert len(sound) == 2.5 * rate and np.abs(sound[-rate // 10 :]).max() > 1e-3


def test_seconds_say_how_long_it_is_whatever_the_recording_says(take: Path, tmp_path: Path) -> None:
    held(take)
    done = latentpad("render", str(take), "-o", str(tmp_path / "out.wav"), "--seconds", "1.25")
    assert done.returncode == 0 and frames(tmp_path / "out.wav") == 60000, done.stderr
    held(take, {"t": 2.5, "address": "/take/end", "args": []})
    latentpad("render", str(take), "-o", str(tmp_path / "out.wav"), "--seconds", "0.5")
    assert frames(tmp_path / "out.wav") == 24000


def test_a_pack_beside_the_recording_is_found_from_any_folder_and_a_moved_one_can_be_named(
    take: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    pack = shutil.copytree(find("footsteps"), tmp_path / "mine")
    head(take, pack="./mine")
    words = ("render", str(take), "-o", str(tmp_path / "out.wav"))
    assert latentpad(*words).returncode == 0
    first = (tmp_path / "out.wav").read_bytes()
    Path(pack).rename(tmp_path / "moved")
    lost = latentpad(*words)
    assert lost.returncode == 1 and len(lost.stderr.splitlines()) == 1
    assert str(tmp_path / "mine") in lost.stderr and "--pack" in lost.stderr
    done = latentpad(*words, "--pack", str(tmp_path / "moved"))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.wav").read_bytes() == first


def test_a_pack_that_has_another_model_now_is_told(take: Path, tmp_path: Path) -> None:
    head(take, fingerprint="0" * 32)
    done = latentpad("render", str(take), "-o", str(tmp_path / "out.wav"))
    assert done.returncode == 0 and "another model" in done.stdout, done.stderr


def test_a_library_that_is_not_there_is_told_with_what_to_do(take: Path, tmp_path: Path) -> None:
    head(take, library="../gone")
    done = latentpad("render", str(take), "-o", str(tmp_path / "out.wav"))
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
    assert str(tmp_path.parent / "gone") in done.stderr and "--library" in done.stderr


def test_a_lost_preset_is_a_note_where_the_recording_has_every_value(
    take: Path, tmp_path: Path, instrument: Instrument
) -> None:
    wav = tmp_path / "out.wav"
    instrument.apply("/mode", ("shot",))
    values = [
        {"t": 0, "address": address, "args": args, "from": 0}
        for address, args in instrument.values()
    ]
    lines = [HEAD, *values, *NOTES]
    take.write_text("\n".join(map(json.dumps, lines)))
    latentpad("render", str(take), "-o", str(wav))
    first = wav.read_bytes()
    head(take, preset="gone")
    done = latentpad("render", str(take), "-o", str(wav))
    assert done.returncode == 0 and "note   there is no preset 'gone'" in done.stdout
    assert wav.read_bytes() == first
    take.write_text("\n".join(map(json.dumps, [HEAD | {"preset": "gone"}, *NOTES])))
    refused = latentpad("render", str(take), "-o", str(wav))
    assert refused.returncode == 1 and "no preset 'gone'" in refused.stderr


def test_a_preset_beside_the_recording_is_found_from_any_folder(take: Path, tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(
        'title = "o"\npack = "footsteps"\n[values]\n"/mode" = "shot"\n'
    )
    head(take, preset="./own.toml")
    done = latentpad("render", str(take), "-o", str(tmp_path / "out.wav"))
    assert done.returncode == 0, done.stderr


WRONG: list[tuple[str, list[object]]] = [
    ("/take/sound", [1, 0.0, -1, 0.5]),
    ("/take/sound", [1, 0.0, -1, "a", 0.5, 0.5, 0.5]),
    ("/take/sound", []),
    ("/take/quality", []),
    ("/take/quality", [99]),
]


def test_what_a_take_says_of_itself_wrongly_is_not_carried_out(take: Path, tmp_path: Path) -> None:
    head(take, sounds=True)
    with take.open("a") as file:
        for address, args in WRONG:
            file.write("\n" + json.dumps({"t": 0.3, "address": address, "args": args}))
    done = latentpad("render", str(take), "-o", str(tmp_path / "out.wav"))
    reported = [line for line in done.stdout.splitlines() if line.startswith("not carried out: ")]
    assert done.returncode == 0, done.stderr
    assert [line.split(": ")[1].split()[0] for line in reported] == [
        address for address, _ in WRONG
    ]
