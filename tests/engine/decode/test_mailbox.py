"""Who waits for a sound, and what is published."""

from __future__ import annotations

import math
import threading
from typing import Any

import numpy as np
import pytest

from latentpad.engine import board as b
from latentpad.engine.board import Board
from latentpad.engine.decode.background import Background
from latentpad.engine.decode.decoder import Decoder
from latentpad.engine.decode.mailbox import Mailbox
from latentpad.engine.decode.sound import describe, whole_waveform
from latentpad.engine.parameters import PHASES
from latentpad.models.packs.pack import Pack
from tests.engine.decode.requests import ask, put


@pytest.fixture
def mailbox(board: Board, footsteps: Pack, decoder: Decoder) -> Mailbox:
    put(board, "/smooth", 0)
    return Mailbox(board, footsteps, decoder)


def newest(board: Board, voice: int) -> int:
    return board.published[voice] % b.BUFFERS


def test_nothing_waits_until_something_was_asked(board: Board, mailbox: Mailbox) -> None:
    assert mailbox.waiting() == []
    ask(board, 4, 0.3, 0.3)
    assert mailbox.waiting() == [4]
    mailbox.serve([4], 1.0)
    assert mailbox.waiting() == []
    assert board.published[4] == 1 and board.sound_request[4, newest(board, 4)] == 1


def test_what_a_half_written_change_asks_for_is_decoded_once_it_is_whole(
    board: Board, mailbox: Mailbox
) -> None:
    ask(board, 4, 0.3, 0.3)
    mailbox.serve([4], 1.0)
    with board.writing():
        board.requests[4] += 1
        assert mailbox.waiting() == []
        mailbox.serve([4], 1.1)
        assert board.sound_request[4, newest(board, 4)] == 1
        with board.writing():
            board.points[4] = 0.9, 0.1
    assert mailbox.waiting() == [4]
    mailbox.serve([4], 1.2)
    assert board.sound_request[4, newest(board, 4)] == 2
    np.testing.assert_array_equal(mailbox.pointing.point(4), [0.9, 0.1])


def test_only_the_newest_point_is_decoded_and_the_others_are_counted(
    board: Board, mailbox: Mailbox
) -> None:
    for x in (0.1, 0.2, 0.3, 0.9):
        request = ask(board, 0, x, 0.5)
    mailbox.serve(mailbox.waiting(), 1.0)
    assert board.published[0] == 1
    assert board.decoder[b.DECODES_SKIPPED] == 3
    assert board.sound_request[0, newest(board, 0)] == request
    np.testing.assert_array_equal(mailbox.pointing.point(0), [0.9, 0.5])


def test_a_sound_that_is_there_already_is_not_decoded_again(
    footsteps: Pack, board: Board, decoder: Decoder
) -> None:
    counting: Any = Faulty(decoder)
    put(board, "/smooth", 0)
    mailbox = Mailbox(board, footsteps, counting)
    ask(board, 0, 0.4, 0.4)
    mailbox.serve([0], 1.0)
    decoded = counting.decoded
    ask(board, 0, 0.4, 0.4)  # the same point once more
    ask(board, 1, 0.4, 0.4)  # and under another finger
    mailbox.serve([0, 1], 1.1)
    assert counting.decoded == decoded > 0
    assert board.published[0] == 2 and board.published[1] == 1
    one, other = board.sounds[0, newest(board, 0)], board.sounds[1, newest(board, 1)]
    np.testing.assert_array_equal(one, other)
    assert one.max() > -60


def complete(mailbox: Mailbox, now: float) -> None:
    """Let the mailbox decode what is left."""
    while not mailbox.work(now):
        pass


def test_the_published_sound_becomes_the_decoders_own(
    board: Board, mailbox: Mailbox, footsteps: Pack, decoder: Decoder
) -> None:
    ask(board, 2, 0.7, 0.2)
    mailbox.serve([2], 1.0)
    buffer = newest(board, 2)
    assert 16 <= board.sound_filled[2, buffer].sum() < 64
    complete(mailbox, 2.0)
    assert board.sound_filled[2, buffer].all() and board.published[2] == 1
    latent = board.sound_latent[2, buffer : buffer + 1, : footsteps.latent_dim].astype(np.float32)
    frames = decoder.whole(latent)[0]
    np.testing.assert_allclose(board.sounds[2, buffer], frames, atol=1e-3)
    described = describe(frames, footsteps.representation)
    assert board.sound_gain[2, buffer] == pytest.approx(described.gain, abs=0.01)
    assert board.sound_onset[2, buffer] == pytest.approx(described.onset, abs=0.01)
    assert board.sound_end[2, buffer] == pytest.approx(described.end, abs=8)


def test_a_moving_point_is_decoded_until_it_has_arrived(board: Board, mailbox: Mailbox) -> None:
    ask(board, 0, 0.2, 0.2)
    mailbox.serve([0], 1.0)
    put(board, "/smooth", 0.05)
    request = ask(board, 0, 0.8, 0.2)
    now, seen = 1.0, []
    while mailbox.waiting() and now < 5:
        now += 0.005
        mailbox.serve([0], now)
        seen.append(float(mailbox.pointing.point(0)[0]))
    assert mailbox.waiting() == [] and seen[-1] == 0.8
    assert np.all(np.diff(seen) > 0) and len(seen) > 20
    assert board.sound_request[0, newest(board, 0)] == request


def test_a_finger_that_moves_on_gets_one_sound_for_each_of_its_points(
    board: Board, mailbox: Mailbox
) -> None:
    put(board, "/smooth", 0.05)
    steps: list[float] = []  # between two sounds, after a point that came soon after another
    served_at = 0.0
    for k in range(400):  # milliseconds
        now = 1 + k / 1000
        if k < 320 and k % 17 == 0:
            ask(board, 0, 0.2 + 0.001 * k, 0.5)
        if mailbox.waiting(now):
            mailbox.serve([0], now)
            steps.append(now - served_at)
            served_at = now
    in_motion, after = steps[3:19], steps[19:]
    np.testing.assert_allclose(in_motion, 0.017)
    np.testing.assert_allclose(after[0], 0.025, atol=0.0015)
    np.testing.assert_allclose(after[1:4], 0.015, atol=0.0015)


def test_a_sound_on_the_way_of_a_glide_is_not_slept_over(
    board: Board, mailbox: Mailbox, footsteps: Pack
) -> None:
    ask(board, 0, 0.2, 0.2)
    mailbox.serve([0], 1.0)
    complete(mailbox, 2.0)
    put(board, "/smooth", 5)
    ask(board, 0, 0.2, 0.8)  # decoded whole, as a model is that has no windows
    board.recorders[0] = 1
    while not (timeout := mailbox.work(3.0)):
        pass
    assert board.sound_filled[0, newest(board, 0)].all()
    assert timeout == pytest.approx(0.015)
    assert mailbox.waiting(3.0 + timeout) == [0]


def test_a_point_that_rested_long_still_glides(board: Board, mailbox: Mailbox) -> None:
    put(board, "/smooth", 1)
    ask(board, 0, 0.2, 0.2)
    mailbox.serve([0], 1.0)
    ask(board, 0, 0.8, 0.2)
    mailbox.serve([0], 1000.0)
    assert 0.2 < mailbox.pointing.point(0)[0] < 0.25
    mailbox.serve([0], 1001.0)
    assert mailbox.pointing.point(0)[0] == pytest.approx(0.8 - 0.6 / math.e, abs=0.02)


def test_the_voice_that_waited_longest_is_served_first(board: Board, mailbox: Mailbox) -> None:
    for voice, now in ((5, 1.0), (1, 2.0), (9, 3.0)):
        ask(board, voice, 0.5, 0.5)
        mailbox.serve([voice], now)
    for voice in (1, 9, 5):
        ask(board, voice, 0.6, 0.6)
    assert mailbox.waiting() == [5, 1, 9]


@pytest.mark.parametrize("method", ["griffinlim", "fgla"])
def test_shots_get_a_whole_waveform_and_loops_do_not(
    board: Board, mailbox: Mailbox, method: str
) -> None:
    put(board, "/phase", PHASES.index(method))
    with board.writing():
        board.held[0] = 1
    ask(board, 0, 0.5, 0.5)
    ask(board, 1, 0.5, 0.5)
    mailbox.serve([0, 1], 1.0)
    assert not board.sound_wave[0, newest(board, 0)]
    assert board.sound_wave[1, newest(board, 1)]
    assert np.abs(board.waves[1, newest(board, 1)]).max() > 1e-3
    put(board, "/phase", PHASES.index("rtpghi"))
    ask(board, 1, 0.5, 0.5)
    mailbox.serve([1], 1.1)
    assert not board.sound_wave[1, newest(board, 1)]


def test_a_new_decoder_takes_up_what_the_lost_one_left(
    board: Board, mailbox: Mailbox, footsteps: Pack, decoder: Decoder
) -> None:
    ask(board, 0, 0.5, 0.5)
    ask(board, 1, 0.5, 0.5)
    mailbox.serve([0, 1], 1.0)
    ask(board, 1, 0.9, 0.9)  # and the decoder dies before it is served
    after = Mailbox(board, footsteps, decoder)
    assert after.waiting() == [1]
    after.serve([1], 2.0)
    assert board.sound_request[1, newest(board, 1)] == 2 and after.waiting() == []


def test_a_held_point_that_was_on_its_way_arrives_after_a_restart(
    board: Board, footsteps: Pack, decoder: Decoder
) -> None:
    put(board, "/smooth", 5)
    before = Mailbox(board, footsteps, decoder)
    with board.writing():
        board.held[2] = board.starts[2] = 1
    ask(board, 2, 0.2, 0.2)
    before.serve([2], 0.0)
    ask(board, 2, 0.8, 0.7)
    before.serve([2], 0.01)
    assert before.waiting() == [2] and before.pointing.point(2)[0] < 0.3
    after = Mailbox(board, footsteps, decoder)
    assert after.waiting() == [2]
    after.serve([2], 0.0)
    np.testing.assert_array_equal(after.pointing.point(2), [0.8, 0.7])
    assert after.waiting() == []


def test_a_latent_of_any_size_is_decoded_to_a_sound(
    board: Board, mailbox: Mailbox, footsteps: Pack
) -> None:
    with board.writing():
        board.origin[0] = b.LATENT
    for value in (3.4e38, -1e308):
        with board.writing():
            board.latents[0, : footsteps.latent_dim] = value
            board.requests[0] += 1
        mailbox.serve([0], 1.0)
        assert np.isfinite(board.sounds[0, newest(board, 0)]).all()
    assert board.published[0] == 2 and board.decoder[b.DECODES_FAILED] == 0


class Faulty:
    """The pack's decoder until `fault` is set: then it gives that, or raises it. It counts."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self.fault: float | Exception | None = None
        self.decoded = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._decoder, name)

    def frames(self, latents: np.ndarray, *args: Any) -> np.ndarray:
        self.decoded += len(latents)
        if isinstance(self.fault, Exception):
            raise self.fault
        frames = self._decoder.frames(latents, *args)
        if self.fault is not None:
            frames[0, 10] = self.fault
        return frames


@pytest.mark.parametrize("fault", [math.nan, math.inf, -math.inf, RuntimeError("no memory")])
def test_a_point_that_cannot_be_decoded_leaves_the_voice_its_sound(
    footsteps: Pack, board: Board, decoder: Decoder, fault: float | Exception
) -> None:
    faulty: Any = Faulty(decoder)
    put(board, "/smooth", 0)
    mailbox = Mailbox(board, footsteps, faulty)
    ask(board, 0, 0.2, 0.2)
    mailbox.serve([0], 1.0)
    before = board.sounds[0].copy()
    faulty.fault = fault
    request = ask(board, 0, 0.8, 0.8)
    mailbox.serve(mailbox.waiting(), 2.0)
    assert mailbox.waiting() == []
    assert board.published[0] == 1 and board.decoder[b.DECODES_FAILED] == 1
    np.testing.assert_array_equal(board.sounds[0], before)
    assert board.sound_request[0, newest(board, 0)] == request  # nobody waits for another
    assert Mailbox(board, footsteps, faulty).waiting() == []
    faulty.fault = None
    ask(board, 0, 0.8, 0.8)
    mailbox.serve(mailbox.waiting(), 3.0)
    assert board.published[0] == 2 and board.decoder[b.DECODES_FAILED] == 1


class Slow:
    """A whole-sound phase method that takes until `finish`."""

    def __init__(self) -> None:
        self.begun, self.finish = threading.Event(), threading.Event()

    def __call__(self, frames: np.ndarray, *args: Any) -> np.ndarray:
        self.begun.set()
        assert self.finish.wait(60)
        return whole_waveform(frames, *args)


def test_a_whole_waveform_is_given_up_when_another_method_is_asked_for(
    footsteps: Pack, board: Board, decoder: Decoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Slow()
    monkeypatch.setattr("latentpad.engine.decode.mailbox.whole_waveform", slow)
    put(board, "/smooth", 0)
    put(board, "/phase", PHASES.index("griffinlim"))
    mailbox = Mailbox(board, footsteps, decoder, background=Background())
    ask(board, 0, 0.5, 0.5)
    serving = threading.Thread(target=mailbox.serve, args=([0], 1.0))
    serving.start()
    assert slow.begun.wait(60) and serving.is_alive()
    put(board, "/phase", PHASES.index("rtpghi"))
    serving.join(60)
    assert not slow.finish.is_set() and not serving.is_alive()
    slow.finish.set()
    assert board.published[0] == 1 and not board.sound_wave[0, newest(board, 0)]
