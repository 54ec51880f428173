"""A read of the tape is complete or refused, however late the reader is."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from latentpad.engine import tape
from latentpad.engine.board import Board, BoardShape
from latentpad.engine.control.takes import SoundTrack

HOP = 128


@pytest.fixture
def board() -> Board:
    return Board(BoardShape(frames=2, bins=4 * HOP + 1, samples=64, sample_rate=8000))


def play(board: Board, hops: int) -> None:
    """Hops whose samples are all their number, from 1 on, rendered from the version of that
    number."""
    for _ in range(hops):
        k = board.tape_head[0] // HOP + 1
        tape.write(board, np.full((HOP, 2), k / 1024, np.float32), k)


class Delayed:
    """After its next copy a reader sleeps while so many hops are played."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._patch = monkeypatch
        self._fence = tape.fence

    def by(self, board: Board, hops: int) -> None:
        def late() -> None:
            self._patch.setattr("latentpad.engine.tape.fence", self._fence)
            play(board, hops)

        self._patch.setattr("latentpad.engine.tape.fence", late)


@pytest.fixture
def delayed(monkeypatch: pytest.MonkeyPatch) -> Delayed:
    return Delayed(monkeypatch)


def test_what_was_played_is_read_to_where_the_tape_comes_round(board: Board) -> None:
    hops = len(board.tape) // HOP
    play(board, hops + 4)
    frames = tape.read(board, (hops - 2) * HOP, (hops + 4) * HOP)
    assert frames is not None and len(frames) == 2 * HOP
    assert (frames[:HOP] == (hops - 1) / 1024).all() and (frames[HOP:] == hops / 1024).all()


def test_what_is_written_over_while_it_is_copied_is_not_read(
    board: Board, delayed: Delayed
) -> None:
    hops = len(board.tape) // HOP
    play(board, hops)
    for late, complete in ((0, True), (4, True), (5, False), (hops, False)):
        start = board.tape_head[0] - (hops - 5) * HOP  # 4 hops may pass, and a fifth be begun
        delayed.by(board, late)
        frames = tape.read(board, start, start + HOP)
        assert (frames is not None) == complete, late
        if frames is not None:
            assert (frames == (start // HOP + 1) / 1024).all()


def test_the_states_of_hops_that_are_written_over_meanwhile_are_left_out(
    board: Board, delayed: Delayed
) -> None:
    rows = len(board.tape_version)
    play(board, rows)
    delayed.by(board, rows)
    first, versions = tape.states(board, 0, rows * HOP)
    assert versions.tolist() == [first // HOP + 1 + k for k in range(len(versions))]
    first, versions = tape.states(board, board.tape_head[0] - 9 * HOP, board.tape_head[0])
    assert versions.tolist() == list(range(2 * rows - 8, 2 * rows + 1))


def test_a_take_has_silence_for_what_was_written_over_while_it_was_copied(
    board: Board, delayed: Delayed, tmp_path: Path
) -> None:
    path = tmp_path / "take.wav"
    hops = len(board.tape) // HOP
    track = SoundTrack(board, path, os.open(path, os.O_RDWR | os.O_CREAT))
    track.begin(0)
    play(board, 4)
    delayed.by(board, hops)
    track.listen()
    track.listen()
    track.write()
    track.close()
    played = board.tape_head[0] // HOP
    frames = soundfile.read(path, dtype="float32")[0].reshape(played, HOP, 2)
    assert track.lost
    silent = int((frames == 0).all(axis=(1, 2)).sum())
    assert 4 <= silent < played
    wanted = np.arange(silent + 1, played + 1, dtype=np.float32) / 1024
    np.testing.assert_allclose(frames[silent:, 0, 0], wanted, atol=1e-6)
