"""One change has more events than the ring holds: no note hangs and no event is lost."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from latentpad.engine import board as b
from latentpad.engine.arguments import Argument
from latentpad.engine.parameters import VOICES
from tests.engine.test_restart import KEYS, Played

ON = [("/note", (k % 128, 127)) for k in range(2 * b.EVENTS)]
OFF = [("/note", (pitch, 0)) for pitch in range(128)]


@pytest.fixture(params=["loop", "shot"])
def played(request: pytest.FixtureRequest) -> Played:
    return Played(request.param)


def bundle(played: Played, commands: Sequence[tuple[str, Sequence[Argument]]]) -> None:
    assert not played.instrument.apply_all(commands, KEYS)


def heard(played: Played, seconds: float = 2.0) -> None:
    """The sound, and the ticks meanwhile."""
    for _ in range(4):
        played.heard(seconds / 4)
        played.instrument.tick()


def test_what_is_let_go_in_it_dies_away(played: Played) -> None:
    bundle(played, [*ON, *OFF])
    heard(played)
    assert not played.sounding and not played.held


def test_the_last_notes_sound_and_can_be_let_go(played: Played) -> None:
    bundle(played, ON)
    heard(played, 0.4)
    if played.held:
        assert played.sounding == played.held == set(range(VOICES))
    assert (played.board.voice_serial == played.board.starts).all()
    bundle(played, OFF)
    heard(played)
    assert not played.sounding


def test_a_panic_in_it_silences_what_came_before_and_not_what_comes_after(played: Played) -> None:
    bundle(played, [*ON, ("/panic", ()), ("/note", (60, 127))])
    played.heard(0.05)
    played.instrument.tick()
    played.heard(0.2)
    assert len(played.sounding) == 1


def test_what_waits_is_bounded_while_nobody_takes_it(played: Played) -> None:
    for _ in range(4):
        bundle(played, [*ON, *OFF, ("/panic", ())])
    assert len(played.instrument._voices._outbox._waiting) <= 2 * VOICES + 1
