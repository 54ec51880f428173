"""Commands and the changes that they make on the board: all addresses, and who holds which
voice."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentpad.engine import board as b
from latentpad.engine.arguments import Argument, CommandError
from latentpad.engine.board import Board, BoardShape, Event
from latentpad.engine.control.instrument import NOBODY, Instrument, Sender
from latentpad.engine.control.snapshots import MAX_GLIDE_S, MAX_SNAPSHOTS
from latentpad.engine.parameters import (
    EXPANDERS,
    FINGERS,
    GLOBAL,
    LATENT_MAX,
    METRICS,
    MODES,
    OFFSET,
    PHASES,
    PLANES,
    ROW,
    VOICES,
)
from tests.limits import limits

DIM, ANCHORS = 4, 10
PHONE, DAW, PORT = Sender("osc 10.0.0.5", 50123), Sender("osc 10.0.0.9"), Sender("midi Keys 1")


def look_up_anchor(anchor: int) -> tuple[Sequence[float], Sequence[float]]:
    if not 0 <= anchor < ANCHORS:
        raise CommandError(f"anchor {anchor}: this pack's anchors are 0...{ANCHORS - 1}")
    return (anchor / ANCHORS, 0.25), [float(anchor)] * DIM


class Desk:
    """An instrument with a clock that the test sets, and without a playing process."""

    def __init__(self, anchors: int = 1000) -> None:
        self.board = Board(BoardShape(frames=4, bins=5, samples=64, sample_rate=8000))
        self.now = 100.0
        self.woken = 0
        self.ticks_wanted = 0
        self.instrument = Instrument(
            self.board,
            limits(DIM, ("raw", "principal", "map"), look_up_anchor, anchors=anchors),
            clock=lambda: self.now,
            wake=self._wake,
            wake_ticks=self._wake_ticks,
        )

    def _wake(self) -> None:
        self.woken += 1

    def _wake_ticks(self) -> None:
        self.ticks_wanted += 1

    def send(self, address: str, *args: Argument, by: Sender = PHONE) -> None:
        self.now += 0.001
        self.instrument.apply(address, args, by)

    def value(self, address: str) -> tuple[float, ...]:
        return self.instrument.value(address)

    def player(self) -> list[Event]:
        """What the player hears of: it starts and lets go at once."""
        events = list(self.board.received())
        for event in events:
            if event.kind == b.START:
                self.board.voice_serial[event.voice] = event.serial
                self.board.voice_state[event.voice] = b.SOUNDING
            elif event.kind == b.RELEASE:
                self.board.voice_state[event.voice] = b.RELEASING
        return events

    def kinds(self) -> list[tuple[int, int]]:
        return [(event.kind, event.voice) for event in self.player()]

    def ended(self, voice: int) -> None:
        self.board.voice_state[voice] = b.FREE


@pytest.fixture
def desk() -> Desk:
    return Desk()


# -- the contract ----------------------------------------------------------------------------

# address, arguments, and where on the board they must be found as what
GLOBALS: list[tuple[str, tuple[Argument, ...], tuple[float, ...]]] = [
    ("/lattice/base", (7,), (7,)),
    ("/expander", ("nearest",), (0,)),
    ("/expander", ("mean",), (1,)),
    ("/expander", ("multilateration",), (2,)),
    ("/expander", ("lattice",), (3,)),
    ("/expander", ("local",), (4,)),
    ("/expander", ("barycentric",), (5,)),
    ("/expander", ("rbf",), (6,)),
    ("/expander", ("gaussian",), (7,)),
    ("/expander", ("dwell",), (8,)),
    ("/metric", ("euclidean",), (0,)),
    ("/metric", ("mahalanobis",), (1,)),
    ("/metric", ("cosine",), (2,)),
    ("/guard", (0,), (0,)),
    ("/axes", (2, 3), (2, 3)),
    ("/mode", ("shot",), (1,)),
    ("/mode", ("original",), (2,)),
    ("/mode", ("loop",), (0,)),
    ("/phase", ("noise",), (1,)),
    ("/phase", ("griffinlim",), (2,)),
    ("/phase", ("fgla",), (3,)),
    ("/phase", ("rtpghi",), (0,)),
    ("/lookahead", (2,), (2,)),
    ("/loop/speed", (-1.5,), (-1.5,)),
    ("/loop/start", (0.25,), (0.25,)),
    ("/loop/end", (0.75,), (0.75,)),
    ("/morph", (0.5,), (0.5,)),
    ("/smooth", (0.1,), (0.1,)),
    ("/texture", (0.5,), (0.5,)),
    ("/focus", (8,), (8,)),
    ("/gain", (-20,), (-20,)),
    ("/plane", ("raw",), (0,)),
    ("/plane", ("principal",), (1,)),
    ("/plane", ("map",), (2,)),
    ("/note/track", (0,), (0,)),
]


@pytest.mark.parametrize(("address", "args", "expected"), GLOBALS)
def test_a_value_reaches_the_board(
    desk: Desk, address: str, args: tuple[Argument, ...], expected: tuple[float, ...]
) -> None:
    desk.send(address, *args)
    assert desk.value(address) == expected
    assert desk.board.values[OFFSET[address]] == expected[0]
    assert desk.board.version[0] % 2 == 0


@pytest.mark.parametrize("row", GLOBAL, ids=lambda row: row.address)
def test_every_row_is_clamped_and_refuses_what_is_no_number(desk: Desk, row: object) -> None:
    assert row in GLOBAL
    parameter = ROW[getattr(row, "address")]  # noqa: B009
    address = parameter.address
    high = desk.instrument.anchors - 1 if address == "/lattice/base" else parameter.high
    for far, edge in ((1e30, high), (-1e30, parameter.low)):
        desk.send(address, *[far] * parameter.size)
        assert desk.value(address) == (edge,) * parameter.size
    before = desk.board.values.copy()
    for bad in (math.nan, math.inf, "elephant"):
        with pytest.raises(CommandError):
            desk.send(address, *[bad] * parameter.size)
    with pytest.raises(CommandError):
        desk.send(address)
    np.testing.assert_array_equal(desk.board.values, before)


@pytest.mark.parametrize(
    ("address", "args", "point"),
    [
        ("/pad/xy", (0.2, 0.7), (0.2, 0.7)),
        ("/pad/1/xy", (0, 1), (0, 1)),
        ("/pad/x", (0.2,), (0.2, 0.5)),
        ("/pad/y", (0.2,), (0.5, 0.2)),
        ("/pad/1/x", (7,), (1, 0.5)),
        ("/pad/1/y", (-7,), (0.5, 0)),
        ("/anchor/3", (), (0.3, 0.25)),
        ("/anchor/3", (1.0,), (0.3, 0.25)),
    ],
)
def test_the_pads_point_is_moved(
    desk: Desk, address: str, args: tuple[Argument, ...], point: tuple[float, float]
) -> None:
    desk.send("/pad/1/touch", 1)
    desk.send(address, *args)
    np.testing.assert_allclose(desk.board.points[0], point)


@pytest.mark.parametrize("n", range(1, FINGERS + 1))
def test_every_finger_has_a_voice_of_its_own(desk: Desk, n: int) -> None:
    desk.send(f"/pad/{n}/xy", 0.1, 0.9)
    desk.send(f"/pad/{n}/touch", 1)
    (voice,) = (event.voice for event in desk.player())
    np.testing.assert_array_equal(desk.board.points[voice], [0.1, 0.9])
    desk.send(f"/pad/{n}/x", 0.3)
    desk.send(f"/pad/{n}/y", 0.4)
    np.testing.assert_array_equal(desk.board.points[voice], [0.3, 0.4])
    desk.send(f"/pad/{n}/touch", 0)
    assert desk.kinds() == [(b.RELEASE, voice)]


def test_fingers_do_not_move_one_another(desk: Desk) -> None:
    for n in range(1, FINGERS + 1):
        desk.send(f"/pad/{n}/touch", 1)
    voices = [event.voice for event in desk.player()]
    assert sorted(voices) == list(range(FINGERS))
    for n in range(1, FINGERS + 1):
        desk.send(f"/pad/{n}/xy", n / 20, 1 - n / 20)
    for n, voice in enumerate(voices, 1):
        np.testing.assert_allclose(desk.board.points[voice], [n / 20, 1 - n / 20])


@pytest.mark.parametrize(
    ("row", "field"), [("level", "levels"), ("pan", "pans"), ("pitch", "pitches")]
)
def test_a_finger_has_level_pan_and_pitch(desk: Desk, row: str, field: str) -> None:
    desk.send(f"/pad/3/{row}", -0.5)
    desk.send("/pad/3/touch", 1)
    desk.send("/pad/4/touch", 1)
    held, other = (event.voice for event in desk.player())
    values = getattr(desk.board, field)
    assert values[held] == -0.5 and values[other] == 0
    desk.send(f"/pad/3/{row}", 0.75)
    assert values[held] == 0.75 and values[other] == 0


@pytest.mark.parametrize(
    ("address", "args"),
    [
        ("/pad/xy", ()),
        ("/pad/xy", (0.5,)),
        ("/pad/xy", (0.5, 0.5, 0.5)),
        ("/pad/xy", (math.nan, 0.5)),
        ("/pad/xy", (0.5, "up")),
        ("/pad/x", (math.inf,)),
        ("/pad/x", ()),
        ("/pad/1/touch", ()),
        ("/pad/1/touch", (math.nan,)),
        ("/pad/1/touch", ("down",)),
        ("/pad/0/xy", (0.5, 0.5)),
        ("/pad/11/xy", (0.5, 0.5)),
        ("/pad/1/w", (0.5,)),
        ("/note", (60,)),
        ("/note", (60, math.nan)),
        ("/note", ("C4", 100)),
        ("/latent", (0.0,) * (DIM - 1)),
        ("/latent", (0.0,) * (DIM + 1)),
        ("/latent", (0.0, 0.0, 0.0, math.inf)),
        ("/latent/0", (1.0,)),
        ("/latent/5", (1.0,)),
        ("/latent/1", ()),
        ("/latent/1", (math.nan,)),
        ("/lattice/10", (0.5,)),
        ("/lattice/3", ()),
        ("/lattice/3", (math.nan,)),
        ("/anchor/10", ()),
        ("/anchor/9999999999", ()),
        ("/anchor/x", ()),
        ("/plane", ("umap",)),
        ("/plane", ("moon",)),
        ("/snapshot/1/recall", ()),
        ("/snapshot/x/store", ()),
        ("/", ()),
        ("", ()),
        ("pad/xy", (0.5, 0.5)),
        ("/elephant", (1,)),
        ("/pad//xy", (0.5, 0.5)),
    ],
)
def test_what_cannot_be_done_is_refused_and_changes_nothing(
    desk: Desk, address: str, args: tuple[Argument, ...]
) -> None:
    before = bytes(desk.board._memory)
    with pytest.raises(CommandError) as error:
        desk.instrument.apply(address, args, PHONE)
    after = Board(desk.board.shape)
    memoryview(after._memory).cast("B")[:] = memoryview(before)
    after.version[0] = desk.board.version[0]
    assert bytes(desk.board._memory) == bytes(after._memory)
    assert desk.board.version[0] % 2 == 0
    assert "\n" not in str(error.value) and len(str(error.value)) < 200


addresses = st.one_of(
    st.sampled_from([row.address.format(n=3) for row in ROW.values()]),
    st.sampled_from(["/note", "/panic", "/latent", "/pad/xy", "/pad/2/touch", "/anchor/2"]),
    st.sampled_from(["/snapshot/1/store", "/snapshot/1/recall", "/lattice/3", "/latent/2"]),
    st.text("/padxy0123456789", max_size=12),
)
arguments = st.lists(
    st.one_of(st.floats(), st.integers(), st.booleans(), st.text(max_size=5)), max_size=4
)


@settings(max_examples=200)
@given(st.lists(st.tuples(addresses, arguments), max_size=6))
def test_no_command_whatever_breaks_the_instrument(
    commands: list[tuple[str, list[Argument]]],
) -> None:
    desk = Desk()
    for address, args in commands:
        try:
            desk.send(address, *args)
        except CommandError:
            continue
    desk.instrument.tick()
    board = desk.board
    for name in ("values", "points", "latents", "levels", "pitches", "lattice_weight"):
        assert np.isfinite(getattr(board, name)).all()
    assert board.version[0] % 2 == 0
    assert board.points.min() >= 0 and board.points.max() <= 1


# -- the first gesture -----------------------------------------------------------------------


def test_the_first_point_starts_a_voice_and_only_the_first(desk: Desk) -> None:
    assert desk.kinds() == [] and desk.woken == 0
    desk.send("/pad/xy", 0.2, 0.7)
    assert desk.kinds() == [(b.START, 0)]
    assert desk.woken == 1 and desk.board.requests[0] > 0 and desk.board.held[0] == 1
    desk.send("/pad/xy", 0.3, 0.7)
    desk.send("/pad/x", 0.4)
    assert desk.kinds() == []
    np.testing.assert_allclose(desk.board.points[0], [0.4, 0.7])
    assert desk.woken == 3


def test_nobodys_point_starts_nothing(desk: Desk) -> None:
    desk.instrument.apply("/pad/1/xy", (0.2, 0.7))
    assert desk.kinds() == []


# -- notes -----------------------------------------------------------------------------------


def test_a_note_is_transposed_by_its_distance_from_60(desk: Desk) -> None:
    desk.send("/note", 67, 127)
    desk.send("/note/track", 0)
    desk.send("/note", 72, 127)
    first, second = desk.player()
    assert desk.board.pitches[first.voice] == 7
    assert desk.board.pitches[second.voice] == 0
    assert first.level_db == 0


def test_velocity_sets_the_level_as_much_as_asked(desk: Desk) -> None:
    desk.send("/note", 60, 64)
    desk.send("/note/velocity", 0.5)
    desk.send("/note", 61, 64)
    desk.send("/note/velocity", 0)
    desk.send("/note", 62, 1)
    full, half, none = (event.level_db for event in desk.player())
    assert full == pytest.approx(40 * math.log10(64 / 127))
    assert half == pytest.approx(full / 2) and none == 0


def test_a_note_of_velocity_0_is_let_go(desk: Desk) -> None:
    desk.send("/note", 60, 100)
    desk.send("/note", 64, 100)
    desk.send("/note", 60, 0)
    assert desk.kinds() == [(b.START, 0), (b.START, 1), (b.RELEASE, 0)]
    desk.send("/note", 60, 0)
    desk.send("/note", 99, 0)
    assert desk.kinds() == []


def test_the_same_key_again_lets_the_first_go(desk: Desk) -> None:
    desk.send("/note", 60, 100)
    desk.send("/note", 60, 100)
    assert desk.kinds() == [(b.START, 0), (b.RELEASE, 0), (b.START, 1)]


def test_notes_belong_to_those_who_played_them(desk: Desk) -> None:
    desk.send("/note", 60, 100, by=PHONE)
    desk.send("/note", 60, 100, by=PORT)
    assert desk.kinds() == [(b.START, 0), (b.START, 1)]
    desk.send("/note", 60, 0, by=PORT)
    assert desk.kinds() == [(b.RELEASE, 1)]
    desk.send("/note", 60, 0, by=Sender(PHONE.group, 9))  # from another port of the same host
    assert desk.kinds() == [(b.RELEASE, 0)]


def test_what_one_group_holds_is_let_go_together(desk: Desk) -> None:
    desk.send("/pad/2/touch", 1, by=PORT)
    for pitch in (60, 64, 67):
        desk.send("/note", pitch, 100, by=PORT)
    desk.send("/note", 72, 100, by=DAW)
    desk.player()
    desk.instrument.release(PORT.group)
    assert desk.kinds() == [(b.RELEASE, 0), (b.RELEASE, 1), (b.RELEASE, 2), (b.RELEASE, 3)]
    desk.instrument.release_all()
    assert desk.kinds() == [(b.RELEASE, 4)]


def test_notes_follow_the_pads_point_in_a_loop_and_keep_theirs_as_shots(desk: Desk) -> None:
    desk.send("/note", 60, 100)
    desk.send("/mode", "shot")
    desk.send("/note", 62, 100)
    desk.send("/pad/xy", 0.9, 0.1)
    np.testing.assert_array_equal(desk.board.points[0], [0.9, 0.1])
    np.testing.assert_array_equal(desk.board.points[1], [0.5, 0.5])
    assert desk.board.held[:2].tolist() == [1, 0]


@pytest.mark.parametrize("mode", MODES)
def test_a_note_plays_in_the_mode_of_its_time(desk: Desk, mode: str) -> None:
    desk.send("/mode", mode)
    desk.send("/note", 60, 100)
    (event,) = desk.player()
    assert event.mode == MODES.index(mode)
    assert desk.board.origin[event.voice] == (b.ORIGINAL if mode == "original" else b.POINT)


# -- sixteen voices --------------------------------------------------------------------------


def started(desk: Desk, pitch: int) -> int:
    desk.send("/note", pitch, 100)
    return next(event.voice for event in desk.player() if event.kind == b.START)


def test_free_voices_are_taken_first_then_the_oldest_let_go_then_the_oldest(desk: Desk) -> None:
    assert [started(desk, pitch) for pitch in range(VOICES)] == list(range(VOICES))
    desk.ended(5)  # a shot that has rung out, its key still down
    assert started(desk, 50) == 5
    desk.send("/note", 9, 0)
    desk.send("/note", 3, 0)
    desk.player()
    assert started(desk, 51) == 3  # older than 9, though let go later
    assert started(desk, 52) == 9
    assert started(desk, 53) == 0
    assert started(desk, 54) == 1


def test_a_seventeenth_note_takes_the_first_ones_voice(desk: Desk) -> None:
    voices = [started(desk, pitch) for pitch in range(17)]
    assert voices == [*range(16), 0]
    desk.send("/note", 0, 0)  # whose voice it no longer is
    assert desk.kinds() == []
    desk.send("/note", 16, 0)
    assert desk.kinds() == [(b.RELEASE, 0)]


def test_a_voice_just_asked_for_is_not_taken_for_free(desk: Desk) -> None:
    """The playing process has not answered yet: the board still says FREE."""
    for pitch in range(VOICES):
        desk.send("/note", pitch, 100)
    assert {event.voice for event in desk.player()} == set(range(VOICES))


def test_every_start_has_a_serial_of_its_own(desk: Desk) -> None:
    serials = []
    for pitch in range(40):
        desk.send("/note", pitch, 100)
        serials += [event.serial for event in desk.player() if event.kind == b.START]
    assert serials == sorted(set(serials)) and len(serials) == 40


def test_a_full_ring_does_not_stop_the_performer(desk: Desk) -> None:
    for k in range(2 * b.EVENTS):
        desk.send("/note", k % 128, 100)
    assert desk.board.event_head[0] - desk.board.event_tail[0] == b.EVENTS
    desk.send("/pad/xy", 0.1, 0.1)
    desk.player()
    desk.send("/panic")
    assert desk.player()[-1].kind == b.PANIC


# -- latents, weights, anchors ----------------------------------------------------------------


def test_a_whole_latent_passes_the_expander(desk: Desk) -> None:
    desk.send("/latent", 1, -2, 3.5, 9)
    assert desk.kinds() == [(b.START, 0)]
    assert desk.board.origin[0] == b.LATENT
    assert desk.board.latents[0, :DIM].tolist() == [1, -2, 3.5, 9]
    assert not desk.board.latents[0, DIM:LATENT_MAX].any()
    desk.send("/pad/xy", 0.5, 0.5)
    assert desk.board.origin[0] == b.POINT


def test_one_latent_carries_on_from_where_the_expander_led(desk: Desk) -> None:
    desk.send("/pad/xy", 0.5, 0.5)
    desk.board.sound_latent[0, 0, :DIM] = 4, 3, 2, 1
    desk.send("/latent/2", -7)
    assert desk.board.latents[0, :DIM].tolist() == [4, -7, 2, 1]
    desk.board.sound_latent[0, 0, :DIM] = 0
    desk.send("/latent/4", 5)
    assert desk.board.latents[0, :DIM].tolist() == [4, -7, 2, 5]


@pytest.mark.parametrize("value", [3.4e38, 1e308, -1e308, 10.0 + 1e-3])
def test_a_latent_out_of_reach_is_clamped_and_its_sender_is_told(desk: Desk, value: float) -> None:
    """Without a pack, within ten of the prior's deviations."""
    changes: list[tuple[str, Sequence[Argument], Sender]] = []
    desk.instrument.listeners.append(lambda *change: changes.append(change))
    held = math.copysign(10, value)
    desk.send("/latent/2", value)
    desk.send("/latent", 1, 2, value, 4)
    assert desk.board.latents[0, :DIM].tolist() == [1, 2, held, 4]
    latents = [(args, sender) for address, args, sender in changes if address == "/latent"]
    assert latents == [((0, held, 0, 0), NOBODY), ((1, 2, held, 4), NOBODY)]
    desk.send("/latent/2", 5)
    assert changes[-1] == ("/latent", (1, 5, held, 4), PHONE)


def test_a_weight_out_of_range_is_clamped_and_its_sender_gets_the_new_one(desk: Desk) -> None:
    changes: list[tuple[str, Sequence[Argument], Sender]] = []
    desk.instrument.listeners.append(lambda *change: changes.append(change))
    desk.send("/lattice/3", 1e300)
    assert np.abs(desk.board.lattice_weight).max() == 10
    assert changes[-1] == ("/lattice/3", (10,), NOBODY)


def test_a_note_of_the_least_velocity_there_is_starts_a_voice(desk: Desk) -> None:
    desk.send("/note", 60, 5e-324)
    assert desk.kinds() == [(b.START, 0)]


def test_weights_mix_anchors(desk: Desk) -> None:
    desk.send("/lattice/3", 0.5)
    desk.send("/lattice/7", -0.25)
    assert desk.board.origin[0] == b.LATTICE
    weights = dict(zip(desk.board.lattice_anchor, desk.board.lattice_weight, strict=True))
    assert weights[3] == 0.5 and weights[7] == -0.25
    desk.send("/lattice/3", 0)
    assert sorted(set(desk.board.lattice_anchor.tolist())) == [-1, 7]
    desk.send("/lattice/7", 1)
    assert (desk.board.lattice_anchor == 7).sum() == 1


def test_an_anchor_is_jumped_to_with_its_own_latent(desk: Desk) -> None:
    changes: list[tuple[str, Sequence[Argument], Sender]] = []
    desk.instrument.listeners.append(lambda *change: changes.append(change))
    desk.send("/anchor/6")
    assert desk.board.origin[0] == b.LATENT
    assert desk.board.latents[0, :DIM].tolist() == [6] * DIM
    assert [address for address, _, _ in changes if address == "/pad/1/xy"]


def test_an_anchor_is_jumped_to_as_a_recording_where_originals_play(desk: Desk) -> None:
    desk.send("/mode", "original")
    desk.send("/pad/touch", 1)
    desk.send("/anchor/6")
    assert desk.board.origin[0] == b.ORIGINAL


# -- panic, time, snapshots ------------------------------------------------------------------


def test_panic_lets_all_go_and_the_next_point_starts_anew(desk: Desk) -> None:
    desk.send("/pad/xy", 0.2, 0.2)
    desk.send("/note", 60, 100)
    desk.player()
    desk.send("/panic")
    assert desk.kinds() == [(b.RELEASE, 0), (b.RELEASE, 1), (b.PANIC, 0)]
    assert not desk.board.held.any()
    desk.send("/pad/xy", 0.2, 0.2)
    assert [kind for kind, _ in desk.kinds()] == [b.START]


def test_a_sender_that_falls_silent_lets_go(desk: Desk) -> None:
    desk.send("/note/timeout", 10)
    desk.send("/note", 60, 100, by=PHONE)
    desk.send("/pad/2/touch", 1, by=PHONE)
    desk.send("/note", 64, 100, by=DAW)
    desk.send("/note", 67, 100, by=PORT)  # a cable does not fall silent
    desk.player()
    desk.now += 9
    desk.send("/gain", -6, by=DAW)  # any word of it will do
    desk.instrument.tick()
    assert desk.kinds() == []
    desk.now += 2
    desk.instrument.tick()
    assert desk.kinds() == [(b.RELEASE, 0), (b.RELEASE, 1)]
    desk.now += 20
    desk.instrument.tick()
    assert desk.kinds() == [(b.RELEASE, 2)]


def test_a_timeout_of_0_waits_for_ever(desk: Desk) -> None:
    desk.send("/note/timeout", 0)
    desk.send("/note", 60, 100)
    desk.player()
    desk.now += 1e6
    desk.instrument.tick()
    assert desk.kinds() == []


def test_a_snapshot_brings_values_and_point_back(desk: Desk) -> None:
    desk.send("/gain", -20)
    desk.send("/expander", "mean")
    desk.send("/pad/xy", 0.1, 0.2)
    desk.send("/snapshot/3/store")
    desk.send("/gain", 0)
    desk.send("/expander", "local")
    desk.send("/pad/xy", 0.9, 0.9)
    desk.send("/snapshot/3/recall")
    assert desk.value("/gain") == (-20,) and desk.value("/expander") == (1,)
    np.testing.assert_allclose(desk.board.points[0], [0.1, 0.2])


def test_a_snapshot_glides_over_its_seconds_and_switches_at_the_end(desk: Desk) -> None:
    desk.send("/gain", -20)
    desk.send("/mode", "shot")
    desk.send("/snapshot/1/store")
    desk.send("/gain", 0)
    desk.send("/mode", "loop")
    desk.send("/snapshot/1/recall", 2)
    began = desk.now
    for seconds, gain in ((0.5, -5), (1.0, -10), (1.5, -15)):
        desk.now = began + seconds
        desk.instrument.tick()
        assert desk.value("/gain")[0] == pytest.approx(gain, abs=0.02)
        assert desk.value("/mode") == (0,)
    desk.now = began + 2.001
    desk.instrument.tick()
    assert desk.value("/gain") == (-20,) and desk.value("/mode") == (1,)
    desk.send("/gain", 3)
    desk.instrument.tick()
    assert desk.value("/gain") == (3,)  # the ramp is over


def test_a_glide_of_any_length_ends_and_lets_what_is_touched_go(desk: Desk) -> None:
    desk.send("/gain", -20)
    desk.send("/texture", 1)
    desk.send("/snapshot/1/store")
    desk.send("/gain", 0)
    desk.send("/texture", 0)
    desk.send("/snapshot/1/recall", 1e300)
    began = desk.now
    desk.send("/gain", -6)
    desk.instrument.tick()
    assert desk.value("/gain") == (-6,)
    desk.now = began + MAX_GLIDE_S / 2
    desk.instrument.tick()
    assert desk.value("/gain") == (-6,) and desk.value("/texture")[0] == pytest.approx(0.5)
    desk.now = began + MAX_GLIDE_S
    desk.instrument.tick()
    assert desk.value("/texture") == (1,)
    desk.send("/gain", 3)
    desk.send("/snapshot/1/recall")
    assert desk.value("/gain") == (-20,)  # what was stored is whole


def test_snapshots_are_kept_up_to_a_number_and_none_is_lost(desk: Desk) -> None:
    for n in range(MAX_SNAPSHOTS):
        desk.send(f"/snapshot/{n}/store")
    with pytest.raises(CommandError, match=f"{MAX_SNAPSHOTS} are kept already"):
        desk.send(f"/snapshot/{MAX_SNAPSHOTS}/store")
    desk.send("/snapshot/7/store")
    desk.send("/snapshot/0/recall")


def test_a_recalled_snapshot_makes_no_sound_by_itself(desk: Desk) -> None:
    desk.send("/snapshot/1/store")
    desk.instrument.apply("/pad/1/xy", (0.9, 0.9))
    desk.send("/snapshot/1/recall")
    assert desk.kinds() == []


# -- bundles, listeners, decoder -------------------------------------------------------------


def test_a_bundle_is_one_change_and_one_wake(desk: Desk) -> None:
    version = int(desk.board.version[0])
    refused = desk.instrument.apply_all(
        [("/gain", (-3,)), ("/elephant", ()), ("/pad/xy", (0.1, 0.1)), ("/pad/xy", (0.2, 0.2))],
        PHONE,
    )
    assert [str(error) for error in refused] == ["/elephant: there is no such address"]
    assert desk.value("/gain") == (-3,)
    np.testing.assert_array_equal(desk.board.points[0], [0.2, 0.2])
    assert desk.board.version[0] == version + 2 and desk.woken == 1


def test_commands_together_are_one_change_even_around_one_that_is_refused(desk: Desk) -> None:
    version = int(desk.board.version[0])
    with desk.instrument.together():
        desk.send("/gain", -3)
        with pytest.raises(CommandError):
            desk.send("/gain", "loud")
        desk.send("/pad/xy", 0.2, 0.2)
        assert desk.board.version[0] == version + 1 and desk.woken == 0
    assert desk.board.version[0] == version + 2 and desk.woken == 1


@pytest.mark.parametrize(
    ("address", "args", "asked"),
    [
        ("/gain", (-3.0,), "/gain"),
        ("/mode", ("shot",), "/mode"),
        ("/axes", (1, 0), "/axes"),
        ("/pad/xy", (0.25, 0.5), "/pad/1/xy"),
        ("/pad/3/xy", (0.25, 0.5), "/pad/3/xy"),
        ("/pad/3/level", (-6.0,), "/pad/3/level"),
        ("/pad/2/y", (0.25,), "/pad/2/y"),
        ("/latent", (0.1, 0.2, 0.3, 0.4), "/latent"),
        ("/latent/3", (0.5,), "/latent/3"),
        ("/lattice/3", (0.5,), "/lattice/3"),
    ],
)
def test_a_value_that_was_set_is_the_one_that_holds(
    desk: Desk, address: str, args: tuple[Argument, ...], asked: str
) -> None:
    desk.send(address, *args)
    assert desk.instrument.args_of(asked) == args


def test_what_has_no_value_holds_none(desk: Desk) -> None:
    for address in (
        "/panic", "/note", "/nowhere", "/pad/1/touch", "/pad/11/x", "/pad/0/xy", "/pad/x/y",
        "/latent", "/latent/1", "/anchor/1", "/lattice/" + "9" * 5000, "", "/",
    ):  # fmt: skip
        assert desk.instrument.args_of(address) == ()
    desk.send("/latent/1", 0.5)
    desk.send("/pad/xy", 0.1, 0.2)  # what the expander makes of it is another matter
    assert desk.instrument.args_of("/latent/1") == ()
    assert desk.instrument.args_of("/lattice/7") == (0.0,)
    assert desk.instrument.args_of("/latent/65") == desk.instrument.args_of("/latent/0") == ()


def test_listeners_hear_values_as_messages_with_their_sender(desk: Desk) -> None:
    changes: list[tuple[str, Sequence[Argument], Sender]] = []
    desk.instrument.listeners.append(lambda *change: changes.append(change))
    desk.send("/mode", 1)
    desk.send("/gain", 99)
    desk.send("/pad/xy", 0.25, 2)
    assert ("/mode", ("shot",), PHONE) in changes
    assert ("/gain", (12.0,), PHONE) in changes  # as it was clamped
    assert ("/pad/1/xy", (0.25, 1.0), PHONE) in changes


def test_taps_hear_what_was_carried_out_and_nothing_else(desk: Desk) -> None:
    heard: list[tuple[str, Sequence[Argument], Sender]] = []
    desk.instrument.taps.append(lambda *command: heard.append(command))
    desk.instrument.register("/record", lambda args, sender: None)
    desk.send("/pad/xy", 0.25, 2)
    desk.send("/record", 1)
    with pytest.raises(CommandError):
        desk.send("/gain", "loud")
    assert heard == [("/pad/xy", (0.25, 2), PHONE), ("/pad/1/touch", (1,), PHONE)]


@pytest.mark.parametrize(
    ("address", "argument"),
    [
        ("/plane", PLANES[0]),
        ("/expander", EXPANDERS[0]),
        ("/metric", METRICS[1]),
        ("/guard", 0),
        ("/focus", 3),
        ("/lattice/base", 3),
        ("/multilateration/scale", 2),
        ("/phase", PHASES[1]),
    ],
)
def test_what_shapes_the_latents_asks_for_every_held_sound_anew(
    desk: Desk, address: str, argument: Argument
) -> None:
    desk.send("/pad/xy", 0.1, 0.1)
    desk.send("/pad/2/touch", 1)
    before, woken = desk.board.requests.copy(), desk.woken
    desk.send(address, argument)
    assert (desk.board.requests - before)[:3].tolist() == [1, 1, 0]
    assert desk.woken == woken + 1


def test_what_only_changes_the_playing_wakes_nobody(desk: Desk) -> None:
    desk.send("/pad/xy", 0.1, 0.1)
    woken = desk.woken
    desk.send("/gain", -3)
    desk.send("/loop/speed", 2)
    desk.send("/pad/1/pitch", 2)
    assert desk.woken == woken
