"""A library's recordings in `/mode original`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from latentpad.engine import board as b
from latentpad.engine.board import Board, BoardShape
from latentpad.engine.control.instrument import Instrument, Sender
from latentpad.engine.control.pack_limits import PackLimits
from latentpad.engine.decode.decoder import fastest_decoder
from latentpad.engine.decode.mailbox import Mailbox
from latentpad.engine.decode.originals import Originals
from latentpad.engine.pack_order import sound_shape
from latentpad.engine.planes import Planes
from latentpad.engine.sound_memory import SoundMemory
from latentpad.models.libraries import library as libraries
from latentpad.models.libraries import playable
from latentpad.models.libraries.encode import read_mono
from latentpad.models.libraries.library import Library
from latentpad.models.packs.pack import Pack


@pytest.fixture
def library(small: Pack, recordings: Path, tmp_path: Path) -> Library:
    made = libraries.create(tmp_path / "library", small)
    made.add(recordings)
    return made


def played(library: Library, small: Pack, anchor: int, mode: str) -> tuple[Board, tuple[int, int]]:
    """A board on which a note at an anchor's position has been decoded, and its buffer."""
    pack = playable.as_pack(small, library)
    r = pack.representation
    shape = BoardShape(r.frames, r.bins, r.samples, r.sample_rate)
    board = Board(shape, sound_memory=SoundMemory(sound_shape(r)))
    planes = Planes(pack)
    instrument = Instrument(board, PackLimits.of(pack, planes, board), clock=lambda: 0.0)
    decoder, _ = fastest_decoder(pack)
    mailbox = Mailbox(board, pack, decoder, Originals(library))
    sender = Sender("test")
    (x, y), _ = planes.look_up_anchor(board, anchor)
    for address, args in (("/mode", (mode,)), ("/smooth", (0.0,)), ("/pad/xy", (x, y))):
        instrument.apply(address, args, sender)
    instrument.apply("/note", (60, 110), sender)
    voices = mailbox.waiting()
    mailbox.serve(voices, 1.0)
    voice = voices[-1]
    return board, (voice, int(board.published[voice]) % b.BUFFERS)


def test_the_nearest_anchors_recording_is_played_sample_by_sample(
    library: Library, small: Pack
) -> None:
    for anchor in (0, 5):
        board, index = played(library, small, anchor, "original")
        recording = library.recording(anchor)
        assert recording is not None
        samples, _ = read_mono(recording.read_bytes(), small.representation)
        assert board.sound_wave[index]
        wave = board.waves[index]
        np.testing.assert_allclose(
            wave / np.abs(wave).max(), samples / np.abs(samples).max(), atol=1e-5
        )


def test_a_recording_is_as_loud_as_its_magnitudes_say(library: Library, small: Pack) -> None:
    board, index = played(library, small, 3, "original")
    magnitudes = small.representation.magnitudes(board.waves[index])
    assert magnitudes.max() == pytest.approx(1, abs=1e-3)
    frames = small.representation.untextured(small.representation.decibels(magnitudes))
    np.testing.assert_allclose(frames, board.sounds[index], atol=0.05)


def test_shots_and_lost_recordings_are_decoded(library: Library, small: Pack) -> None:
    board, index = played(library, small, 3, "shot")
    assert not board.sound_wave[index]
    lost = library.recording(3)
    assert lost is not None
    lost.unlink()
    board, index = played(library, small, 3, "original")
    assert not board.sound_wave[index]
    assert board.sounds[index].max() > -small.representation.range_db


def test_a_recording_of_two_sides_is_played_with_them(small: Pack, tmp_path: Path) -> None:
    time = np.arange(4000) / 16000
    first, second, third = (0.3 * np.sin(2 * np.pi * f * time) for f in (440, 900, 2500))
    kinds = {"against": (first, -first), "alike": (third, third), "two": (first, second)}
    (tmp_path / "in").mkdir()
    for name, sides in kinds.items():
        soundfile.write(tmp_path / "in" / f"{name}.wav", np.stack(sides, axis=1), 16000, "FLOAT")
    library = libraries.create(tmp_path / "library", small)
    library.add(tmp_path / "in")
    assert [str(name) for name in library.anchors.names] == list(kinds)
    for anchor, (name, sides) in enumerate(kinds.items()):
        board, index = played(library, small, anchor, "original")
        assert board.sound_wave[index] == (b.MONO if name == "alike" else b.STEREO)
        wave = board.waves[index].astype(np.float64)
        side = np.zeros_like(wave) if name == "alike" else board.sides[index]
        factor = np.abs(wave + side).max() / np.abs(sides[0]).max()
        for made, asked in zip((wave + side, wave - side), sides, strict=True):
            np.testing.assert_allclose(made[:4000] / factor, asked, atol=1e-4)
        # In all as loud as what is measured of it.
        recording = library.recording(anchor)
        assert recording is not None
        mono, _ = read_mono(recording, small.representation)
        mono /= small.representation.magnitudes(mono).max()
        power = np.square([wave + side, wave - side]).mean()
        assert power == pytest.approx(np.square(mono, dtype=np.float64).mean(), rel=1e-3)
