"""The actions of the terminal's keys: a pad, a row of notes, and presets."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

from latentpad.controllers.finger import Finger, Point
from latentpad.controllers.keyboard.terminal import CHECK_S, Keyboard
from latentpad.engine import error_log
from latentpad.engine.arguments import CommandError
from latentpad.engine.control.instrument import Instrument, Sender
from latentpad.engine.rate_limit import RateLimit
from latentpad.presets.names import listed

SENDER = Sender("keys")
STEP, FAR = 0.02, 5  # pad widths of an arrow, and how many of them with Shift
GLIDE_S = 0.04  # in which the point goes most of a step
TICK_S = 1 / 60
DRAG_S = 0.15  # between two shots of an arrow that is held
REST_S = 0.4  # without a move, after which the position is printed
REPEAT_S = 0.1  # a key that comes again within this time is held
NOTE_S = 0.6  # length of a note: a terminal does not report the release of a key
VELOCITY = 100
NOTES = "awsedftgyhujk"  # as the white and black keys of a piano lie
LOWEST, MIDDLE, HIGHEST = 24, 60, 96  # MIDI pitches of the row's first key
PANIC = "backspace"
AT_ONCE = 24  # keys in one read: more is a paste
BURST, EACH_S = 60, 1 / 60  # keys in a burst, and then one per EACH_S
LINE_S = 2.0  # between two lines about keys that do nothing

ARROWS = {"up": (0, 1), "down": (0, -1), "left": (-1, 0), "right": (1, 0)}
SHORT = "arrows move the point, space starts and stops, a to k are notes, 0-9 presets, ? all keys"


class Keys:
    """The keys as a sender of commands. One thread.

    `names` gives the presets, `preset` is the name of the first one; `say` is called with a line
    for the performer.
    """

    def __init__(
        self,
        instrument: Instrument,
        names: Callable[[], Sequence[str]],
        preset: str,
        say: Callable[[str], None],
    ) -> None:
        self._instrument = instrument
        self._finger = Finger(instrument, SENDER)
        self._names = names
        self._say = say
        self._clock = clock = instrument.clock
        self._rate_limit = RateLimit(BURST, EACH_S, clock)
        self._floods, self._unknown = (RateLimit(1, LINE_S, clock) for _ in range(2))  # of lines
        presets = list(names())
        self._number = presets.index(preset) if preset in presets else -1
        self._last, self._last_s = "", -math.inf  # the last key, and its time
        self._target: Point | None = None  # the end of a glide
        self._glided = 0.0
        self._shot_s, self._due = -math.inf, False  # the arrows' last shot; whether one is due
        self._rests: float | None = None  # when the position is to be printed
        self._notes: dict[int, float] = {}  # pitches, and when they are released
        self._base = MIDDLE

    def run(self, keyboard: Keyboard) -> None:
        """Play until the keyboard is closed."""
        while (pressed := keyboard.read(TICK_S if self.busy else CHECK_S)) is not None:
            self.hear(pressed)
            self.step()

    def hear(self, pressed: Sequence[str]) -> None:
        """Handle the keys of one read. If they are too many, only the key that silences works."""
        taken = len(pressed) if len(pressed) <= AT_ONCE else 0
        for key in pressed[:taken]:
            if self._rate_limit.take():
                self.press(key)
            else:
                taken = 0
        if taken < len(pressed):
            if PANIC in pressed:
                self.press(PANIC)
            if self._floods.take():
                self._say("keys   more came at once than anybody plays: not taken")

    def press(self, key: str) -> None:
        """Handle one key. Its effect is printed, or the reason why it had none."""
        now = self._clock()
        key = key.lower() if len(key) == 1 else key
        again = key == self._last and now - self._last_s < REPEAT_S
        self._last, self._last_s = key, now
        name = key.removeprefix("far-")
        try:
            if name in ARROWS:
                self._move(ARROWS[name], STEP if name == key else STEP * FAR)
            elif len(key) == 1 and key in NOTES:
                self._note(self._base + NOTES.index(key), again)
            elif not again:
                self._act(key)
        except CommandError as error:
            self._say(f"keys   {error}")
        except Exception as error:  # a fault behind one key must not silence the others
            error_log.report(error)

    @property
    def busy(self) -> bool:
        """Whether `step` must be called often."""
        return self._due or self._rests is not None or bool(self._notes)

    def step(self) -> None:
        """Advance glides, shots and notes. Call it some 60 times a second while `busy`."""
        now = self._clock()
        if self._target is not None:
            self._glide(now)
        if self._due and now - self._shot_s >= DRAG_S:
            self._shot_s, self._due = now, False
            self._finger.touch()
        for pitch in [pitch for pitch, end in self._notes.items() if now >= end]:
            del self._notes[pitch]
            self._instrument.apply("/note", (pitch, 0), SENDER)
        if self._rests is not None and now >= self._rests and self._target is None:
            self._rests = None
            x, y = self._finger.point
            self._say(f"point  {x:.2f} {y:.2f}")

    def _act(self, key: str) -> None:
        if key == " ":
            self._touch()
        elif key.isdecimal() and key.isascii():
            self._preset(int(key))
        elif key in ("n", "p"):
            self._preset((self._number + (1 if key == "n" else -1)) % len(self._names()))
        elif key in ("z", "x"):
            base = self._base + (12 if key == "x" else -12)
            self._base = min(max(base, LOWEST), HIGHEST)
            self._say(f"notes  from C{self._base // 12 - 1} (MIDI {self._base})")
        elif key == PANIC:
            self._target, self._rests, self._due, self._notes = None, None, False, {}
            self._instrument.apply("/panic", (), SENDER)
            self._say("panic  silence")
        elif key == "?":
            for line in keys(self._names()):
                self._say(line)
        elif self._unknown.take():
            self._say(f"keys   {key} does nothing; ? shows what there is")

    def _touch(self) -> None:
        if not self._finger.loops:
            self._finger.touch()
        elif self._finger.down:
            self._target = None
            self._finger.lift()
            self._say("touch  let go")
        else:
            self._finger.touch()
            self._say("touch  starts")

    def _preset(self, number: int) -> None:
        self._number = number  # also if it is refused: n and p count from it
        self._instrument.apply("/preset", (number,), SENDER)  # prints what it has loaded

    def _note(self, pitch: int, again: bool) -> None:
        if not again:
            self._instrument.apply("/note", (pitch, VELOCITY), SENDER)
        self._notes[pitch] = self._clock() + NOTE_S

    # -- the point ---------------------------------------------------------------------------

    def _move(self, direction: tuple[int, int], step: float) -> None:
        now = self._clock()
        x, y = self._target or self._finger.point
        point = _within(x + step * direction[0]), _within(y + step * direction[1])
        self._rests = now + REST_S
        if self._finger.loops:
            if not self._finger.down:
                self._finger.touch()
            self._glided = now if self._target is None else self._glided
            self._target = point
        elif now - self._shot_s >= DRAG_S:
            self._finger.tap(point)
            self._target, self._shot_s, self._due = None, now, False
        else:
            self._finger.move(point)
            self._target, self._due = None, True

    def _glide(self, now: float) -> None:
        assert self._target is not None
        share = 1 - math.exp(-max(now - self._glided, TICK_S) / GLIDE_S)
        self._glided = now
        start, target = self._finger.point, self._target
        x, y = (a + share * (b - a) for a, b in zip(start, target, strict=True))
        if max(abs(x - target[0]), abs(y - target[1])) < STEP / 20:
            (x, y), self._target = target, None
        self._finger.move((x, y))


def _within(value: float) -> float:
    return min(max(value, 0.0), 1.0)


def keys(presets: Sequence[str]) -> Iterator[str]:
    """All keys, in lines for a person."""
    yield f"keys   arrows move the point and play it; with Shift or Ctrl {FAR} times as far"
    yield "       space starts the sound and lets it go; where a touch is a shot, it plays one"
    yield f"       {' '.join(NOTES)} are notes as the keys of a piano lie; z and x: an octave"
    yield "       0-9 are presets, n the next one, p the one before; backspace is silence"
    yield f"       presets: {listed(presets)}"
