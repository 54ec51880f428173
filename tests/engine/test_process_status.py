"""Whether a process is ready: each number has one writer, and every order of their writes is
right."""

from __future__ import annotations

import pytest

from latentpad.engine.board import Board, BoardShape
from latentpad.engine.process_status import ProcessStatus


@pytest.fixture(params=[ProcessStatus.playing, ProcessStatus.decoding])
def status(request: pytest.FixtureRequest) -> ProcessStatus:
    made: ProcessStatus = request.param(
        Board(BoardShape(frames=4, bins=5, samples=64, sample_rate=8000))
    )
    return made


def test_before_the_first_process_none_is_ready(status: ProcessStatus) -> None:
    assert not status.ready
    status.next_generation()
    assert not status.ready


def test_a_process_is_ready_until_the_next_one_is_started(status: ProcessStatus) -> None:
    status.become_ready(status.next_generation())
    assert status.ready
    second = status.next_generation()
    assert not status.ready
    status.become_ready(second)
    assert status.ready


def test_a_process_that_was_given_up_and_becomes_ready_after_all_is_not_taken_for_the_next(
    status: ProcessStatus,
) -> None:
    first = status.next_generation()
    status.next_generation()
    status.become_ready(first)
    assert not status.ready


def test_the_two_processes_have_signs_of_their_own() -> None:
    board = Board(BoardShape(frames=4, bins=5, samples=64, sample_rate=8000))
    playing, decoding = ProcessStatus.playing(board), ProcessStatus.decoding(board)
    playing.become_ready(playing.next_generation())
    decoding.next_generation()
    playing.count_beat()
    assert playing.ready and not decoding.ready
    assert playing.beat == 1 and decoding.beat == 0
