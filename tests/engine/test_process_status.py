"""Whether a process is ready: each number has one writer, and no order of their writes misleads."""

from __future__ import annotations

import pytest

from latentpad.engine.board import Board, BoardShape
from latentpad.engine.process_status import ProcessStatus


@pytest.fixture(params=[ProcessStatus.playing, ProcessStatus.decoding])
def signs(request: pytest.FixtureRequest) -> ProcessStatus:
    made: ProcessStatus = request.param(
        Board(BoardShape(frames=4, bins=5, samples=64, sample_rate=8000))
    )
    return made


def test_before_the_first_process_none_is_ready(signs: ProcessStatus) -> None:
    assert not signs.ready
    signs.next_generation()
    assert not signs.ready


def test_a_process_is_ready_until_the_next_one_is_started(signs: ProcessStatus) -> None:
    signs.become_ready(signs.next_generation())
    assert signs.ready
    second = signs.next_generation()
    assert not signs.ready
    signs.become_ready(second)
    assert signs.ready


def test_a_process_that_was_given_up_and_becomes_ready_after_all_is_not_taken_for_the_next(
    signs: ProcessStatus,
) -> None:
    first = signs.next_generation()
    signs.next_generation()
    signs.become_ready(first)
    assert not signs.ready


def test_the_two_processes_have_signs_of_their_own() -> None:
    board = Board(BoardShape(frames=4, bins=5, samples=64, sample_rate=8000))
    playing, decoding = ProcessStatus.playing(board), ProcessStatus.decoding(board)
    playing.become_ready(playing.next_generation())
    decoding.next_generation()
    playing.count_beat()
    assert playing.ready and not decoding.ready
    assert playing.beat == 1 and decoding.beat == 0
