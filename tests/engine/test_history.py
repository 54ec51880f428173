"""The history of what the voices did."""

from __future__ import annotations

import numpy as np
import pytest

from latentpad.benchmarks.signals import tone
from latentpad.engine import history, tape
from latentpad.engine.history import FADE, QUALITY, SOUND, History
from tests.engine.stage import FINE, Stage


def hop(stage: Stage) -> None:
    """As the playing process does it: the tape goes on with each hop."""
    stage.hops(1)
    tape.write(stage.board, np.zeros((stage.hop, 2), np.float32), stage.voices.version)


def put(stage: Stage, v: int, hertz: float, latent: float) -> None:
    """Publish a decoded sound with this latent vector."""
    board = stage.board
    buffer = board.next_buffer(v)
    board.sound_latent[v, buffer], board.sound_level[v, buffer] = latent, -latent
    board.sound_original[v, buffer] = -1
    stage.put(v, tone(hertz))


def test_every_sound_that_a_voice_takes_up_is_told_with_its_hop() -> None:
    stage = Stage()
    reader = History(stage.board)
    for _ in range(5):
        hop(stage)
    serial = stage.start(2)
    hop(stage)  # it waits for its sound
    put(stage, 2, 440, 0.25)
    hop(stage)
    put(stage, 2, 550, 0.5)
    put(stage, 2, 660, 0.75)
    hop(stage)
    entries = reader.read(stage.board.tape_head[0])
    kinds = [
        (each.frame // stage.hop, each.kind, each.number, each.sound.level) for each in entries
    ]
    assert kinds == [(6, SOUND, serial, -0.25), (7, SOUND, serial, -0.75)]
    assert [float(each.sound.latent[0]) for each in entries] == [0.25, 0.75]
    assert {each.sound.original for each in entries} == {-1}
    assert reader.read(stage.board.tape_head[0]) == []


def test_what_is_done_later_than_asked_for_is_told_later() -> None:
    stage = Stage()
    reader = History(stage.board)
    put(stage, 0, 440, 1.0)
    stage.start(0)
    stage.hops(1)  # made, and not on the tape yet
    assert reader.read(stage.board.tape_head[0]) == []
    stage.board.tape_head[0] += stage.hop
    assert [each.frame for each in reader.read(stage.hop)] == [0]


def test_less_effort_is_told_and_the_fade() -> None:
    stage = Stage()
    reader = History(stage.board)
    hop(stage)
    stage.voices.quality = 2
    hop(stage)
    hop(stage)
    history.record(stage.board, FADE)
    hop(stage)
    entries = [(each.frame // stage.hop, each.kind) for each in reader.read(4 * stage.hop)]
    assert entries == [(1, QUALITY), (3, FADE)]


def test_of_more_than_is_kept_the_newest_are_read() -> None:
    stage = Stage()
    reader = History(stage.board)
    kept = len(stage.board.history)
    for number in range(3 * kept):
        history.record(stage.board, QUALITY, number)
    entries = reader.read(1)
    assert len(entries) == kept * 3 // 4 and entries[-1].number == 3 * kept - 1
    assert reader.lost == 3 * kept - len(entries)


def test_each_hop_tells_the_state_that_it_was_made_from() -> None:
    stage = Stage()
    seen = []
    for _ in range(4):
        with stage.board.writing():
            stage.set("/pitch", 5)
        seen.append(stage.board.version[0])
        hop(stage)
    first, versions = tape.states(stage.board, stage.hop, 4 * stage.hop)
    assert first == stage.hop and versions.tolist() == seen[1:]
    for _ in range(len(stage.board.tape_version)):
        hop(stage)
    head = stage.board.tape_head[0]
    first, versions = tape.states(stage.board, 0, head)
    assert first > 0 and first + len(versions) * stage.hop == head
    assert np.unique(versions).tolist() == [seen[-1]]


def test_a_hop_of_the_tape_is_that_of_the_voices() -> None:
    stage = Stage()
    assert tape.hop_of(stage.board) == stage.hop == FINE.n_fft // 8


def test_what_is_written_over_while_it_is_read_is_lost_and_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    board = Stage().board
    reader = History(board)
    kept = len(board.history)
    history.record(board, QUALITY, 0)
    fence = history.fence

    def late() -> None:
        monkeypatch.setattr("latentpad.engine.history.fence", fence)
        for number in range(1, kept + 1):
            history.record(board, QUALITY, number)

    monkeypatch.setattr("latentpad.engine.history.fence", late)
    entries = reader.read(1)
    assert [each.number for each in entries] == [] and reader.lost == 1
    newer = reader.read(1)
    assert newer[-1].number == kept and reader.lost + len(newer) == kept + 1
    assert np.all(np.diff([each.number for each in newer]) == 1)
