"""A state taken after any commands and rebuilt in another instrument gives the same sound from
then on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from latentpad.engine import board as b
from latentpad.engine.arguments import Argument, CommandError
from latentpad.engine.board import Board, Event
from latentpad.engine.control.instrument import NOBODY, Instrument, Sender
from latentpad.engine.control.state import NOTE_ROWS, InstrumentState, is_of_note
from latentpad.engine.offline import PLAYER, OfflineRenderer
from latentpad.engine.parameters import FINGER, GLOBAL, LATENT_MAX, MODES, VOICES, Parameter
from latentpad.models.packs.pack import Pack
from tests.engine.control.test_instrument import ANCHORS, DAW, DIM, PHONE, PORT, Desk

if TYPE_CHECKING:
    from latentpad.engine.decode.decoder import Decoder

LONG = settings.get_current_profile_name() == "long"

Step = tuple[Sender, str, tuple[Argument, ...]]
TICK, RELEASE = "tick", "release"  # what is no command: time, and a cable that is pulled

unit = st.sampled_from((0.0, 0.1, 0.3, 0.7, 1.0))
anchors = st.integers(0, 3)
SHAPED = ("levels", "pans", "pitches", "pressures")  # of each voice, on the board


def set_(row: Parameter) -> st.SearchStrategy[tuple[str, tuple[Argument, ...]]]:
    if row.address == "/plane":
        values: st.SearchStrategy[tuple[Argument, ...]] = st.just(("raw",))
    elif row.kind == "choice":
        values = st.tuples(st.sampled_from(row.choices))
    elif row.kind == "axis":
        values = st.sampled_from([(0, 1), (2, 1)])
    else:
        high = min(row.high, ANCHORS - 1)
        values = st.tuples(*(st.floats(row.low, high) for _ in row.default))
    return st.builds(lambda v, n: (row.address.format(n=n), v), values, st.integers(1, 3))


Command = tuple[str, tuple[Argument, ...]]
modes = st.sampled_from(("loop", "loop", "shot", "original")).map(lambda mode: ("/mode", (mode,)))
starts: st.SearchStrategy[Command] = st.one_of(
    st.builds(
        lambda n, down: (f"/pad/{n}/touch", (down,)),
        st.integers(1, 3),
        st.sampled_from((1, 1, 1, 0)),
    ),
    st.builds(lambda p, v: ("/note", (p, v)), st.floats(40, 80), st.sampled_from((1.5, 64, 99, 0))),
    st.builds(lambda p, v: ("/note", (p, v)), st.sampled_from((60, 61)), st.sampled_from((50, 99))),
)
shapes: st.SearchStrategy[Command] = st.one_of(
    st.builds(lambda p, x, y: (f"/note/{p}/xy", (x, y)), st.sampled_from((60, 61)), unit, unit),
    st.builds(
        lambda p, what, value: (f"/note/{p}/{what}", (value,)),
        st.sampled_from((60, 61)),
        st.sampled_from(("bend", "level", "pan", "pressure")),
        unit,
    ),
)
points: st.SearchStrategy[Command] = st.one_of(
    st.builds(lambda n, x, y: (f"/pad/{n}/xy", (x, y)), st.integers(1, 3), unit, unit),
    st.lists(st.floats(-2, 2), min_size=DIM, max_size=DIM).map(lambda z: ("/latent", tuple(z))),
    st.builds(lambda d, z: (f"/latent/{d}", (z,)), st.integers(1, DIM), st.floats(-2, 2)),
    st.builds(lambda k, a: (f"/lattice/{k}", (a,)), anchors, st.sampled_from((0, 0.3, 0.7, 1))),
    st.builds(lambda k: (f"/anchor/{k}", ()), anchors),
)
snapshots: st.SearchStrategy[Command] = st.one_of(
    st.builds(lambda k: (f"/snapshot/{k}/store", ()), st.integers(0, 1)),
    st.builds(lambda k, s: (f"/snapshot/{k}/recall", (s,)), st.integers(0, 1), unit),
)
rare = st.sampled_from([("/panic", ()), (RELEASE, ())])
ticks = st.builds(lambda seconds: (TICK, (seconds,)), unit)
rows = st.sampled_from((*GLOBAL, *FINGER)).flatmap(set_)
struck = st.sampled_from([row for row in GLOBAL if row.address in NOTE_ROWS]).flatmap(set_)
senders = st.sampled_from((PHONE, DAW, PORT, NOBODY))
played = st.lists(
    st.tuples(
        senders,
        st.one_of(
            modes,
            modes,
            starts,
            starts,
            shapes,
            shapes,
            points,
            points,
            snapshots,
            rows,
            struck,
            ticks,
            rare,
        ),
    ).map(lambda step: (step[0], *step[1])),
    min_size=5,
    max_size=40,
)


class Rebuilt:
    """An instrument, and a second one made from its state, which gets what a take would record."""

    def __init__(self) -> None:
        self.first, self.second = Desk(), Desk()
        self.first.board.sound_latent[:] = np.linspace(-1, 1, LATENT_MAX)
        self._taken: list[Step] = []
        self.first.instrument.taps.append(lambda *tapped: self._taken.append(_step(*tapped)))

    def play(self, steps: Sequence[Step]) -> None:
        """To the first alone."""
        for step in steps:
            play(self.first, step)
        self._taken.clear()

    def rebuild(self) -> InstrumentState:
        """All that nobody holds rings out; the second becomes what the first is."""
        board = self.first.board
        board.voice_state[board.held == 0] = b.FREE
        state = self.first.instrument.state()
        self.second.now = self.first.now
        self.second.instrument.expect_touches(PLAYER)
        commands = [(address, args, sender.group) for address, args, sender in state.commands()]
        for address, args, group in json.loads(json.dumps(commands)):
            replay(self.second, (Sender(group), address, args))
        return state

    def play_on(self, steps: Sequence[Step]) -> None:
        """To the first, and to the second what a take has of it."""
        for step in steps:
            play(self.first, step)
            self.second.now = self.first.now
            taken, self._taken[:] = self._taken.copy(), []
            for each in json.loads(json.dumps(taken)):
                (group, *_), address, args = each
                replay(self.second, (Sender(group), address, args))


def _step(address: str, args: Sequence[Argument], sender: Sender) -> Step:
    return sender, address, tuple(args)


def play(desk: Desk, step: Step) -> None:
    sender, address, args = step
    desk.now += 0.001
    try:
        if address == TICK:
            desk.now += float(args[0])
            desk.instrument.tick()
        elif address == RELEASE:
            desk.instrument.release(sender.group)
        else:
            desk.instrument.apply(address, args, sender)
    except CommandError as error:
        assert "nothing was stored" in str(error)
    desk.player()


def replay(desk: Desk, step: Step) -> None:
    """Apply the commands as a rendering does, with the senders of notes."""
    sender, address, args = step
    if not is_of_note(address) and sender != NOBODY:
        sender = PLAYER
    desk.instrument.apply(address, args, sender)
    desk.player()


def steering(instrument: Instrument) -> list[object]:
    """Everything on the board that affects the sound. Voices are compared by their holders, not
    numbers."""
    board, state = instrument.board, instrument.state()
    voices = {}
    for each in state.held:
        v = each.voice
        latent = board.latents[v, :DIM].tolist() if board.origin[v] == b.LATENT else None
        group = each.sender.group if each.address == "/note" else ""
        voices[each.address, each.args, group] = (
            [int(board.origin[v]), board.points[v].tolist(), latent, each.follows]
            + [float(getattr(board, name)[v]) for name in SHAPED]
            + [float(board.start_level[v]), each.settings, each.shaping]
        )
    weights = [
        (int(k), float(share))
        for k, share in zip(board.lattice_anchor, board.lattice_weight, strict=True)
        if k >= 0
    ]
    return [board.values.tolist(), dict(instrument.values()), state.pad, weights, voices]


def check(before: Sequence[Step], after: Sequence[Step] = ()) -> None:
    both = Rebuilt()
    both.play(before)
    state = both.rebuild()
    again = both.second.instrument.state()
    assert (again.values, again.pad, again.lattice_slots) == (
        state.values,
        state.pad,
        state.lattice_slots,
    )
    assert steering(both.second.instrument) == steering(both.first.instrument)
    assert both.second.instrument.started == len(state.held)
    both.play_on(after)
    assert steering(both.second.instrument) == steering(both.first.instrument)


@settings(max_examples=settings().max_examples if LONG else 200)
@given(played, played)
def test_any_state_can_be_taken_and_rebuilt_and_steers_the_same_from_then_on(
    before: list[Step], after: list[Step]
) -> None:
    check(before, after)


TOUCH, NOTE, POINT = ("/pad/1/touch", (1,)), ("/note", (64.25, 90)), ("/pad/1/xy", (0.3, 0.7))
LATENT = ("/latent", (0.5, -1.0, 0.25, 2.0))
LOOP, SHOT, ORIGINAL = (("/mode", (mode,)) for mode in MODES)
STATES: dict[str, list[Command]] = {
    "a latent": [LATENT, TOUCH],
    "a latent that does not hold": [LATENT, POINT],
    "weights": [("/lattice/3", (0.5,)), ("/lattice/1", (0.25,)), TOUCH],
    "weights that are not used": [("/lattice/3", (0.5,)), POINT],
    "weights that are all 0": [("/lattice/3", (0.5,)), ("/lattice/3", (0,))],
    "a free weight before others": [
        *((f"/lattice/{k}", (0.1 * k,)) for k in (1, 2, 3)),
        ("/lattice/1", (0,)),
    ],
    "an anchor": [("/anchor/4", ()), TOUCH],
    "an anchor of its own recording": [ORIGINAL, ("/anchor/4", ())],
    "a loop beside a mode that has changed": [TOUCH, NOTE, SHOT],
    "a latent that only the older loops have": [LATENT, TOUCH, SHOT, LOOP, NOTE],
    "a latent that is held, and another mode": [LATENT, TOUCH, ORIGINAL],
    "a latent that is held, and no longer holds": [LATENT, TOUCH, SHOT, LOOP],
    "a latent in another mode than the loops": [TOUCH, SHOT, LATENT],
    "weights that only the older loops have": [("/lattice/2", (0.5,)), NOTE, SHOT, LOOP, TOUCH],
    "loops that have become originals": [TOUCH, ORIGINAL, POINT, LOOP],
    "originals beside a loop": [TOUCH, ORIGINAL, POINT, LOOP, NOTE],
    "a finger that has become an original": [
        ("/pad/2/touch", (1,)),
        TOUCH,
        ORIGINAL,
        ("/pad/2/xy", (0.1, 0.9)),
        LOOP,
    ],
    "a note of other settings": [
        ("/note/track", (0,)),
        ("/note/velocity", (0.3,)),
        NOTE,
        ("/note/track", (1,)),
        ("/note/velocity", (0.0,)),
        ("/note", (50, 20)),
        ("/note/velocity", (0.9,)),
    ],
    "notes that are shaped": [
        NOTE,
        ("/note/64/xy", (0.2, 0.9)),
        ("/note/64/bend", (-1.5,)),
        ("/note/64/pressure", (0.4,)),
    ],
    "a note that has become an original": [
        NOTE,
        ORIGINAL,
        ("/note/64/xy", (0.2, 0.9)),
        LOOP,
    ],
    "fingers' rows": [
        ("/pad/2/touch", (1,)),
        ("/pad/2/level", (-6.5,)),
        ("/pad/2/pan", (0.5,)),
        ("/pad/2/pitch", (7,)),
    ],
    "a glide under way": [
        LATENT,
        ("/snapshot/1/store", ()),
        POINT,
        ("/pitch", (12,)),
        ("/snapshot/1/recall", (0.5,)),
    ],
}


@pytest.mark.parametrize("commands", STATES.values(), ids=STATES)
def test_nothing_that_steers_the_sound_is_lost(commands: list[Command]) -> None:
    later: list[Command] = [
        *((TICK, (0.2,)) for _ in range(3)),
        ("/lattice/7", (0.5,)),
        ("/latent/2", (0.125,)),
        NOTE,
        POINT,
    ]
    for k in range(len(later)):
        check(
            [(PHONE, *command) for command in commands], [(DAW, *command) for command in later[:k]]
        )


def test_more_notes_than_voices_are_taken_from_the_same_ones() -> None:
    notes = [(PORT, "/note", (30 + k, 100)) for k in range(VOICES + 4)]
    check(notes, [(PORT, "/note", (80 + k, 100)) for k in range(7)])


HOPS = 60


def begun_anew(pack: Pack, board: Board, state: InstrumentState, seed: int) -> OfflineRenderer:
    """A copy of the board with voices started again, without `InstrumentState.commands`."""
    renderer = OfflineRenderer(pack)
    other = renderer.board
    for name in ("values", "lattice_anchor", "lattice_weight"):
        getattr(other, name)[:] = getattr(board, name)
    for v, each in enumerate(state.held):
        for name in ("points", "latents", "origin", "start_level", *SHAPED):
            getattr(other, name)[v] = getattr(board, name)[each.voice]
        other.held[v] = other.requests[v] = 1
        other.starts[v] = serial = seed + 1 + v
        strength = float(board.start_level[each.voice])
        assert other.send(Event(b.START, v, MODES.index("loop"), 1, strength, serial))
    return renderer


def heard(renderer: OfflineRenderer) -> np.ndarray:
    renderer.voices.settle()
    return np.concatenate([renderer.hop() for _ in range(HOPS)])


few = st.lists(
    st.tuples(senders, st.one_of(modes, starts, starts, shapes, points, points, snapshots, struck)),
    min_size=3,
    max_size=12,
)


@settings(
    max_examples=settings().max_examples if LONG else 8,
    suppress_health_check=list(HealthCheck),
)
@given(few)
def test_a_rebuilt_state_renders_the_same_samples(
    footsteps: Pack, decoder: Decoder, played: list[tuple[Sender, Command]]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "latentpad.engine.decode.decoder.fastest_decoder", lambda pack: (decoder, 1.0)
        )
        first = OfflineRenderer(footsteps)
        for sender, (address, args) in [*played, (PHONE, ("/texture", (0.3,)))]:
            with suppress(CommandError):
                first.instrument.apply(address, args, sender)
            first.hop()
        state = first.instrument.state()
        seed = first.instrument.started - len(state.held)
        rebuilt = OfflineRenderer(footsteps, seed=seed)
        for command in state.commands():
            rebuilt.instrument.apply(*command)
        expected = heard(begun_anew(footsteps, first.board, state, seed))
        np.testing.assert_array_equal(heard(rebuilt), expected)
        assert not state.held or np.abs(expected).max() > 0
