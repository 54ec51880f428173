"""The gestures file of a take, on a board with real voices and hand-made sounds."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from latentpad.benchmarks.signals import tone
from latentpad.engine import board as b
from latentpad.engine import tape
from latentpad.engine.control.gesture_track import GestureTrack
from latentpad.engine.control.instrument import Instrument, Sender
from latentpad.engine.control.snapshots import PAD
from latentpad.engine.gestures import GestureRecording
from tests.engine.stage import Stage
from tests.limits import limits

PHONE, KEYS, DESK = Sender("osc 10.0.0.2", 5), Sender("midi keys:1"), Sender("osc 10.0.0.3", 7)
HEAD = {"preset": "walk", "pack": "footsteps"}


class Playing:
    """An instrument, its voices, and a take of them. Time is what was rendered."""

    def __init__(self, path: Path) -> None:
        self.stage = Stage()
        self.now = 0.0
        self.path = path
        self.instrument = Instrument(
            self.stage.board,
            limits(2, ("raw", "map")),
            clock=lambda: self.now,
        )

    def begin(self) -> GestureTrack:
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT)
        return GestureTrack(self.instrument, HEAD, self.path, fd)

    def play(self, hops: int = 1) -> None:
        stage = self.stage
        for _ in range(hops):
            stage.hops(1)
            tape.write(stage.board, np.zeros((stage.hop, 2), np.float32), stage.voices.version)
            self.now += stage.hop / 48000

    def decode(self, v: int, latent: tuple[float, float]) -> None:
        """As the decoding process answers."""
        board = self.stage.board
        buffer = board.next_buffer(v)
        board.sound_latent[v, buffer, :2], board.sound_level[v, buffer] = latent, -3.0
        board.sound_original[v, buffer] = -1
        self.stage.put(v, tone(440), request=int(board.requests[v]))

    def end(self, track: GestureTrack) -> list[tuple[float, str, Any]]:
        """The take's lines after those at its beginning; times in hops."""
        track.stop(self.stage.board.tape_head[0])
        track.listen()
        track.write()
        track.close()
        return self.lines()

    def lines(self) -> list[tuple[float, str, Any]]:
        return [
            (round(t * 48000 / self.stage.hop, 3), address, args)
            for t, address, args in GestureRecording(self.path).lines()
            if t > 0
        ]


@pytest.fixture
def playing(tmp_path: Path) -> Iterator[Playing]:
    yield Playing(tmp_path / "take.jsonl")


def begun(playing: Playing) -> GestureTrack:
    track = playing.begin()
    playing.play(10)
    track.listen()
    return track


def test_a_gesture_stands_at_the_hop_that_heard_it_first(playing: Playing) -> None:
    track = begun(playing)
    playing.instrument.apply("/pitch", (3,), PHONE)
    playing.play(5)
    playing.instrument.apply("/pitch", (4,), PHONE)
    playing.play(5)
    lines = playing.end(track)
    assert lines == [(10, "/pitch", [3]), (15, "/pitch", [4]), (20, "/take/end", [])]


def test_a_gesture_tells_who_made_it_and_a_preset_that_nobody_did(playing: Playing) -> None:
    track = begun(playing)
    playing.instrument.apply("/pitch", (3,), PHONE)
    playing.instrument.apply("/note", (60, 100), KEYS)
    playing.instrument.apply("/pitch", (4,))
    playing.play(1)
    playing.end(track)
    told = [(m.address, m.by, m.sender) for m in GestureRecording(playing.path) if m.t > 0]
    assert told == [
        ("/pitch", PHONE.group, None),
        ("/note", KEYS.group, 1),
        ("/pitch", "", 0),
    ]


def test_a_gesture_that_no_hop_has_heard_waits_for_one(playing: Playing) -> None:
    track = begun(playing)
    with playing.stage.board.writing():  # another change is half written: nothing is heard
        playing.play(1)
    playing.instrument.apply("/pitch", (3,), PHONE)
    track.listen()
    track.write()
    assert [line[1] for line in playing.lines()] == ["/take/end"]
    playing.play(3)
    assert (11, "/pitch", [3]) in playing.end(track)


def test_where_the_sound_stands_still_gestures_are_kept_all_the_same(playing: Playing) -> None:
    track = begun(playing)
    playing.instrument.apply("/pitch", (3,), PHONE)
    for _ in range(2):
        track.listen()
    track.write()
    assert playing.lines() == [(10, "/pitch", [3]), (10, "/take/end", [])]
    playing.play(1)
    assert playing.end(track)[0] == (10, "/pitch", [3])


def test_a_decoded_sound_stands_at_the_hop_that_took_it_up(playing: Playing) -> None:
    track = begun(playing)
    playing.instrument.apply("/pad/2/touch", (1,), PHONE)
    playing.play(3)
    playing.decode(0, (0.1, -1.5))
    playing.play(2)
    lines = playing.end(track)
    assert lines[:2] == [
        (10, "/pad/2/touch", [1]),
        (13, "/take/sound", [1, -3.0, -1, 0.1, -1.5]),
    ]
    assert GestureRecording(playing.path).sounds and GestureRecording(playing.path).seed == 0


def test_with_how_much_effort_it_is_played_is_told_from_the_beginning(playing: Playing) -> None:
    playing.stage.voices.quality = 2
    playing.stage.board.player[b.QUALITY] = 2  # as the render loop tells it
    playing.play(2)
    track = begun(playing)
    playing.stage.voices.quality = 1
    playing.play(1)
    assert (10, "/take/quality", [1]) in playing.end(track)
    lines = GestureRecording(playing.path).lines()
    assert (0, "/take/quality", [2]) in [tuple(line) for line in lines]


def test_what_was_played_before_is_numbered_on_and_what_is_held_begins_anew(
    playing: Playing,
) -> None:
    apply = playing.instrument.apply
    for n in (3, 2, 1):
        apply(f"/pad/{n}/touch", (1,), PHONE)
        playing.decode(3 - n, (n, 0.0))
    apply("/pad/3/touch", (0,), PHONE)
    playing.play(5)
    track = begun(playing)
    apply("/pad/2/xy", (0.1, 0.1), PHONE)
    playing.decode(1, (7.0, 0.0))
    playing.play(1)
    apply("/pad/5/touch", (1,), PHONE)
    playing.decode(3, (8.0, 0.0))
    playing.play(1)
    playing.end(track)
    gestures = GestureRecording(playing.path)
    assert gestures.seed == 1  # the two that are held get the numbers 2 and 3 again
    sounds = [(t == 0, args[0], args[3]) for t, a, args in gestures.lines() if a == "/take/sound"]
    # They begin anew in the order in which they were started.
    assert sounds == [(True, 2, 2.0), (True, 3, 1.0), (False, 2, 7.0), (False, 4, 8.0)]


def test_a_take_begins_with_every_value_and_starts_nothing_that_is_not_held(
    playing: Playing,
) -> None:
    playing.instrument.apply("/pad/xy", (0.2, 0.3), PHONE)
    playing.instrument.apply("/pad/1/touch", (0,), PHONE)
    playing.end(begun(playing))
    gestures = GestureRecording(playing.path)
    assert gestures.self_contained
    other = Playing(playing.path)
    for message in gestures:
        sender = Sender("") if message.sender == 0 else PHONE
        other.instrument.apply(message.address, message.args, sender)
    assert list(other.instrument.values()) == list(playing.instrument.values())
    assert other.instrument.started == 0


def test_a_held_note_begins_anew_as_loud_and_is_let_go_by_who_struck_it(
    playing: Playing,
) -> None:
    playing.instrument.apply("/note", (67, 40), KEYS)
    playing.decode(0, (1.0, 0.0))
    playing.play(5)
    track = begun(playing)
    playing.instrument.apply("/note", (67, 0), KEYS)
    playing.play(1)
    playing.end(track)
    notes = [m for m in GestureRecording(playing.path) if m.address == "/note"]
    assert [m.sender for m in notes] == [1, 1]
    assert notes[0].args == [67, pytest.approx(40)] and notes[1].args == [67, 0]


def test_a_take_begins_with_what_the_pad_points_at_and_with_loops_in_another_mode(
    playing: Playing,
) -> None:
    for address, args in (
        ("/lattice/3", (0.5,)),
        ("/latent", (1.0, -1.0)),
        ("/pad/1/touch", (1,)),
        ("/note/track", (0,)),
        ("/note", (67.5, 40)),
        ("/note/track", (1,)),
        ("/mode", ("shot",)),
    ):
        playing.instrument.apply(address, args, KEYS)
    playing.play(2)
    playing.end(begun(playing))
    other = Playing(playing.path)
    for message in GestureRecording(playing.path):
        sender = Sender("") if message.sender == 0 else Sender(f"recording {message.sender}")
        other.instrument.apply(message.address, message.args, sender)
    first, second = playing.stage.board, other.stage.board
    assert second.values.tolist() == first.values.tolist()
    for field in ("held", "origin", "points", "latents", "levels", "pitches", "start_level",
                  "lattice_anchor", "lattice_weight"):  # fmt: skip
        np.testing.assert_array_equal(getattr(second, field), getattr(first, field), field)
    assert second.held.sum() == 2 and second.origin[0] == b.LATENT


def test_one_latent_that_is_moved_is_told_with_those_beside_it(playing: Playing) -> None:
    playing.instrument.apply("/pad/1/touch", (1,), PHONE)
    track = begun(playing)
    playing.stage.board.sound_latent[0, :, :2] = 0.25, -0.5  # where the expander has led
    playing.instrument.apply("/latent/2", (1.5,), PHONE)
    playing.play(1)
    assert (10, "/latent", [0.25, 1.5]) in playing.end(track)


def test_a_shot_that_has_rung_out_is_not_begun_anew(playing: Playing) -> None:
    playing.instrument.apply("/mode", ("shot",), PHONE)
    playing.instrument.apply("/pad/2/touch", (1,), PHONE)
    playing.decode(0, (1.0, 0.0))
    playing.play(5)
    playing.end(begun(playing))
    touches = [m.args for m in GestureRecording(playing.path) if m.address == "/pad/2/touch"]
    assert touches in ([], [[0]])


@pytest.mark.parametrize(
    ("happens", "line"),
    [
        (lambda p: p.instrument.release_all(), ("/pad/2/touch", [0])),
        (lambda p: p.instrument.release(PHONE.group), ("/pad/2/touch", [0])),
        (lambda p: p.instrument.release(KEYS.group), ("/note", [64, 0])),
        (lambda p: p.outdated(), ("/pad/2/touch", [0])),
    ],
    ids=["all", "a silent host", "a pulled cable", "a silent sender"],
)
def test_what_is_let_go_without_a_command_is_told(
    playing: Playing, happens: Callable[[Any], None], line: tuple[str, list[int]]
) -> None:
    def outdated() -> None:
        playing.now += 1000
        playing.instrument.tick()

    playing.outdated = outdated  # type: ignore[attr-defined]
    track = begun(playing)
    playing.instrument.apply("/pad/2/touch", (1,), PHONE)
    playing.instrument.apply("/note", (64, 100), KEYS)
    happens(playing)
    playing.play(1)
    assert line in [each[1:] for each in playing.end(track)]


def test_a_snapshot_s_glide_is_told_as_what_it_did(playing: Playing) -> None:
    apply = playing.instrument.apply
    apply("/pitch", (12,), PHONE)
    apply(PAD, (0.9, 0.9), PHONE)
    apply("/snapshot/1/store", (), PHONE)
    apply("/pitch", (0,), PHONE)
    apply(PAD, (0.1, 0.1), PHONE)
    track = begun(playing)
    apply("/snapshot/1/recall", (0.02,), PHONE)
    for _ in range(10):
        playing.play(1)
        playing.instrument.tick()
    playing.play(1)
    lines = playing.end(track)
    glides = [args[0] for _, address, args in lines if address == "/pitch"]
    assert glides == sorted(glides) and len(glides) > 3 and glides[-1] == 12
    assert not any(address.startswith("/snapshot") for _, address, _ in lines)
    moved = [m for m in GestureRecording(playing.path) if m.address == PAD and m.t > 0]
    assert moved and {m.sender for m in moved} == {0}


def test_notes_of_two_senders_stay_apart(playing: Playing) -> None:
    track = begun(playing)
    for sender in (PHONE, DESK, PHONE):
        playing.instrument.apply("/note", (60, 100), sender)
    playing.play(1)
    playing.end(track)
    assert [m.sender for m in GestureRecording(playing.path) if m.address == "/note"] == [1, 2, 1]


def test_the_file_tells_its_length_at_any_moment_and_once(playing: Playing) -> None:
    track = begun(playing)
    for k in range(3):
        playing.instrument.apply("/pitch", (k,), PHONE)
        playing.play(10)
        track.listen()
        track.write()
        track.write()
        lines = playing.path.read_text().splitlines()
        assert [json.loads(line).get("address") for line in lines].count("/take/end") == 1
        assert GestureRecording(playing.path).end == pytest.approx(
            (20 + 10 * k) * 128 / 48000, abs=1e-6
        )
    playing.play(7)
    playing.end(track)
    assert GestureRecording(playing.path).end == pytest.approx(47 * 128 / 48000, abs=1e-6)


def test_an_end_that_cannot_be_read_costs_nothing_else(playing: Playing) -> None:
    track = begun(playing)
    playing.instrument.apply("/pitch", (3,), PHONE)
    playing.play(10)
    playing.end(track)
    content = playing.path.read_bytes()
    playing.path.write_bytes(content[:-5])
    gestures = GestureRecording(playing.path)
    assert gestures.truncated and gestures.end is None
    assert [*gestures][-1][1:] == ("/pitch", [3])


def test_a_take_tells_the_grain_that_was_added(playing: Playing) -> None:
    playing.play(10)
    track = begun(playing)
    playing.instrument.apply("/pad/2/touch", (1,), PHONE)
    board = playing.stage.board
    voice = int(np.flatnonzero(board.held)[0])
    board.sound_grain[voice, board.next_buffer(voice), :4] = 7, 0.75, 12, 0.25
    playing.decode(voice, (0.1, -1.5))
    playing.play(3)
    (args,) = (args for _, address, args in playing.end(track) if address == "/take/sound")
    assert args == [1, -3.0, -1, 0.1, -1.5, 7, 0.75, 12, 0.25]
    assert [type(value) for value in args[5:]] == [int, float, int, float]
