"""`/grain`: what the model misses of the recordings near a point is added to what it decodes."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from latentpad.engine import board as b
from latentpad.engine.board import Board, BoardShape
from latentpad.engine.decode import grain as grain_module
from latentpad.engine.decode.frame_decoder import FrameDecoder
from latentpad.engine.decode.grain import Grain, SoundGrain, amounts
from latentpad.engine.decode.mailbox import Mailbox
from latentpad.engine.decode.outlines import Outlines
from latentpad.engine.decode.pack_loader import Model
from latentpad.engine.pack_order import sound_shape
from latentpad.engine.parameters import BLENDED, EXPANDERS
from latentpad.engine.planes import Planes
from latentpad.engine.sound_memory import SoundMemory
from latentpad.models.grain import STEP_DB, Steps, recorded_db
from latentpad.models.libraries import library as libraries
from latentpad.models.libraries import playable
from latentpad.models.libraries.library import Library
from latentpad.models.packs import grain as grain_files
from latentpad.models.packs import pack as packs
from latentpad.models.packs.pack import Pack
from latentpad.models.representation import Floats, Representation, outline
from tests.engine.decode.requests import ask, put


class Source:
    """Residuals of one value each, whose reading can be held up."""

    def __init__(self, r: Representation) -> None:
        self._shape = r.frames, r.bins
        self.read: list[int] = []
        self.free = threading.Event()
        self.free.set()

    def residual(self, anchor: int) -> Steps | None:
        self.free.wait(10)
        self.read.append(anchor)
        return None if anchor == 3 else np.full(self._shape, 4 * (anchor % 8), np.int8)


class Desk:
    """A mailbox on the shipped pack with a source of residuals."""

    def __init__(self, pack: Pack, grain: Grain | None, *, whole: bool = False) -> None:
        r = self.representation = pack.representation
        self.pack = pack
        shape = BoardShape(r.frames, r.bins, r.samples, r.sample_rate)
        self.board = Board(shape, sound_memory=SoundMemory(sound_shape(r)))
        for address, value in (("/smooth", 0), ("/morph", 0), ("/grain", 1)):
            put(self.board, address, value)
        self.decoder = FrameDecoder(pack)
        self.mailbox = Mailbox(self.board, pack, self.decoder, grain=grain, whole=whole)
        self.now = 1.0

    def ask(self, anchor: int, v: int = 0) -> None:
        x, y = Planes(self.pack).look_up_anchor(self.board, anchor)[0]
        ask(self.board, v, x, y)

    def work(self) -> None:
        """Answer what is asked, and decode the rest when the points have settled."""
        for _ in range(2):
            self.now += 0.2
            while not self.mailbox.work(self.now):
                pass

    def frames(self, v: int = 0) -> Floats:
        return self.board.sounds[v, self.board.published[v] % b.BUFFERS].copy()

    def amounts(self, v: int = 0) -> NDArray[np.float64]:
        flat = self.board.sound_grain[v, self.board.published[v] % b.BUFFERS]
        return flat[~np.isnan(flat)].reshape(-1, 2)


def wait_for(reached: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not reached():
        assert time.monotonic() < end
        time.sleep(0.002)


@pytest.fixture
def source(footsteps: Pack) -> Iterator[Source]:
    made = Source(footsteps.representation)
    yield made
    made.free.set()


# -- what is added --------------------------------------------------------------------------------


def test_residuals_are_added_by_their_amounts_and_stay_in_range() -> None:
    r = Representation(n_fft=64, frames=4, range_db=80)
    decoded = np.full((4, r.bins), -40, np.float32)
    one, other = np.full((2, 4, r.bins), 20, np.int8)
    other[:, :10] = 127
    grain = SoundGrain(((5, 0.5), (7, 0.25)), (one, other))
    out = grain.added(decoded, slice(None), r)
    np.testing.assert_allclose(out[:, 10:], -40 + STEP_DB * (0.5 * 20 + 0.25 * 20))
    np.testing.assert_allclose(out[:, :10], -40 + STEP_DB * (0.5 * 20 + 0.25 * 127))
    loud = SoundGrain(((7, 1.0),), (other,)).added(decoded, slice(None), r)
    assert (loud[:, :10] == 0).all()
    quiet = SoundGrain(((7, 1.0),), (-other,)).added(decoded, slice(None), r)
    assert (quiet[:, :10] == -80).all() and (decoded == -40).all()


def test_a_window_has_the_grain_of_its_frames() -> None:
    r = Representation(n_fft=64, frames=6)
    steps = np.arange(6, dtype=np.int8)[:, None] * np.ones((1, r.bins), np.int8)
    grain = SoundGrain(((0, 1.0),), (steps,))
    decoded = np.full((6, r.bins), -50, np.float32)
    whole = grain.added(decoded, slice(None), r)
    np.testing.assert_array_equal(grain.added(decoded[2:5], slice(2, 5), r), whole[2:5])
    some = np.array([0, 4])
    np.testing.assert_array_equal(grain.added(decoded[some], some, r), whole[some])


def test_the_learned_texture_gives_way_to_the_recordings_own() -> None:
    r = Representation(n_fft=64, frames=4, texture_bands=24)
    decoded = np.full((4, r.columns), 0.5, np.float32)
    decoded[:, : r.bins] = -40
    steps = np.zeros((4, r.bins), np.int8)
    half = SoundGrain(((0, 0.2), (1, 0.4)), (steps, steps)).added(decoded, slice(None), r)
    np.testing.assert_allclose(half[:, r.bins :], 0.5 * 0.4, rtol=1e-6)


def test_a_take_gives_amounts_of_anchors_that_are_there() -> None:
    assert amounts([3, 0.5, 9, 0.5, -1, 0.5, 2, 7.0], 9) == ((3, 0.5), (2, 1.0))


# -- while playing --------------------------------------------------------------------------------


def test_without_grain_nothing_is_looked_for(
    footsteps: Pack, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(footsteps, Grain(source, waits=True))
    put(desk.board, "/grain", 0)
    monkeypatch.setattr("latentpad.engine.expanders.local.Local.anchor_weights", None)
    monkeypatch.setattr(SoundGrain, "added", lambda self, frames, rows, r: frames)
    monkeypatch.setattr(Grain, "of", None)
    desk.ask(0)
    desk.work()
    assert desk.board.published[0] and not source.read and not len(desk.amounts())
    assert desk.mailbox.work(desk.now) > 0.05  # at rest there is nothing to look for


def test_the_first_sound_waits_for_no_disk_and_its_grain_follows(
    footsteps: Pack, source: Source
) -> None:
    source.free.clear()
    desk = Desk(footsteps, Grain(source))
    desk.ask(5)
    desk.work()
    plain = desk.decoder.whole(footsteps.anchors.latents[5:6])[0]
    assert desk.board.published[0] == 1
    np.testing.assert_allclose(desk.frames(), plain, atol=0.02)
    assert desk.mailbox.work(desk.now) <= 0.005  # it looks again soon
    source.free.set()
    wait_for(lambda: desk.mailbox.waiting(desk.now) == [0])
    desk.work()
    assert desk.board.published[0] == 2 and desk.amounts().tolist() == [[5, 1]]
    expected = np.clip(plain + STEP_DB * 20, -footsteps.representation.range_db, 0)
    np.testing.assert_allclose(desk.frames(), expected, atol=0.02)
    assert not desk.mailbox.waiting(desk.now)


def test_a_point_that_moves_on_while_the_disk_is_slow_gets_its_grain_too(
    footsteps: Pack, source: Source
) -> None:
    source.free.clear()
    desk = Desk(footsteps, Grain(source))
    for _ in range(3):
        desk.ask(5)
        desk.work()
    assert not len(desk.amounts())
    source.free.set()
    wait_for(lambda: desk.mailbox.waiting(desk.now) == [0])
    desk.work()
    assert desk.amounts().tolist() == [[5, 1]] and source.read == [5]


def test_what_memory_cannot_hold_is_not_fetched_for_ever(
    footsteps: Pack, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grain_module, "MOST_BYTES", 0)
    monkeypatch.setattr(grain_module, "LEAST_KEPT", 1)
    desk = Desk(footsteps, Grain(source))
    ask(desk.board, 0, 0.4, 0.7)  # some anchors are blended there
    for _ in range(5):
        desk.work()
        time.sleep(0.02)
    read = len(source.read)
    for _ in range(5):
        desk.work()
        time.sleep(0.02)
    assert 1 < read == len(source.read)


def test_a_decoder_of_whole_sounds_has_grain_too(footsteps: Pack, source: Source) -> None:
    class Whole(FrameDecoder):
        windowed = False

    desk = Desk(footsteps, None)
    decoder = Whole(footsteps)
    desk.mailbox = Mailbox(desk.board, footsteps, decoder, grain=Grain(source, waits=True))
    desk.ask(5)
    desk.work()
    plain = desk.decoder.whole(footsteps.anchors.latents[5:6])[0]
    expected = np.clip(plain + STEP_DB * 20, -footsteps.representation.range_db, 0)
    np.testing.assert_allclose(desk.frames(), expected, atol=0.02)


def test_what_is_in_memory_is_heard_at_once(footsteps: Pack, source: Source) -> None:
    desk = Desk(footsteps, Grain(source))
    desk.ask(5)
    desk.work()

    def has_grain() -> bool:
        desk.work()
        return bool(len(desk.amounts()))

    wait_for(has_grain)
    desk.ask(5, v=1)
    desk.work()
    assert desk.board.published[1] == 1 and desk.amounts(1).tolist() == [[5, 1]]
    assert source.read == [5]


def test_a_change_of_grain_is_another_sound(footsteps: Pack, source: Source) -> None:
    desk = Desk(footsteps, Grain(source, waits=True))
    desk.ask(5)
    desk.work()
    with_grain = desk.frames()
    put(desk.board, "/grain", 0.5)
    desk.ask(5, v=1)
    desk.work()
    half = desk.frames(1)
    put(desk.board, "/grain", 0)
    desk.ask(5, v=2)
    desk.work()
    assert desk.amounts(1).tolist() == [[5, 0.5]]
    inside = (with_grain < -1) & (desk.frames(2) > 1 - footsteps.representation.range_db)
    np.testing.assert_allclose(half[inside], desk.frames(2)[inside] + 5, atol=0.02)
    np.testing.assert_allclose(with_grain[inside], half[inside] + 5, atol=0.02)


def test_an_anchor_without_a_recording_adds_nothing_and_that_is_noticed(
    footsteps: Pack, source: Source
) -> None:
    grain = Grain(source, waits=True)
    desk = Desk(footsteps, grain)
    desk.ask(5)
    desk.work()
    assert not grain.missed
    desk.ask(3)
    desk.work()
    assert grain.missed and not len(desk.amounts())


def test_a_pack_without_grain_notices_that_it_is_wanted(footsteps: Pack) -> None:
    grain = Grain(None)
    desk = Desk(footsteps, grain)
    put(desk.board, "/grain", 0)
    desk.ask(5)
    desk.work()
    assert not grain.missed
    put(desk.board, "/grain", 0.3)
    desk.ask(5)
    desk.work()
    assert grain.missed


def test_a_latent_that_was_set_has_no_place_and_so_no_grain(
    footsteps: Pack, source: Source
) -> None:
    grain = Grain(source, waits=True)
    desk = Desk(footsteps, grain)
    desk.board.origin[0] = b.LATENT
    desk.board.latents[0, : footsteps.latent_dim] = footsteps.anchors.latents[5]
    desk.ask(6)
    desk.work()
    assert desk.board.published[0] and not source.read and not grain.missed


def test_a_jump_to_an_anchor_has_its_grain(footsteps: Pack, source: Source) -> None:
    desk = Desk(footsteps, Grain(source, waits=True))
    desk.board.origin[0] = b.LATENT
    desk.board.latents[0, : footsteps.latent_dim] = footsteps.anchors.latents[5]
    desk.ask(5)
    desk.work()
    assert desk.amounts().tolist() == [[5, 1]]


def test_a_performers_lattice_has_the_grain_of_its_anchors(footsteps: Pack, source: Source) -> None:
    desk = Desk(footsteps, Grain(source, waits=True))
    put(desk.board, "/grain", 0.5)
    desk.board.origin[0] = b.LATTICE
    desk.board.lattice_anchor[:2], desk.board.lattice_weight[:2] = (7, 9), (0.5, -0.5)
    desk.ask(5)
    desk.work()
    np.testing.assert_allclose(desk.amounts(), [[0, 0.25], [7, 0.125], [9, 0.125]])


@pytest.mark.parametrize("name", EXPANDERS)
def test_the_amounts_are_the_expanders_weights(footsteps: Pack, source: Source, name: str) -> None:
    desk = Desk(footsteps, Grain(source, waits=True))
    put(desk.board, "/grain", 0.5)
    put(desk.board, "/expander", EXPANDERS.index(name))
    ask(desk.board, 0, 0.4, 0.7)
    target = desk.mailbox.pointing.aim(0, 0.0)
    assert 1 <= len(target.grain) <= BLENDED
    assert sum(amount for _, amount in target.grain) == pytest.approx(0.5)


def test_windows_are_those_of_the_whole_sound(footsteps: Pack, source: Source) -> None:
    windowed, whole = (
        Desk(footsteps, Grain(source, waits=True), whole=is_whole) for is_whole in (False, True)
    )
    for desk in (windowed, whole):
        ask(desk.board, 0, 0.4, 0.7)
        desk.work()
    np.testing.assert_allclose(windowed.frames(), whole.frames(), atol=0.02)
    np.testing.assert_array_equal(windowed.amounts(), whole.amounts())


def test_level_beginning_and_end_are_those_with_grain(footsteps: Pack) -> None:
    r = footsteps.representation
    decoder, rng = FrameDecoder(footsteps), np.random.default_rng(0)
    latent = footsteps.anchors.latents[5]
    louder = np.full((r.frames, r.bins), -127, np.int8)
    louder[:20] = rng.integers(-4, 8, (20, r.bins))
    grain = SoundGrain(((5, 1.0),), (louder,))
    (found,) = Outlines(footsteps, decoder).of(latent[None], [grain])
    frames = grain.added(decoder.whole(latent[None])[0], slice(None), r)
    expected = outline(r.spectrum(frames), r)
    plain = outline(r.spectrum(decoder.whole(latent[None])[0]), r)
    assert found.loudness == pytest.approx(expected.loudness, abs=0.3)
    assert abs(found.end - expected.end) <= 6 < abs(plain.end - expected.end)


def test_a_new_process_knows_no_sound_with_grain(footsteps: Pack, source: Source) -> None:
    desk = Desk(footsteps, Grain(source, waits=True))
    desk.ask(5)
    desk.work()
    after = Mailbox(desk.board, footsteps, desk.decoder)
    put(desk.board, "/grain", 0)
    desk.ask(5, v=1)
    for now in (9.0, 10.0):
        while not after.work(now):
            pass
    assert not len(desk.amounts(1))
    plain = desk.decoder.whole(footsteps.anchors.latents[5:6])[0]
    np.testing.assert_allclose(desk.frames(1), plain, atol=0.02)


# -- the residuals in memory ------------------------------------------------------------------


def test_the_newest_wanted_residual_is_fetched_first(source: Source) -> None:
    source.free.clear()
    grain = Grain(source)
    for anchor in (10, 11, 12):
        assert grain.of(((anchor, 1.0),))[1] == {anchor}
    wait_for(lambda: not grain.has([10]))
    source.free.set()
    wait_for(lambda: grain.has([10, 11, 12]))
    assert source.read[-1] == 10 or source.read[0] == 10  # 10 was being read when 12 was asked
    assert source.read.index(12) < source.read.index(11)
    assert grain.of(((11, 1.0),))[0].amounts == ((11, 1.0),)


def test_memory_holds_the_residuals_that_were_used_last(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = source.residual(0)
    assert one is not None
    monkeypatch.setattr(grain_module, "MOST_BYTES", 3 * one.nbytes)
    monkeypatch.setattr(grain_module, "LEAST_KEPT", 2)
    source.read.clear()
    grain = Grain(source, waits=True)
    for anchor in (10, 11, 12, 10, 13):
        grain.of(((anchor, 1.0),))
    assert source.read == [10, 11, 12, 13]
    grain.of(((10, 1.0),))
    grain.of(((11, 1.0),))
    assert source.read == [10, 11, 12, 13, 11]


def test_a_source_that_fails_is_as_one_that_has_nothing(source: Source) -> None:
    class Failing(Source):
        def residual(self, anchor: int) -> Steps | None:
            raise OSError("gone")

    grain = Grain(Failing(Representation()))
    got, missing = grain.of(((1, 1.0),))
    assert missing == {1} and not got.amounts
    wait_for(lambda: grain.has([1]))
    got, missing = grain.of(((1, 1.0),))
    assert not missing and not got.amounts


# -- recordings -------------------------------------------------------------------------------


@pytest.fixture
def library(
    small: Pack, recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Library:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    made = libraries.create(tmp_path / "library", small)
    made.add(recordings)
    return made


def heard_at(model: Model, anchor: int, wanted: float, **values: float) -> Floats:
    """(frames, bins) dB on the board of the point of an anchor."""
    r = model.pack.representation
    shape = BoardShape(r.frames, r.bins, r.samples, r.sample_rate)
    board = Board(shape, sound_memory=SoundMemory(sound_shape(r)))
    for address, value in {"/smooth": 0.0, "/grain": wanted, **values}.items():
        put(board, address, value)
    mailbox = model.mailbox(board, None, whole=True)
    ask(board, 0, *Planes(model.pack).look_up_anchor(board, anchor)[0])
    mailbox.serve([0], 1.0)
    return r.spectrum(board.sounds[0, board.published[0] % b.BUFFERS])


def test_at_an_anchor_the_whole_grain_gives_the_recording(library: Library, small: Pack) -> None:
    model = Model.of(playable.as_pack(small, library), library, waits=True)
    for anchor in range(len(library)):
        path = library.recording(anchor)
        assert path is not None
        recorded = recorded_db(path, small.representation)
        plain = np.abs(heard_at(model, anchor, 0) - recorded).mean()
        wrong = np.abs(heard_at(model, anchor, 1) - recorded)
        assert wrong.mean() < 1 < plain
        kept = np.abs(heard_at(model, anchor, 0) - recorded) < 127 * STEP_DB
        assert wrong[kept].max() < 0.3


def test_a_pack_plays_the_grain_beside_it(small: Pack, recordings: Path, tmp_path: Path) -> None:
    own = packs.load(shutil.copytree(small.path, tmp_path / "own"))
    r = own.representation
    rows = [np.full((r.frames, r.bins), 6, np.int8)] * len(own.anchors)
    grain_files.write(own, rows)
    model = Model.of(own, None, waits=True)
    plain, grained = heard_at(model, 2, 0), heard_at(model, 2, 1)
    np.testing.assert_allclose(grained, np.minimum(plain + 3, 0), atol=0.02)


def test_a_broken_grain_is_told_and_ignored(small: Pack, tmp_path: Path) -> None:
    own = packs.load(shutil.copytree(small.path, tmp_path / "own"))
    (own.path / grain_files.FILE).write_bytes(b"\x93NUMPY")
    model = Model.load(own.path, None)
    (note,) = model.notes
    assert "grain.npy" in note and "ignored" in note and "\n" not in note
    np.testing.assert_array_equal(heard_at(model, 2, 1), heard_at(model, 2, 0))


def test_a_pack_without_grain_says_once_it_is_wanted_how_to_get_it(small: Pack) -> None:
    model = Model.load(small.path, None)
    heard_at(model, 2, 0)
    assert model.notes == []
    heard_at(model, 2, 0.5)
    heard_at(model, 3, 0.5)
    (note,) = model.notes
    assert "latentpad grain PACK FOLDER" in note and "library" in note


def test_a_library_without_recordings_says_so(library: Library, small: Pack) -> None:
    shutil.rmtree(library.path / "audio")
    model = Model.of(playable.as_pack(small, library), library, waits=True)
    heard_at(model, 2, 1)
    (note,) = model.notes
    assert "no recordings" in note
