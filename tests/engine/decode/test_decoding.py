"""What is decoded first, what follows, and what is not decoded at all."""

from __future__ import annotations

import numpy as np
import pytest

from latentpad.engine import board as b
from latentpad.engine.board import Board, BoardShape
from latentpad.engine.decode.decoding import SETTLED_S
from latentpad.engine.decode.frame_decoder import FrameDecoder
from latentpad.engine.decode.mailbox import Mailbox
from latentpad.engine.pack_order import sound_shape
from latentpad.engine.sound_memory import SoundMemory
from latentpad.models.packs.pack import Pack
from latentpad.models.representation import outline
from tests.engine.decode.requests import ask, put


class Desk:
    """A mailbox and a board on which tests play the other two processes."""

    def __init__(self, pack: Pack) -> None:
        r = pack.representation
        shape = BoardShape(r.frames, r.bins, r.samples, r.sample_rate)
        self.board = Board(shape, sound_memory=SoundMemory(sound_shape(r)))
        self.put("/smooth", 0)
        self.put("/morph", 0)
        self.decoder = FrameDecoder(pack)
        self.mailbox = Mailbox(self.board, pack, self.decoder)
        self.now = 1.0

    def put(self, address: str, value: float) -> None:
        put(self.board, address, value)

    def ask(self, v: int, x: float, y: float) -> None:
        ask(self.board, v, x, y)

    def hold(self, v: int, playhead: float) -> None:
        """The voice plays a loop."""
        with self.board.writing():
            self.board.held[v] = 1
        self.play(v, playhead)

    def play(self, v: int, playhead: float) -> None:
        """The voice plays what it was started for, and has taken up what it was given."""
        board = self.board
        with board.writing():
            board.starts[v] = max(board.starts[v], 1)
        board.voice_serial[v], board.voice_state[v] = board.starts[v], b.SOUNDING
        board.voice_loops[v] = board.held[v]
        board.voice_playhead[v] = playhead
        board.voice_fills[v] = board.fills[v]

    def filled(self, v: int) -> np.ndarray:
        """The frames that the voice can play of its newest sound."""
        return np.flatnonzero(self.board.sound_filled[v, self.board.published[v] % b.BUFFERS])

    def finish(self, seconds: float = 2 * SETTLED_S) -> None:
        """Let the mailbox work until it has nothing to do."""
        self.now += seconds
        while not self.mailbox.work(self.now):
            pass

    def sounding_loop(self, v: int, playhead: float, x: float = 0.9, y: float = 0.1) -> None:
        """A voice that loops a sound which is decoded whole."""
        self.ask(v, x, y)
        with self.board.writing():
            self.board.held[v] = 1
        self.finish()
        self.play(v, playhead)


@pytest.fixture
def desk(footsteps: Pack) -> Desk:
    return Desk(footsteps)


def computed(desk: Desk) -> list[int]:
    return list(desk.decoder.computed)


@pytest.mark.parametrize(
    ("playhead", "speed"), [(60.0, 1.0), (60.0, -1.0), (100.0, 0.3), (90.0, 2.0)]
)
def test_before_a_jump_is_heard_only_its_window_and_what_that_hears_is_computed(
    desk: Desk, playhead: float, speed: float
) -> None:
    desk.put("/loop/speed", speed)
    desk.sounding_loop(0, playhead)
    before = computed(desk)
    desk.ask(0, 0.7, 0.1)
    desk.mailbox.serve([0], desk.now)
    frames = desk.filled(0)
    assert 16 <= len(frames) <= 32 and frames[0] <= playhead <= frames[-1]
    window = desk.decoder.needed(int(frames[0]), len(frames))
    spent = [after - was for was, after in zip(before, computed(desk), strict=True)]
    assert spent[-1] == len(frames)
    assert all(frames <= len(needed) for frames, needed in zip(spent, window, strict=True))


def test_before_a_shot_is_heard_only_its_beginning_is_computed(desk: Desk) -> None:
    before = computed(desk)
    desk.ask(0, 0.3, 0.6)
    desk.mailbox.serve([0], desk.now)
    frames = desk.filled(0)
    buffer = desk.board.published[0] % b.BUFFERS
    onset = desk.board.sound_onset[0, buffer]
    assert frames[0] == 0 and (np.diff(frames) == 1).all()
    assert frames[-1] <= onset + 32
    assert desk.decoder.computed[-1] - before[-1] <= len(frames) + 16


@pytest.mark.parametrize("latent", range(0, 321, 40))
def test_a_shot_begins_where_its_whole_sound_begins(
    footsteps: Pack, desk: Desk, latent: int
) -> None:
    z = footsteps.anchors.latents[latent]
    with desk.board.writing():
        desk.board.origin[0] = b.LATENT
        desk.board.latents[0, : len(z)] = z
    desk.ask(0, 0.5, 0.5)
    desk.mailbox.serve([0], desk.now)
    r = footsteps.representation
    whole = outline(r.spectrum(desk.decoder.whole(z[None])[0]), r)
    buffer = desk.board.published[0] % b.BUFFERS
    assert desk.board.sound_onset[0, buffer] == pytest.approx(whole.onset, abs=0.01)
    desk.finish()
    assert desk.board.sound_gain[0, buffer] == pytest.approx(-12 - whole.loudness, abs=0.5)
    assert desk.board.sound_end[0, buffer] == pytest.approx(whole.end, abs=8)


def test_the_rest_follows_when_the_point_has_come_to_rest(desk: Desk) -> None:
    desk.sounding_loop(0, 60.0)
    desk.ask(0, 0.7, 0.1)
    desk.finish(0.0)
    first = desk.filled(0)
    completed = desk.board.decoder[b.COMPLETED]
    assert len(first) < 48
    desk.finish()
    assert len(desk.filled(0)) == desk.board.sounds.shape[2]
    assert desk.board.decoder[b.COMPLETED] == completed + 1
    assert desk.mailbox.work(desk.now) > 0.05  # nothing is left to do


def test_while_a_point_moves_no_rest_is_decoded(desk: Desk) -> None:
    desk.sounding_loop(0, 60.0)
    for k in range(30):
        desk.ask(0, 0.2 + 0.02 * k, 0.5)
        desk.finish(1 / 60)
        assert len(desk.filled(0)) < 48


def test_what_a_voice_reaches_before_its_point_rests_is_decoded_in_time(desk: Desk) -> None:
    desk.sounding_loop(0, 60.0)
    desk.ask(0, 0.7, 0.1)
    desk.finish(0.0)
    reach = int(desk.filled(0)[-1])
    desk.play(0, reach - 4.0)
    desk.finish(0.02)
    assert desk.filled(0)[-1] > reach + 8


@pytest.mark.parametrize(("speed", "seek"), [(1.0, 20), (-1.0, 74)])
def test_a_seek_finds_its_frames_before_anything_else_is_decoded(
    desk: Desk, speed: float, seek: int
) -> None:
    """To frames of the loop that the voice would reach last."""
    desk.put("/loop/speed", speed)
    desk.sounding_loop(0, 60.0)
    desk.ask(0, 0.7, 0.1)
    desk.finish(0.0)
    buffer = desk.board.published[0] % b.BUFFERS
    assert desk.board.sound_onset[0, buffer] < seek < desk.board.sound_end[0, buffer] - 4
    assert not {seek, seek + 1} & set(desk.filled(0).tolist())
    desk.play(0, float(seek))
    desk.mailbox.work(desk.now)
    assert {seek, seek + 1} <= set(desk.filled(0).tolist())


def test_eight_voices_that_move_are_all_served_in_one_turn(desk: Desk) -> None:
    for v in range(8):
        desk.sounding_loop(v, 20.0 + 15 * v, 0.1 * v, 0.3)
    published = [desk.board.published[v] for v in range(8)]
    for v in range(8):
        desk.ask(v, 0.1 * v, 0.7)
    desk.mailbox.work(desk.now)
    assert [desk.board.published[v] - k for v, k in enumerate(published)] == [1] * 8


def test_no_voice_waits_while_others_move_on_and_on(desk: Desk) -> None:
    for v in range(16):
        desk.sounding_loop(v, 60.0, 0.05 * v, 0.3)
    for v in range(16):
        desk.ask(v, 0.05 * v, 0.7)
    before = [desk.board.published[v] for v in range(16)]
    for turn in range(4):
        desk.now += 0.003
        desk.mailbox.work(desk.now)
        for v in range(8):  # the first eight have moved again by then
            desk.ask(v, 0.05 * v, 0.1 * turn)
    assert all(desk.board.published[v] > k for v, k in enumerate(before))


def test_the_newest_point_of_a_voice_counts(desk: Desk) -> None:
    desk.sounding_loop(0, 60.0)
    published = desk.board.published[0]
    for x in (0.2, 0.5, 0.9):
        desk.ask(0, x, 0.5)
    desk.mailbox.work(desk.now)
    assert desk.board.published[0] == published + 1
    np.testing.assert_array_equal(desk.mailbox.pointing.point(0), [0.9, 0.5])


def test_a_shot_that_sounds_gets_its_rest_before_the_pads_next_point(desk: Desk) -> None:
    desk.ask(0, 0.3, 0.6)
    desk.mailbox.serve([0], desk.now)
    desk.play(0, 4.0)
    desk.ask(0, 0.8, 0.2)  # for the next shot
    for _ in range(40):
        desk.now += 0.0005
        desk.mailbox.work(desk.now)
        if desk.board.published[0] > 1:
            break
        if desk.board.fills[0] and len(desk.filled(0)) == desk.board.sounds.shape[2]:
            desk.board.voice_fills[0] = desk.board.fills[0]  # the voice has taken it up
    assert desk.board.published[0] == 2
    assert desk.board.sound_filled[0, 1].all()


def test_the_next_shot_of_a_voice_waits_for_nothing(desk: Desk) -> None:
    desk.ask(0, 0.3, 0.6)
    desk.mailbox.serve([0], desk.now)
    desk.play(0, 4.0)
    desk.ask(0, 0.7, 0.1)
    with desk.board.writing():
        desk.board.starts[0] = 2  # and it is struck again
    desk.mailbox.work(desk.now)
    assert desk.board.published[0] == 2


def test_a_decoder_that_is_replaced_goes_on_filling(footsteps: Pack, desk: Desk) -> None:
    desk.sounding_loop(0, 60.0)
    desk.ask(0, 0.7, 0.1)
    desk.mailbox.serve([0], desk.now)
    assert len(desk.filled(0)) < 48
    desk.mailbox = Mailbox(desk.board, footsteps, desk.decoder)
    desk.finish()
    desk.finish()
    assert len(desk.filled(0)) == desk.board.sounds.shape[2]


def test_a_rest_that_gives_no_numbers_leaves_what_is_heard(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.sounding_loop(0, 60.0)
    desk.ask(0, 0.7, 0.1)
    desk.mailbox.serve([0], desk.now)
    heard = desk.filled(0)
    frames = desk.decoder.frames
    monkeypatch.setattr(desk.decoder, "frames", lambda *args: np.nan * frames(*args))
    desk.finish()
    np.testing.assert_array_equal(desk.filled(0), heard)
    assert desk.board.decoder[b.DECODES_FAILED] == 1


def test_while_a_take_is_recorded_sounds_are_decoded_whole(footsteps: Pack, desk: Desk) -> None:
    """So a rendering of the take has the same samples."""
    desk.sounding_loop(0, 60.0)
    desk.board.recorders[0] = 1
    desk.ask(0, 0.7, 0.1)
    desk.mailbox.serve([0], desk.now)
    r = footsteps.representation
    assert len(desk.filled(0)) == r.frames
    buffer = desk.board.published[0] % b.BUFFERS
    whole = outline(r.spectrum(desk.board.sounds[0, buffer]), r)
    assert desk.board.sound_gain[0, buffer] == pytest.approx(-12 - whole.loudness, abs=0.5)
