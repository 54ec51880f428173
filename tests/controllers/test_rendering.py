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

from tests.playing import ROOT, latentpad

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


def test_that_kernels_are_compiled_is_told(
    take: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = shutil.copytree(os.environ["NUMBA_CACHE_DIR"], tmp_path / "kept")
    for file in kept.rglob("limiter.*"):
        file.unlink()
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(kept))
    first, second = (latentpad("render", str(take), "-o", str(tmp_path / "o.wav")) for _ in "ab")
    assert "render compiles its kernels" in first.stdout
    assert "its kernels" not in second.stdout


def test_what_is_not_carried_out_is_told_in_short_lines(take: Path, tmp_path: Path) -> None:
    for address in ("/" + "x" * 60_000, "/no\nsuch\x1b[2J"):
        with take.open("a") as file:
            file.write("\n" + json.dumps({"t": 0.3, "address": address, "args": []}))
    done = latentpad("render", str(take), "-o", str(tmp_path / "out.wav"))
    told = [line for line in done.stdout.splitlines() if "carried out" in line]
    assert done.returncode == 0 and len(told) == 2 and max(map(len, told)) < 600
    assert told[1].startswith("not carried out: /no such") and "\x1b" not in done.stdout


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
        "import resource, sys; from controllers import cli, rendering\n"
        "import engine.render\n"
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
