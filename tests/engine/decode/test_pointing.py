"""From the board's points to sounds: glides, planes, and the mailbox."""

from __future__ import annotations

import math
import threading
from typing import Any

import numpy as np
import pytest

from latentpad.engine import board as b
from latentpad.engine.board import Board, BoardShape
from latentpad.engine.decode.background import Background
from latentpad.engine.decode.decoder import Decoder
from latentpad.engine.decode.mailbox import Mailbox
from latentpad.engine.decode.pointing import Pointing
from latentpad.engine.decode.sound import describe, whole_waveform
from latentpad.engine.expanders import Expander, fit
from latentpad.engine.latent_bounds import LatentBounds
from latentpad.engine.parameters import EXPANDERS, METRICS, OFFSET, PHASES, PLANES
from latentpad.models.packs.pack import Pack


@pytest.fixture
def board(footsteps: Pack) -> Board:
    r = footsteps.representation
    return Board(BoardShape(r.frames, r.bins, r.samples, r.sample_rate))


@pytest.fixture
def mailbox(board: Board, footsteps: Pack, decoder: Decoder) -> Mailbox:
    put(board, "/smooth", 0)
    return Mailbox(board, footsteps, decoder)


def put(board: Board, address: str, *values: float) -> None:
    board.values[OFFSET[address] : OFFSET[address] + len(values)] = values


def ask(board: Board, voice: int, x: float, y: float) -> int:
    """Move the voice's point; returns the request's number."""
    board.points[voice] = x, y
    board.requests[voice] += 1
    return int(board.requests[voice])


def newest(board: Board, voice: int) -> int:
    return board.published[voice] % b.BUFFERS


# -- pointing --------------------------------------------------------------------------------


def test_a_new_voice_starts_at_its_finger(footsteps: Pack, board: Board) -> None:
    put(board, "/smooth", 5)
    pointing = Pointing(footsteps, board)
    board.points[3] = 0.1, 0.9
    board.starts[3] = 1
    assert pointing.aim(3, 0.0).arrived
    np.testing.assert_array_equal(pointing.point(3), [0.1, 0.9])


def test_a_point_glides_with_its_time_constant_and_arrives(footsteps: Pack, board: Board) -> None:
    put(board, "/smooth", 0.1)
    pointing = Pointing(footsteps, board)
    board.points[0] = 0.2, 0.2
    pointing.aim(0, 0.0)
    board.points[0] = 0.8, 0.2
    path = []
    for _ in range(400):
        aim = pointing.aim(0, 0.005)
        path.append(float(pointing.point(0)[0]))
        if aim.arrived:
            break
    assert aim.arrived and path[-1] == 0.8
    assert np.all(np.diff(path) > 0)
    assert path[19] == pytest.approx(0.8 - 0.6 * np.exp(-1), abs=0.01)  # after 0.1 s


def test_a_glide_does_not_depend_on_how_often_it_is_looked_at(
    footsteps: Pack, board: Board
) -> None:
    put(board, "/smooth", 0.1)
    ends = []
    for steps in (1, 7, 100):
        pointing = Pointing(footsteps, board)
        board.points[0] = 0.2, 0.2
        pointing.aim(0, 0.0)
        board.points[0] = 0.8, 0.6
        for _ in range(steps):
            pointing.aim(0, 0.15 / steps)
        ends.append(pointing.point(0).copy())
    np.testing.assert_allclose(ends, [ends[0]] * 3, atol=1e-12)


def test_latents_pass_the_expander_and_the_lattice_mixes(footsteps: Pack, board: Board) -> None:
    pointing = Pointing(footsteps, board)
    latents = footsteps.anchors.latents
    board.origin[0] = b.LATENT
    board.latents[0, :4] = 1, -2, 3, -4
    np.testing.assert_array_equal(pointing.aim(0, 0).latent, [1, -2, 3, -4])
    board.origin[0] = b.LATTICE
    put(board, "/lattice/base", 5)
    np.testing.assert_array_equal(pointing.aim(0, 0).latent, latents[5])
    board.lattice_anchor[:2], board.lattice_weight[:2] = (9, 11), (0.5, 0.25)
    mixed = latents[5] + 0.5 * (latents[9] - latents[5]) + 0.25 * (latents[11] - latents[5])
    np.testing.assert_allclose(pointing.aim(0, 0).latent, mixed, atol=1e-5)
    board.origin[0] = b.ORIGINAL
    assert (latents == pointing.aim(0, 0).latent).all(axis=1).any()


@pytest.mark.parametrize("value", [3.4e38, 1e308, -1e308, math.inf, -math.inf, math.nan])
def test_whatever_stands_on_the_board_no_latent_leaves_the_packs_bounds(
    footsteps: Pack, board: Board, value: float
) -> None:
    pointing = Pointing(footsteps, board)
    bounds = LatentBounds.of(footsteps.anchors.latents)
    board.origin[0] = b.LATENT
    board.latents[0, :4] = 0, value, 1, value
    latents = [pointing.aim(0, 0).latent]
    np.testing.assert_array_equal(latents[0][[0, 2]], [0, 1])
    board.origin[0] = b.LATTICE
    board.lattice_anchor[:] = range(b.LATTICE_SLOTS)
    board.lattice_weight[:] = value
    latents.append(pointing.aim(0, 0).latent)
    for z in latents:
        assert z.dtype == np.float32 and np.isfinite(z).all()
        assert (z >= bounds.low.astype(np.float32)).all()
        assert (z <= bounds.high.astype(np.float32)).all()


@pytest.mark.parametrize("guard", [0, 1])
def test_whatever_an_expander_does_no_latent_leaves_the_packs_bounds(
    footsteps: Pack, board: Board, guard: int
) -> None:
    """`multilateration` at its largest scale alone leads a thousand standard deviations away."""
    latents = footsteps.anchors.latents
    bounds = LatentBounds.of(latents)
    put(board, "/guard", guard)
    put(board, "/multilateration/scale", 16)
    put(board, "/focus", 256)
    put(board, "/lattice/base", 1e9)
    pointing = Pointing(footsteps, board)
    for expander in range(len(EXPANDERS)):
        put(board, "/expander", expander)
        for metric in range(len(METRICS)):
            put(board, "/metric", metric)
            for board.points[0] in ((0, 0), (1, 1), (0.5, 0.5), (0, 1)):
                board.starts[0] += 1
                z = pointing.aim(0, 0).latent
                assert (z >= bounds.low.astype(np.float32)).all()
                assert (z <= bounds.high.astype(np.float32)).all()


def test_a_change_of_expander_is_heard_at_the_same_point(footsteps: Pack, board: Board) -> None:
    pointing = Pointing(footsteps, board)
    board.points[0] = 0.37, 0.61
    latents = []
    for k in range(len(EXPANDERS)):
        put(board, "/expander", k)
        latents.append(pointing.aim(0, 0).latent)
    assert len(np.unique(np.round(latents, 4), axis=0)) == len(EXPANDERS)
    assert np.isfinite(latents).all()


def test_levels_between_anchors_stay_within_what_is_allowed(footsteps: Pack, board: Board) -> None:
    pointing = Pointing(footsteps, board)
    for point in np.random.default_rng(0).uniform(size=(30, 2)):
        board.points[0] = point
        board.starts[0] += 1
        assert -40 <= pointing.aim(0, 0).level <= 6


def test_a_plane_and_axes_that_change_together_are_never_fitted_apart(
    footsteps: Pack, board: Board
) -> None:
    fitted = []

    class Watched(Pointing):
        def fit(self) -> None:
            super().fit()
            fitted.append(self._plane)

    pointing = Watched(footsteps, board)
    with board.writing():
        put(board, "/plane", PLANES.index("raw"))
        put(board, "/axes", 0, 1)
    pointing.aim(0, 0)
    with board.writing():
        put(board, "/axes", 2, 1)
        pointing.aim(0, 0)
        put(board, "/axes", 2, 3)
    pointing.aim(0, 0)
    first, between, after = (plane.known for plane in fitted)
    np.testing.assert_array_equal(first, footsteps.anchors.latents[:, :2])
    np.testing.assert_array_equal(between, first)
    np.testing.assert_array_equal(after, footsteps.anchors.latents[:, 2:])


def test_a_change_that_is_half_written_moves_no_point_and_is_followed_when_it_is_whole(
    footsteps: Pack, board: Board
) -> None:
    put(board, "/smooth", 0)
    pointing = Pointing(footsteps, board)
    before = pointing.aim(0, 0).latent
    with board.writing():
        board.origin[0] = b.LATENT
        board.lattice_anchor[0], board.lattice_weight[0] = 9, 1.0
        np.testing.assert_array_equal(pointing.aim(0, 0).latent, before)
        board.latents[0, :4] = 1, -2, 3, -4
    np.testing.assert_array_equal(pointing.aim(0, 0).latent, [1, -2, 3, -4])


# -- the mailbox -----------------------------------------------------------------------------


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
    ask(board, 0, 0.4, 0.4)  # the same point once more
    ask(board, 1, 0.4, 0.4)  # and under another finger
    mailbox.serve([0, 1], 1.1)
    assert counting.decoded == 1
    assert board.published[0] == 2 and board.published[1] == 1
    one, other = board.sounds[0, newest(board, 0)], board.sounds[1, newest(board, 1)]
    np.testing.assert_array_equal(one, other)
    assert one.max() > -60


def test_the_published_sound_is_the_decoders_own(
    board: Board, mailbox: Mailbox, footsteps: Pack, decoder: Decoder
) -> None:
    ask(board, 2, 0.7, 0.2)
    mailbox.serve([2], 1.0)
    buffer = newest(board, 2)
    frames = decoder.whole(board.sound_latent[2, buffer : buffer + 1, :4].astype(np.float32))[0]
    np.testing.assert_array_equal(board.sounds[2, buffer], frames)
    described = describe(frames, footsteps.representation)
    assert board.sound_gain[2, buffer] == described.gain
    assert (board.sound_onset[2, buffer], board.sound_end[2, buffer]) == (
        described.onset,
        described.end,
    )


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


def test_a_latent_of_any_size_is_decoded_to_a_sound(board: Board, mailbox: Mailbox) -> None:
    board.origin[0] = b.LATENT
    for value in (3.4e38, -1e308):
        board.latents[0, :4] = value
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

    def whole(self, latents: np.ndarray) -> np.ndarray:
        self.decoded += len(latents)
        if isinstance(self.fault, Exception):
            raise self.fault
        frames = self._decoder.whole(latents)
        if self.fault is not None:
            frames[0, 100] = self.fault
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
    mailbox.rehearse()
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


def test_a_fit_is_given_up_when_another_expander_is_chosen(
    footsteps: Pack, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, finish = threading.Event(), threading.Event()

    def slow(name: str, *args: Any, **options: Any) -> Expander:
        if name == "gaussian":
            begun.set()
            assert finish.wait(60)
        return fit(name, *args, **options)

    pointing = Pointing(footsteps, board, Background())
    pointing.fit()
    monkeypatch.setattr("latentpad.engine.decode.pointing.fit", slow)
    put(board, "/expander", EXPANDERS.index("gaussian"))
    fitting = threading.Thread(target=pointing.fit)
    fitting.start()
    assert begun.wait(60)
    put(board, "/expander", EXPANDERS.index("nearest"))
    fitting.join(60)
    assert not fitting.is_alive() and not finish.is_set()
    board.points[0] = 0.4, 0.6
    board.starts[0] = 1
    heard = pointing.aim(0, 0).latent
    assert (footsteps.anchors.latents == heard).all(axis=1).any()
    finish.set()
