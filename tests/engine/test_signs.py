"""Whether a process is ready: each number has one writer, and no order of their writes misleads."""

from __future__ import annotations

import pytest

from latentpad.engine.board import Board, Shape
from latentpad.engine.signs import Signs


@pytest.fixture(params=[Signs.playing, Signs.decoding])
def signs(request: pytest.FixtureRequest) -> Signs:
    made: Signs = request.param(Board(Shape(frames=4, bins=5, samples=64, sample_rate=8000)))
    return made


def test_before_the_first_process_none_is_ready(signs: Signs) -> None:
    assert not signs.ready
    signs.succeed()
    assert not signs.ready


def test_a_process_is_ready_until_the_next_one_is_started(signs: Signs) -> None:
    signs.become_ready(signs.succeed())
    assert signs.ready
    second = signs.succeed()
    assert not signs.ready
    signs.become_ready(second)
    assert signs.ready


def test_a_process_that_was_given_up_and_becomes_ready_after_all_is_not_taken_for_the_next(
    signs: Signs,
) -> None:
    first = signs.succeed()
    signs.succeed()
    signs.become_ready(first)
    assert not signs.ready


def test_the_two_processes_have_signs_of_their_own() -> None:
    board = Board(Shape(frames=4, bins=5, samples=64, sample_rate=8000))
    playing, decoding = Signs.playing(board), Signs.decoding(board)
    playing.become_ready(playing.succeed())
    decoding.succeed()
    playing.live()
    assert playing.ready and not decoding.ready
    assert playing.beat == 1 and decoding.beat == 0
