from __future__ import annotations

import itertools

import pytest

from latentpad.controllers.demo import RHYTHM_S, STEP_S, Demo
from latentpad.engine.arguments import Argument
from latentpad.engine.control.instrument import NOBODY, Sender
from tests.controllers.hands import OTHER, Played

Command = tuple[str, tuple[Argument, ...]]

MOVES: list[Command] = [
    ("/pad/xy", (0.1, 0.2)), ("/pad/x", (0.1,)), ("/pad/1/xy", (0.1, 0.2)), ("/pad/1/y", (0.2,)),
    ("/latent", (0.0,) * 4), ("/latent/2", (0.5,)), ("/anchor/3", ()),
]  # fmt: skip
OTHERS: list[Command] = [
    ("/note", (60, 100)), ("/pad/2/xy", (0.1, 0.2)), ("/pad/10/xy", (0.1, 0.2)),
    ("/pad/2/touch", (1,)), ("/pad/1/touch", (0,)), ("/pad/touch", (0,)), ("/panic", ()),
]  # fmt: skip


class Shown(Played):
    """With a demo that has begun."""

    def __init__(self, mode: str = "loop") -> None:
        super().__init__(mode)
        self.demo = Demo(self.instrument)
        self.go(1.0)

    def go(self, seconds: float) -> None:
        for _ in range(round(seconds / STEP_S)):
            self.now += STEP_S
            self.demo.step(STEP_S)

    def voices(self) -> int:
        """How many are held by the fingers."""
        return len(self.touched())


def test_a_loop_starts_once_and_is_moved_slowly_over_the_plane() -> None:
    shown = Shown()
    shown.go(60.0)
    assert shown.heard[0] == ("demo", "/pad/1/touch", (1,))
    assert shown.said("/pad/1/touch") == [(1,)]
    points = [(float(x), float(y)) for x, y in shown.said("/pad/1/xy")]
    for axis in (0, 1):
        positions = [point[axis] for point in points]
        assert min(positions) < 0.15 and max(positions) > 0.85
        steps = [abs(b - a) for a, b in itertools.pairwise(positions)]
        assert max(steps) < 0.01


def test_shots_are_tapped_in_a_rhythm_and_none_is_held() -> None:
    shown = Shown("shot")
    shown.go(20.0)
    taps = shown.said("/pad/1/touch")
    assert taps == [(1,), (0,)] * (len(taps) // 2)
    assert len(taps) // 2 == pytest.approx(21.0 / (sum(RHYTHM_S) / len(RHYTHM_S)), abs=4)
    assert shown.voices() == 0
    assert len(set(shown.said("/pad/1/xy"))) == len(taps) // 2


@pytest.mark.parametrize(("address", "args"), MOVES + OTHERS, ids=lambda v: str(v))
def test_a_gesture_of_anybody_else_ends_it_for_good(
    address: str, args: tuple[Argument, ...]
) -> None:
    shown = Shown()
    shown.instrument.apply(address, args, OTHER)
    at = len(shown.heard)
    shown.go(5.0)
    assert shown.demo.over and len(shown.heard) == at


@pytest.mark.parametrize(("address", "args"), MOVES, ids=lambda v: str(v))
def test_who_moves_the_point_has_its_voice(address: str, args: tuple[Argument, ...]) -> None:
    shown = Shown()
    held = list(shown.instrument._voices.held_voices())
    shown.instrument.apply(address, args, OTHER)
    assert list(shown.instrument._voices.held_voices()) == held  # the same voice: nothing can click
    assert shown.said("/pad/1/touch") == [(1,)]


@pytest.mark.parametrize(("address", "args"), OTHERS, ids=lambda v: str(v))
def test_another_gesture_lets_its_voice_go(address: str, args: tuple[Argument, ...]) -> None:
    shown = Shown()
    shown.instrument.apply(address, args, OTHER)
    assert 1 not in shown.touched()


def test_a_touch_of_its_finger_is_the_others_from_then_on() -> None:
    shown = Shown()
    shown.instrument.apply("/pad/1/touch", (1,), OTHER)
    assert shown.touched() == {1}
    assert shown.said("/pad/1/touch") == [(1,), (1,)]


def test_keys_and_midi_end_it_too() -> None:
    for sender in (Sender("keys"), Sender("midi keyboard 1")):
        shown = Shown()
        shown.instrument.apply("/pad/x", (0.3,), sender)
        assert shown.demo.over


def test_controls_and_presets_leave_it_playing() -> None:
    shown = Shown()
    shown.instrument.apply("/texture", (0.5,), OTHER)
    shown.instrument.apply("/gain", (-20,), OTHER)
    shown.instrument.apply_all([("/mode", ("loop",)), ("/pad/1/xy", (0.5, 0.5))], NOBODY)
    assert not shown.demo.over and shown.voices() == 1


def test_a_preset_of_shots_lets_its_loop_go_and_one_of_loops_starts_it_again() -> None:
    shown = Shown()
    shown.instrument.apply("/mode", ("shot",), OTHER)
    shown.go(2.0)
    assert shown.voices() == 0 and len(shown.said("/pad/1/touch")) > 4
    shown.instrument.apply("/mode", ("loop",), OTHER)
    shown.go(2.0)
    assert shown.voices() == 1 and not shown.demo.over


def test_its_gestures_can_be_recorded_as_anybodys() -> None:
    shown = Shown()
    assert {group for group, *_ in shown.heard} == {"demo"}
    assert len(shown.said("/pad/1/xy")) >= 29
