"""Game pads that SDL makes up: its virtual joysticks, read as any other."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest
import sdl2
from hypothesis import given
from hypothesis import strategies as st

from latentpad.controllers.controller import Connection, load
from latentpad.controllers.gamepad import FADE_DB, FULL, GamePads, point_of
from latentpad.controllers.osc.feedback import Feedback
from latentpad.controllers.outcomes import Outcomes
from latentpad.engine.arguments import Argument
from latentpad.engine.control.instrument import Sender
from latentpad.models import extras
from tests.controllers.hands import Played

LEFT_X, LEFT_Y, RIGHT_X, RIGHT_Y, LEFT_TRIGGER, RIGHT_TRIGGER = range(6)
A, B, BACK, HOLD, UP, PREVIOUS, NEXT = 0, 1, 4, 9, 11, 13, 14
DRIFT = 4000  # where a worn stick rests


class Virtual:
    """A virtual game pad. Triggers rest where those of real ones do."""

    def __init__(self) -> None:
        kind = sdl2.SDL_JOYSTICK_TYPE_GAMECONTROLLER
        index = sdl2.SDL_JoystickAttachVirtual(kind, 6, 21, 0)
        assert index >= 0, sdl2.SDL_GetError()
        self._joystick = sdl2.SDL_JoystickOpen(index)
        self.pull(LEFT_TRIGGER, 0.0)
        self.pull(RIGHT_TRIGGER, 0.0)

    def stick(self, x: float, y: float, first: int = LEFT_X) -> None:
        for axis, value in ((first, x), (first + 1, y)):
            sdl2.SDL_JoystickSetVirtualAxis(self._joystick, axis, round(value * FULL))

    def pull(self, axis: int, share: float) -> None:
        sdl2.SDL_JoystickSetVirtualAxis(self._joystick, axis, round((2 * share - 1) * FULL))

    async def press(self, button: int, down: bool = True) -> None:
        """Press it until that was read: all game pads are read at once."""
        sdl2.SDL_JoystickSetVirtualButton(self._joystick, button, int(down))
        end = time.monotonic() + 10
        while sdl2.SDL_JoystickGetButton(self._joystick, button) != int(down):
            assert time.monotonic() < end
            await asyncio.sleep(0.005)

    async def let_go(self, button: int) -> None:
        await self.press(button, False)

    def unplug(self) -> None:
        number = sdl2.SDL_JoystickInstanceID(self._joystick)
        sdl2.SDL_JoystickClose(self._joystick)
        for index in range(sdl2.SDL_NumJoysticks()):
            if sdl2.SDL_JoystickGetDeviceInstanceID(index) == number:
                sdl2.SDL_JoystickDetachVirtual(index)


class Stage:
    """An instrument that game pads play."""

    def __init__(self, mode: str = "loop") -> None:
        self.played = Played(mode)
        self.said: list[str] = []

    async def until(self, true: Callable[[], object]) -> None:
        end = time.monotonic() + 10
        while not true():
            assert time.monotonic() < end, (self.played.heard, self.said)
            await asyncio.sleep(0.005)

    async def plugged(self) -> Virtual:
        """One more game pad, when it plays."""
        count = len(self.said)
        pad = Virtual()
        await self.until(lambda: len(self.said) > count)
        return pad

    def run(self, play: Callable[[Stage], Awaitable[None]]) -> None:
        async def run() -> None:
            instrument = self.played.instrument
            outcomes = Outcomes(instrument)
            feedback = Feedback(instrument, outcomes=outcomes)
            pads = load("gamepad")
            assert isinstance(pads, GamePads)
            await pads.start(Connection(instrument, outcomes, feedback, self.said.append))
            await self.until(lambda: sdl2.SDL_WasInit(sdl2.SDL_INIT_GAMECONTROLLER))
            try:
                await play(self)
            finally:
                await pads.stop()
                await self.until(lambda: not sdl2.SDL_WasInit(sdl2.SDL_INIT_GAMECONTROLLER))
                feedback.close()

        asyncio.run(run())


def test_a_stick_off_its_centre_is_a_finger_that_is_down() -> None:
    async def play(stage: Stage) -> None:
        pad, played = await stage.plugged(), stage.played
        assert stage.said == ["pad    Virtual Controller plays fingers 1 and 2"]
        pad.stick(DRIFT / FULL, 0)
        pad.stick(0, -1.0, RIGHT_X)
        await stage.until(lambda: played.touched() == {2})
        assert played.instrument.args_of("/pad/2/xy") == pytest.approx((0.5, 1.0), abs=1e-3)
        pad.stick(-1.0, 0.0)
        await stage.until(lambda: played.touched() == {1, 2})
        assert played.point == pytest.approx((0.0, 0.5), abs=1e-3)
        pad.stick(DRIFT / FULL, 0)
        await stage.until(lambda: played.touched() == {2})
        assert played.point == pytest.approx((0.0, 0.5), abs=1e-3)  # where it went up
        pad.unplug()
        await stage.until(lambda: played.touched() == set())

    Stage().run(play)


def test_a_held_finger_stays_where_its_stick_was_let_go() -> None:
    async def play(stage: Stage) -> None:
        pad, played = await stage.plugged(), stage.played
        await pad.press(HOLD)  # of a finger that is up: nothing to hold
        await pad.let_go(HOLD)
        pad.stick(0.0, 1.0)
        await stage.until(lambda: played.touched() == {1})
        await pad.press(HOLD)
        await pad.let_go(HOLD)
        pad.stick(0.0, 0.0)
        pad.stick(0.0, -1.0, RIGHT_X)
        await stage.until(lambda: played.touched() == {1, 2})
        assert played.point == pytest.approx((0.5, 0.0), abs=1e-3)
        await pad.press(HOLD)
        await stage.until(lambda: played.touched() == {2})
        pad.unplug()
        await stage.until(lambda: "gone" in stage.said[-1])

    Stage().run(play)


def test_buttons_are_notes_and_triggers_their_velocity_and_the_fingers_level() -> None:
    async def play(stage: Stage) -> None:
        pad, played = await stage.plugged(), stage.played
        await pad.press(A)
        await stage.until(lambda: played.said("/note"))
        pad.pull(RIGHT_TRIGGER, 1.0)
        pad.pull(LEFT_TRIGGER, 1.0)
        await stage.until(lambda: played.said("/pad/2/level")[-1:] == [(FADE_DB,)])
        await pad.press(UP)
        await pad.press(B)
        await stage.until(lambda: len(played.said("/note")) == 2)
        await pad.let_go(A)
        await pad.let_go(B)
        await stage.until(lambda: len(played.said("/note")) == 4)
        assert played.said("/note") == [(60, 64), (76, 127), (60, 0), (76, 0)]
        pad.unplug()
        await stage.until(lambda: "gone" in stage.said[-1])

    Stage().run(play)


def test_buttons_change_the_preset_and_silence() -> None:
    async def play(stage: Stage) -> None:
        instrument = stage.played.instrument
        asked: list[str] = []

        def note(address: str) -> None:
            def handle(args: Sequence[Argument], sender: Sender) -> Iterator[None]:
                asked.append(address)
                yield from (None, None)

            instrument.register_stages(address, handle)

        note("/preset/next")
        note("/preset/prev")
        pad = await stage.plugged()
        await pad.press(A)
        await pad.press(NEXT)
        await pad.let_go(NEXT)
        await stage.until(lambda: asked == ["/preset/next"])
        await pad.press(PREVIOUS)
        await stage.until(lambda: asked == ["/preset/next", "/preset/prev"])
        await pad.press(BACK)
        await stage.until(lambda: stage.played.said("/panic"))
        pad.unplug()
        await stage.until(lambda: "gone" in stage.said[-1])

    Stage().run(play)


def test_a_game_pad_that_is_unplugged_lets_go_and_comes_back_with_its_fingers() -> None:
    async def play(stage: Stage) -> None:
        first, second = await stage.plugged(), await stage.plugged()
        second.stick(1.0, 0.0)
        first.stick(1.0, 0.0)
        await first.press(A)
        await stage.until(lambda: stage.played.touched() == {1, 3} and stage.played.said("/note"))
        first.unplug()
        await stage.until(lambda: stage.played.touched() == {3})
        assert (60, 0) in stage.played.said("/note")
        again = await stage.plugged()
        assert stage.said[-1] == "pad    Virtual Controller plays fingers 1 and 2"
        again.stick(0.0, 1.0)
        await stage.until(lambda: stage.played.touched() == {1, 3})
        for pad in (again, second):
            pad.unplug()
        await stage.until(lambda: stage.played.touched() == set())

    Stage().run(play)


def test_a_stick_that_moves_starts_no_shots() -> None:
    async def play(stage: Stage) -> None:
        pad, played = await stage.plugged(), stage.played
        for k in range(5):
            pad.stick(1.0 - 0.2 * k, 0.2 * k)
            await stage.until(lambda k=k: len(played.said("/pad/1/xy")) > k)  # type: ignore[misc]
        assert played.said("/pad/1/touch") == [(1,)]
        pad.unplug()
        await stage.until(lambda: "gone" in stage.said[-1])

    Stage("shot").run(play)


@given(st.floats(-1, 1), st.floats(-1, 1))
def test_the_sticks_circle_is_the_whole_pad(x: float, y: float) -> None:
    px, py = point_of(x, y)
    assert 0 <= px <= 1 and 0 <= py <= 1
    assert (px - 0.5) * x >= 0 and (py - 0.5) * y <= 0
    radius = max(abs(x), abs(y))
    if x * x + y * y >= 1:  # on the rim of the circle, or beyond
        assert max(abs(px - 0.5), abs(py - 0.5)) == pytest.approx(0.5)
    elif radius < 1e-3:
        assert (px, py) == pytest.approx((0.5, 0.5), abs=2e-3)


@contextmanager
def without_sdl(patch: pytest.MonkeyPatch) -> Iterator[None]:
    with patch.context() as context:
        context.setattr(extras, "installed", lambda package: package != "sdl2")
        yield


def test_without_sdl_the_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    with without_sdl(monkeypatch), pytest.raises(extras.ExtraError, match="gamepad"):
        load("gamepad")
