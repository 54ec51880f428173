"""Takes of a board without a playing process: `played` stands for it."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import soundfile

from latentpad.engine.arguments import CommandError
from latentpad.engine.board import Board
from latentpad.engine.control import takes
from latentpad.engine.control.instrument import Instrument
from latentpad.engine.control.takes import Take, TakeError
from latentpad.engine.gestures import GestureRecording
from latentpad.engine.tape import hop_of
from tests.engine.test_sound_writer import files_of_at_most

LONG = "x" * 250 + ".wav"
HEAD = {"preset": "walk", "pack": "footsteps", "seed": 0}


def played(board: Board, sound: np.ndarray, step: int = 128) -> None:
    """As the render loop leaves its output on the tape, `step` samples at a time."""
    head, hop = board.tape_head[0], hop_of(board)
    rows = np.arange(head // hop, (head + len(sound)) // hop)
    board.tape_version[rows % len(board.tape_version)] = board.version[0]
    for start in range(0, len(sound), step):
        part = sound[start : start + step]
        board.tape[(np.arange(len(part)) + head + start) % len(board.tape)] = part
        board.tape_head[0] = head + start + len(part)


def noise(frames: int, seed: int = 0) -> np.ndarray:
    return 0.1 * np.random.default_rng(seed).normal(size=(frames, 2)).astype(np.float32)


def begun(
    instrument: Instrument, reports: list[str], sound: Path | None, gestures: Path | None
) -> Take:
    take = takes.TakeFiles(instrument.board, sound, gestures).begin(
        instrument, HEAD, reports.append
    )
    take.start()
    return take


def both(folder: Path) -> tuple[Path, Path]:
    return folder / "take.wav", folder / "take.jsonl"


def until(true: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def length(path: Path) -> int:
    """Frames that can be read from the file as it is."""
    return len(soundfile.read(path)[0])


def test_what_was_played_between_begin_and_stop_is_in_the_files(
    instrument: Instrument, tmp_path: Path
) -> None:
    played(instrument.board, noise(12_800))  # before
    reports: list[str] = []
    take = begun(instrument, reports, *both(tmp_path))
    sound = noise(12_800, 1)
    played(instrument.board, sound)
    instrument.apply("/pitch", (7,))
    take.stop()
    played(instrument.board, noise(12_800, 2))  # after
    instrument.apply("/pitch", (8,))
    take.close()
    assert np.abs(soundfile.read(tmp_path / "take.wav")[0] - sound).max() < 2**-22
    gestures = GestureRecording(tmp_path / "take.jsonl")
    assert gestures.head.items() >= HEAD.items()
    assert gestures.end == pytest.approx(12_800 / 48_000, abs=1e-6)
    assert [m[1:] for m in gestures][-1] == ("/pitch", [7])
    assert len(reports) == 1 and "take.wav" in reports[0] and "take.jsonl" in reports[0]
    assert instrument.taps == []


def test_both_files_grow_while_it_is_played(instrument: Instrument, tmp_path: Path) -> None:
    take = begun(instrument, [], *both(tmp_path))
    sound, gestures = both(tmp_path)
    for k in range(3):
        played(instrument.board, noise(4800))
        instrument.apply("/pitch", (k,))
        until(lambda frames=4800 * (k + 1): length(sound) == frames)  # type: ignore[misc]
        until(lambda args=[k]: [*GestureRecording(gestures)][-1][2] == args)  # type: ignore[misc]
    take.close()


def test_more_than_the_tape_holds_is_written_when_it_comes_in_time(
    instrument: Instrument, tmp_path: Path
) -> None:
    board = instrument.board
    sound = noise(2 * len(board.tape))
    take = begun(instrument, [], tmp_path / "take.flac", None)
    for part in np.array_split(sound, 16):
        played(board, part)
        time.sleep(2.5 * takes.LISTEN_S)
    take.close()
    written = soundfile.read(tmp_path / "take.flac", dtype="float32")[0]
    assert np.abs(written - sound).max() < 2**-22


def test_what_was_played_too_fast_is_silence_and_is_told(
    instrument: Instrument, tmp_path: Path
) -> None:
    board = instrument.board
    reports: list[str] = []
    take = begun(instrument, reports, tmp_path / "take.wav", None)
    sound = noise(3 * len(board.tape))
    played(board, sound, step=len(sound))
    take.close()
    written = soundfile.read(tmp_path / "take.wav", dtype="float32")[0]
    assert written.shape == sound.shape
    kept = len(board.tape) // 2
    assert np.abs(written[-kept:] - sound[-kept:]).max() < 2**-22
    assert np.abs(written[: len(board.tape)]).max() == 0
    assert "too slow for" in reports[0] and "s of sound" in reports[0]


def test_a_full_disk_ends_the_take_in_one_line_and_both_files_are_whole(
    instrument: Instrument, tmp_path: Path
) -> None:
    reports: list[str] = []
    take = begun(instrument, reports, *both(tmp_path))
    with files_of_at_most(100_000):
        instrument.apply("/pitch", (7,))
        played(instrument.board, noise(30_000))
        until(take.over.is_set)
    played(instrument.board, noise(1000))
    instrument.apply("/pitch", (8,))
    take.close()
    assert len(reports) == 1 and "\n" not in reports[0]
    assert "take.wav" in reports[0] and "take.jsonl" in reports[0] and "too large" in reports[0]
    assert 8_000 < length(tmp_path / "take.wav") <= 100_000 // 6
    assert [*GestureRecording(tmp_path / "take.jsonl")][-1][1:] == ("/pitch", [7])
    assert sorted(os.listdir(tmp_path)) == ["take.jsonl", "take.wav"]
    assert instrument.taps == []


def test_gestures_that_find_no_room_end_with_a_whole_line(
    instrument: Instrument, tmp_path: Path
) -> None:
    reports: list[str] = []
    take = begun(instrument, reports, None, tmp_path / "take.jsonl")
    with files_of_at_most(10_001):
        for k in range(400):
            instrument.apply("/pitch", (k % 24,))
        until(take.over.is_set)
    assert len(reports) == 1 and "too large" in reports[0]
    text = (tmp_path / "take.jsonl").read_text()
    assert text.endswith("\n") and len(text) > 9_800
    assert all(json.loads(line) for line in text.splitlines())


def test_a_removed_file_is_told(instrument: Instrument, tmp_path: Path) -> None:
    reports: list[str] = []
    take = begun(instrument, reports, *both(tmp_path))
    for path in both(tmp_path):
        path.unlink()
    until(take.over.is_set)
    assert len(reports) == 1 and "removed" in reports[0]


def test_a_disk_that_is_full_from_the_start_leaves_no_file(
    instrument: Instrument, tmp_path: Path
) -> None:
    with files_of_at_most(0), pytest.raises(TakeError, match=r"take\.wav cannot be written"):
        begun(instrument, [], *both(tmp_path))
    assert list(tmp_path.iterdir()) == [] and instrument.taps == []


@pytest.mark.parametrize(
    ("sound", "gestures", "what"),
    [
        ("no/take.wav", None, r"no.take.* No such file"),
        ("file/take.wav", None, "file.take.* Not a directory"),
        (None, "no/take.jsonl", "no.take.* No such file"),
        ("take.mp3", None, r"\.wav or \.flac"),
        ("take.wav", "take.wav", "JSON Lines"),
        ("x" * 300 + ".wav", None, "name too long"),
        (None, "x" * 300 + ".jsonl", "name too long"),
        ("/proc/take.wav", None, "/proc"),
        (None, "", "it is a folder"),
        (None, "folder", "folder cannot be written: it is a folder"),
        ("folder.wav", None, "it is a folder"),
        ("pipe.wav", None, "a pipe"),
        (None, "/dev/full", "/dev/full cannot be written: .* a device"),
        (None, "device", "a device"),
        (LONG, None, "name too long"),  # for the (2) that it would be given
    ],
)
def test_what_cannot_be_recorded_to_is_told_before_anything_starts(
    tmp_path: Path, sound: str | None, gestures: str | None, what: str
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / LONG).touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder.wav").mkdir()
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "device").symlink_to("/dev/full")
    before = sorted(tmp_path.iterdir())
    paths = (None if name is None else tmp_path / name for name in (sound, gestures))
    with pytest.raises(TakeError, match=what):
        takes.check(*paths)
    assert sorted(tmp_path.iterdir()) == before


def test_a_gesture_s_time_is_that_of_the_sound_whatever_pauses_it(
    instrument: Instrument, tmp_path: Path
) -> None:
    reports: list[str] = []
    played(instrument.board, noise(4800))
    take = begun(instrument, reports, None, tmp_path / "take.jsonl")
    for _ in range(2):
        time.sleep(0.1)
        played(instrument.board, noise(72_000))
        instrument.apply("/pitch", (7,))
    take.close()
    times = [t for t, _, args in GestureRecording(tmp_path / "take.jsonl") if args == [7]]
    assert times == [1.5, 3.0] and "after 3.0 s" in reports[0]


@pytest.mark.parametrize(
    "args",
    [
        (-(2**63), 2**63 - 1),
        (math.nan,),
        (1.0, -math.inf),
        ("\x1b\u2028é\0" * 16_000,),
        ("\0" * 900,),
        (1.5,) * 5000,
    ],
    ids=["64 bits", "NaN", "infinity", "a long text", "control characters", "many numbers"],
)
def test_whatever_was_carried_out_can_be_read_again(
    instrument: Instrument, tmp_path: Path, args: tuple[float | str, ...]
) -> None:
    take = begun(instrument, [], None, tmp_path / "take.jsonl")
    for address in instrument.addresses():
        with suppress(CommandError):
            instrument.apply(address.replace("*", "1"), args)
    instrument.apply("/pitch", (7,))
    take.close()
    assert [*GestureRecording(tmp_path / "take.jsonl")][-1][1:] == ("/pitch", [7])
