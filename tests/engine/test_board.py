"""The board: no torn reads, no lost events, nothing overwritten while it is read."""

from __future__ import annotations

import itertools
import os
import sys
import threading
from collections.abc import Iterator
from multiprocessing import get_context, reduction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentpad.benchmarks.board import kinds, stress
from latentpad.engine import board as b
from latentpad.engine.board import Board, BoardShape, Event
from latentpad.engine.parameters import VOICES, defaults
from latentpad.engine.sound_memory import SoundMemory, SoundShape

SHAPE = BoardShape(frames=4, bins=5, samples=64, sample_rate=8000)


@pytest.fixture
def impatient() -> Iterator[None]:
    """Threads switch a thousand times more often than usual, so also within an operation."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(5e-6)
    yield
    sys.setswitchinterval(before)


def test_a_fresh_board_holds_the_defaults() -> None:
    board = Board(SHAPE)
    assert board.values.tolist() == defaults()
    assert (board.points == 0.5).all() and (board.lattice_anchor == -1).all()
    assert board.sounds.shape == (VOICES, 3, 4, 5) and not any(
        board.published[v] for v in range(VOICES)
    )


def test_no_field_lies_over_another() -> None:
    board = Board(SHAPE)
    fields = {name: getattr(board, name) for name in Board.__annotations__}
    for k, field in enumerate(fields.values(), 1):
        for i in range(len(field)):
            field[i] = k % 100
    for k, (name, field) in enumerate(fields.items(), 1):
        written = np.bool_(True) if name == "sound_filled" else k % 100
        assert all(np.all(field[i] == written) for i in range(len(field))), name


def test_what_one_side_writes_the_other_sees() -> None:
    ours = Board(SHAPE)
    kind, args = ours.__reduce__()
    theirs = kind(*args)
    ours.values[3] = 7
    theirs.player[2] = 0.25
    theirs.tape_head[0] = 128
    theirs.sounds[1, 2] = -9
    theirs.publish(1)
    assert theirs.values[3] == 7 and ours.player[2] == 0.25 and ours.tape_head[0] == 128
    assert ours.published[1] == 1 and (ours.sounds[1, 2] == -9).all()


def test_a_board_that_shows_the_sounds_of_another_pack_is_the_same_board() -> None:
    ours = Board(SHAPE)
    other = ours.showing(SoundMemory(SoundShape(frames=9, bins=3, samples=17)))
    ours.publish(0)
    other.values[3] = 7
    assert ours.values[3] == 7
    assert ours.published[0] == 1 and other.published[0] == 0
    assert other.sounds.shape[2:] == (9, 3) and other.waves.shape[2:] == (17,)
    ours.show(other.sound_memory)
    other.sounds[2, 1] = -9
    assert ours.published[0] == 0 and (ours.sounds[2, 1] == -9).all()


def test_sounds_opened_by_their_file_descriptor_are_the_same() -> None:
    ours = SoundMemory(SHAPE)
    theirs = SoundMemory(SHAPE, os.dup(ours.fd))
    ours.fields["sound_gain"][:] = 3
    del ours
    assert (theirs.fields["sound_gain"] == 3).all()


def test_a_board_goes_nowhere_but_to_a_process_being_started() -> None:
    with pytest.raises(RuntimeError, match="inheritance"):
        reduction.ForkingPickler.dumps(Board(SHAPE))


def test_a_board_reaches_a_spawned_process() -> None:
    board = Board(SHAPE)
    board.values[0] = 41
    process = get_context("spawn").Process(target=_answer, args=(board,))
    process.start()
    process.join(30)
    assert process.exitcode == 0 and board.voice_serial[0] == 42 and board.sound_gain[3, 1] == 5


def _answer(board: Board) -> None:
    board.voice_serial[0] = board.values[0] + 1
    board.sound_gain[3, 1] = 5


def test_a_consistent_reader_never_sees_half_a_change(impatient: None) -> None:
    board = Board(SHAPE)
    board.points[0] = board.values[0] = 0
    done = threading.Event()

    def write() -> None:
        for k in itertools.count(1):
            if done.is_set():
                return
            with board.writing():
                board.points[0, 0] = k
                board.values[0] = k
                board.points[0, 1] = k

    writer = threading.Thread(target=write)
    writer.start()

    def read() -> tuple[float, float, float]:
        return float(board.points[0, 1]), float(board.values[0]), float(board.points[0, 0])

    seen = set()
    reading = (0.0, 0.0, 0.0)
    try:
        for turn in range(1_000_000):
            reading = board.consistent(read, reading)
            seen.add(reading)
            if turn > 20_000 and len(seen) >= 10:
                break
            assert reading[0] == reading[1] == reading[2]
    finally:
        done.set()
        writer.join()
    assert len(seen) >= 10  # and it does get on


def test_a_reader_does_not_wait_for_a_writer_that_takes_its_time() -> None:
    board = Board(SHAPE)
    with board.writing():
        board.points[0] = 1
        assert board.consistent(lambda: float(board.points[0, 0]), 0.5) == 0.5
        assert board.consistent(lambda: float(board.points[0, 0])) == 1.0
    assert board.consistent(lambda: float(board.points[0, 0]), 0.5) == 1.0


def test_a_change_that_fails_does_not_shut_the_readers_out() -> None:
    board = Board(SHAPE)
    with pytest.raises(ZeroDivisionError), board.writing():
        board.points[0] = 1 / 0
    assert board.consistent(lambda: 1, 0) == 1


events = st.builds(
    Event,
    st.sampled_from([b.START, b.RELEASE, b.PANIC]),
    st.integers(0, VOICES - 1),
    st.integers(0, 2),
    st.integers(0, 2**40),
    st.floats(-100, 12),
    st.integers(0, 2**40),
)


@settings(max_examples=50)
@given(st.lists(st.lists(events, max_size=8), max_size=8))
def test_events_arrive_once_and_in_order(batches: list[list[Event]]) -> None:
    board = Board(SHAPE)
    board.event_head[0] = board.event_tail[0] = b.EVENTS - 3  # round the end of the ring
    for batch in batches:
        assert all([board.send(event) for event in batch])
        assert list(board.received()) == batch
    assert list(board.received()) == []


def test_a_full_ring_refuses_and_loses_nothing() -> None:
    board = Board(SHAPE)
    sent = [Event(b.START, serial=k) for k in range(b.EVENTS)]
    assert all(board.send(event) for event in sent)
    assert not board.send(Event(b.PANIC))
    assert list(board.received()) == sent
    assert board.send(Event(b.PANIC)) and list(board.received()) == [Event(b.PANIC)]


def test_events_cross_threads(impatient: None) -> None:
    board = Board(SHAPE)
    count = 5 * b.EVENTS

    def send() -> None:
        for k in range(count):
            while not board.send(Event(b.START, serial=k)):
                pass

    sender = threading.Thread(target=send)
    sender.start()
    got: list[int] = []
    while len(got) < count and (sender.is_alive() or board.event_head[0] > board.event_tail[0]):
        got += [event.serial for event in board.received()]
    sender.join()
    assert got == list(range(count))


def test_the_newest_sound_and_the_one_before_are_never_overwritten() -> None:
    board = Board(SHAPE)
    for k in range(1, 10):
        buffer = board.next_buffer(5)
        kept = {board.published[5] % b.BUFFERS, (board.published[5] - 1) % b.BUFFERS}
        assert buffer not in kept
        board.sounds[5, buffer] = k
        assert (board.sounds[5, board.published[5] % b.BUFFERS] == k - 1).all()
        board.publish(5)
        assert (board.sounds[5, board.published[5] % b.BUFFERS] == k).all()
    assert [v for v in range(VOICES) if board.published[v]] == [5]


def give(board: Board, voice: int, number: int) -> None:
    """A sound whose values are all its number."""
    buffer = board.next_buffer(voice)
    board.sounds[voice, buffer] = board.sound_gain[voice, buffer] = number
    board.publish(voice)


@pytest.mark.parametrize("meanwhile", [0, 1, 2, 3, 7])
def test_a_sound_that_is_written_over_while_it_is_copied_is_copied_again(meanwhile: int) -> None:
    board = Board(SHAPE)
    give(board, 3, 1)
    begun = itertools.count(1)

    def read(buffer: int) -> tuple[float, float]:
        first = float(board.sounds[3, buffer, 0, 0])
        if next(begun) == 1:
            for k in range(meanwhile):
                give(board, 3, 2 + k)
        return first, float(board.sounds[3, buffer, -1, -1])

    result = board.newest(3, read)
    assert result is not None
    number, parts = result
    assert parts == (number, number)
    # The newest but one is whole as long as the newest has been written beside it.
    assert number == (1 if meanwhile <= 1 else 1 + meanwhile)


def test_a_sound_that_is_written_over_each_time_is_not_waited_for() -> None:
    board = Board(SHAPE)
    tries = []

    def read(buffer: int) -> None:
        tries.append(buffer)
        give(board, 3, 1)
        give(board, 3, 2)

    assert board.newest(3, read) is None
    assert len(tries) < 10


@pytest.mark.parametrize("kind", kinds())
def test_nothing_is_torn_that_another_process_writes_at_full_speed(kind: str) -> None:
    seen = stress(kind, 0.5)
    assert seen.readings > 0 and seen.torn == 0


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000, 96000])
@pytest.mark.parametrize("n_fft", [64, 512, 1024, 16384])
def test_the_tape_holds_whole_hops_and_four_seconds_at_any_rate(rate: int, n_fft: int) -> None:
    board = Board(BoardShape(frames=2, bins=3, samples=8, sample_rate=rate))
    assert len(board.tape) % (n_fft // 8) == 0
    assert len(board.tape) >= 4 * rate
