"""Game pads: `latentpad play --controller gamepad`. Read by SDL (extra `gamepad`).

| control | does |
| --- | --- |
| left and right stick | fingers 1 and 2: off its centre a finger is down, at the stick's place |
| left and right shoulder | the finger stays down when its stick is let go; again: no longer |
| left trigger | fades the fingers, from 0 to -40 dB |
| four buttons | notes, of the velocity of the right trigger: shots, or loops while they are down |
| up and down | those notes an octave higher or lower |
| left and right | the previous and the next preset |
| back | silence (`/panic`) |

The second game pad has fingers 3 and 4, and so on. Any that SDL knows may come and go.
"""

from __future__ import annotations

import math
import threading
import warnings
from collections.abc import Callable
from typing import Any

from latentpad.controllers.controller import Connection
from latentpad.controllers.sender_threads import SenderThreads
from latentpad.engine import error_log
from latentpad.engine.control.instrument import Sender
from latentpad.engine.parameters import FINGERS
from latentpad.models import extras
from latentpad.models.text import printable

POLL_S = 0.004  # most game pads report every 4 to 8 ms
ALONE_S = 0.25  # the same while there is none
DOWN, UP = 0.2, 0.15  # deflections at which a finger comes down and goes up
FADE_DB = -40.0
PITCHES = (60, 64, 67, 72)  # of the buttons, in SDL's order: a, b, x, y
VELOCITY = (64, 127)  # with the right trigger at rest, and pulled
FULL = 32767

Point = tuple[float, float]


def point_of(x: float, y: float) -> Point:
    """The place on the pad of a stick at `x`, `y` (-1...1, y down): its circle becomes the
    square."""
    radius = min(math.hypot(x, y), 1.0)
    stretch = radius / max(abs(x), abs(y), 1e-9)
    return 0.5 + 0.5 * x * stretch, 0.5 - 0.5 * y * stretch


class GamePad:
    """What one game pad does, by the axes and buttons of SDL. The reading thread only."""

    def __init__(
        self, connection: Connection, threads: SenderThreads, slot: int, name: str
    ) -> None:
        self.fingers = (2 * slot + 1, 2 * slot + 2)
        self.slot = slot
        self.name = name
        self._sender = Sender(f"gamepad {slot + 1} {name}")
        self._connection, self._threads = connection, threads
        self._axes = [0.0] * 6  # left x, y, right x, y (-1...1), left and right trigger (0...1)
        self._places = [(0.0, 0.0)] * 2  # of the sticks, as they were last sent
        self._down, self._held = [False, False], [False, False]
        self._octave = 0
        self._notes: dict[int, int] = {}  # the pitches of the buttons that are down
        connection.instrument.expect_touches(self._sender, self.fingers)

    def axis(self, axis: int, value: int) -> None:
        """An axis has moved. Sticks are sent by `send`, when both of their axes are known."""
        before, self._axes[axis] = self._axes[axis], max(value / FULL, -1.0)
        if axis == 4 and self._axes[axis] != before:
            for n in self.fingers:
                self._apply(f"/pad/{n}/level", FADE_DB * self._axes[axis] + 0.0)  # not -0.0

    def send(self) -> None:
        """Send the sticks that have moved."""
        for stick, n in enumerate(self.fingers):
            place = self._axes[2 * stick], self._axes[2 * stick + 1]
            if place != self._places[stick]:
                self._places[stick] = place
                self._move(stick, n, place)

    def button(self, button: int, down: bool) -> None:
        """A button was pressed or released."""
        if button < len(PITCHES):
            self._note(button, down)
        elif down and button in _PRESSES:
            _PRESSES[button](self)

    def close(self) -> None:
        """Let go whatever it holds: it was unplugged."""
        self._connection.instrument.release(self._sender.group)

    def _move(self, stick: int, n: int, place: Point) -> None:
        deflection = math.hypot(*place)
        if deflection > DOWN or (self._down[stick] and deflection > UP):
            self._apply(f"/pad/{n}/xy", *point_of(*place))
            if not self._down[stick]:
                self._touch(stick, n, True)
        elif self._down[stick] and not self._held[stick]:
            self._touch(stick, n, False)

    def _touch(self, stick: int, n: int, down: bool) -> None:
        self._down[stick] = down
        self._apply(f"/pad/{n}/touch", int(down))

    def _hold(self, stick: int) -> None:
        self._held[stick] = not self._held[stick] and self._down[stick]
        if not self._held[stick]:
            self._move(stick, self.fingers[stick], self._places[stick])

    def _note(self, button: int, down: bool) -> None:
        if down:
            self._notes[button] = PITCHES[button] + 12 * self._octave
            soft, loud = VELOCITY
            self._apply("/note", self._notes[button], soft + (loud - soft) * self._axes[5])
        elif button in self._notes:
            self._apply("/note", self._notes.pop(button), 0)

    def _transpose(self, octaves: int) -> None:
        self._octave = min(max(self._octave + octaves, -3), 3)

    def _apply(self, address: str, *args: float) -> None:
        waits = self._connection.instrument.waits_for_disk(address)
        self._threads.do(
            self._sender.group,
            lambda: self._connection.apply(address, args, self._sender),
            waits=waits,
        )


_PRESSES: dict[int, Callable[[GamePad], None]] = {  # by SDL's numbers
    4: lambda pad: pad._apply("/panic"),
    9: lambda pad: pad._hold(0),
    10: lambda pad: pad._hold(1),
    11: lambda pad: pad._transpose(1),
    12: lambda pad: pad._transpose(-1),
    13: lambda pad: pad._apply("/preset/prev"),
    14: lambda pad: pad._apply("/preset/next"),
}


class GamePads:
    """All game pads that are plugged in, now or later. SDL has a thread of its own."""

    def __init__(self, sdl: Any) -> None:
        self._sdl = sdl
        self._stopping = threading.Event()
        self._threads = SenderThreads()
        self._pads: dict[int, tuple[GamePad, Any]] = {}  # with SDL's handle, by its number

    async def start(self, connection: Connection) -> None:
        """As `Controller.start`."""
        self._connection = connection
        threading.Thread(target=self._run, name="gamepad", daemon=True).start()

    async def stop(self) -> None:
        """As `Controller.stop`."""
        self._stopping.set()

    def _run(self) -> None:
        sdl = self._sdl
        # Of a program without a window, which handles its signals itself.
        sdl.SDL_SetHint(sdl.SDL_HINT_JOYSTICK_ALLOW_BACKGROUND_EVENTS, b"1")
        sdl.SDL_SetHint(sdl.SDL_HINT_NO_SIGNAL_HANDLERS, b"1")
        if sdl.SDL_Init(sdl.SDL_INIT_GAMECONTROLLER) != 0:
            self._connection.say(f"pad    no game pads: {sdl.SDL_GetError().decode()}")
            return
        event = sdl.SDL_Event()
        while not self._stopping.wait(POLL_S if self._pads else ALONE_S):
            with error_log.errors_reported():
                while sdl.SDL_PollEvent(event):
                    self._hear(event)
                for pad, _ in self._pads.values():
                    pad.send()
        sdl.SDL_QuitSubSystem(sdl.SDL_INIT_GAMECONTROLLER)

    def _hear(self, event: Any) -> None:
        sdl = self._sdl
        if event.type == sdl.SDL_CONTROLLERDEVICEADDED:
            self._add(event.cdevice.which)
        elif event.type == sdl.SDL_CONTROLLERDEVICEREMOVED:
            self._remove(event.cdevice.which)
        elif event.type == sdl.SDL_CONTROLLERAXISMOTION and event.caxis.which in self._pads:
            self._pads[event.caxis.which][0].axis(event.caxis.axis, event.caxis.value)
        elif event.type in (sdl.SDL_CONTROLLERBUTTONDOWN, sdl.SDL_CONTROLLERBUTTONUP):
            pressed = event.type == sdl.SDL_CONTROLLERBUTTONDOWN
            if event.cbutton.which in self._pads:
                self._pads[event.cbutton.which][0].button(event.cbutton.button, pressed)

    def _add(self, index: int) -> None:
        sdl = self._sdl
        number = sdl.SDL_JoystickGetDeviceInstanceID(index)
        free = {*range(FINGERS // 2)} - {pad.slot for pad, _ in self._pads.values()}
        if number in self._pads or not free:
            return
        handle = sdl.SDL_GameControllerOpen(index)
        if not handle:
            self._connection.say(f"pad    a game pad cannot be read: {sdl.SDL_GetError().decode()}")
            return
        name = printable((sdl.SDL_GameControllerName(handle) or b"game pad").decode(), 40)
        pad = GamePad(self._connection, self._threads, min(free), name)
        self._pads[number] = pad, handle
        one, other = pad.fingers
        self._connection.say(f"pad    {name} plays fingers {one} and {other}")

    def _remove(self, number: int) -> None:
        if number in self._pads:
            pad, handle = self._pads.pop(number)
            self._sdl.SDL_GameControllerClose(handle)
            pad.close()
            self._connection.say(f"pad    {pad.name} is gone")


def controller() -> GamePads:
    """The controller. Raises `ExtraError` if SDL is not installed."""
    extras.check("sdl2", "a game pad needs PySDL2")
    with warnings.catch_warnings():  # it tells which SDL it has found
        warnings.simplefilter("ignore")
        import sdl2
    return GamePads(sdl2)
