"""What the terminal says of refused commands, and of those that a person gave by hand.

Refusals are told at most one a second, whatever comes: an address that there is not once, another
command again when it is refused for another reason, or after a rest. What comes together is told
in the following seconds; of what is more than that only the number is told.
"""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from difflib import get_close_matches
from typing import NamedTuple

from latentpad.controllers.osc.packet import OscArgument
from latentpad.controllers.outcomes import Outcome, OutcomeKind, Outcomes
from latentpad.engine.control.instrument import Sender
from latentpad.engine.rate_limit import RateLimit
from latentpad.models.text import printable

INTERVAL_S = 1.0  # between two lines about refusals
AGAIN_S = 30.0  # so long a command must not have been refused, to be told of again
WAITING = 32  # refusals that are told of in the seconds after
KNOWN = 1000  # refusals that were told of are remembered
NOTES, NOTE_S = 8, 1.0  # lines about what was done by hand: at once, and then one each
MOST_ADDRESS = 100  # characters that tell one refusal from another
MOST_SHOWN = 120  # characters of a command
MOST_ARGS = 16  # of its arguments
MOST_TEXT = 40  # characters of one of them
MOST_BYTES = 16  # of what is no command
MOST_REASON = 1000
NEAR = 0.7  # how alike an address must be to be meant

_FOR_GOOD = (OutcomeKind.UNKNOWN, OutcomeKind.IDLE)  # told of once
_NO_NUMBERS = {ord(c): None for c in "0123456789.-+e"}  # 1e-05 has an e


class _Line(NamedTuple):
    kind: OutcomeKind
    address: str
    numbers: int  # how many were sent
    came: str
    whom: str
    reason: str

    def text(self, known: Callable[[], Sequence[str]]) -> str:
        word = {OutcomeKind.CLAMPED: "clamped", OutcomeKind.IDLE: "note   "}.get(
            self.kind, "refused"
        )
        reason = self.reason
        if self.kind is OutcomeKind.UNKNOWN:
            reason += f"; {hint(self.address, self.numbers, known())}"
        return f"{word} {self.came} from {self.whom}: {printable(reason, MOST_REASON)}"


class Refusals:
    """Listens to `outcomes` and gives lines to `say`, which must not wait. Make it on the event
    loop's thread; any thread may call."""

    def __init__(
        self,
        outcomes: Outcomes,
        say: Callable[[str], None],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._say = say
        self._clock = clock
        self._known = outcomes.instrument.addresses
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._waiting: deque[_Line] = deque()
        self._more = 0  # refused while as many as may were waiting
        self._told: dict[Hashable, float] = {}  # when each last came
        self._late: str | None = None  # the newest note, of too many
        self._allowed = RateLimit(NOTES, NOTE_S, clock)
        self._scheduled = False
        self._said = -INTERVAL_S
        outcomes.listeners.append(self._hear)

    def note(self, line: str) -> None:
        """Tell what somebody has done by hand. Of many within moments, the first and the last."""
        with self._lock:
            if not self._allowed.take():
                self._late = line
                self._wake()
                return
        self._say(line)

    def _hear(self, outcome: Outcome) -> None:
        if outcome.kind is OutcomeKind.OVERSHOT:
            return
        key, now = _key(outcome), self._clock()
        with self._lock:
            last = self._told.get(key)
            if last is not None and (outcome.kind in _FOR_GOOD or now - last < AGAIN_S):
                self._told[key] = now
                return
            if self._more or len(self._waiting) >= WAITING:
                self._more += 1
                return
            if len(self._told) >= KNOWN:
                del self._told[next(iter(self._told))]
            self._told[key] = now
            self._waiting.append(
                _Line(
                    outcome.kind,
                    outcome.address[:MOST_ADDRESS],
                    numbers(outcome.args),
                    command(outcome),
                    whom(outcome.sender),
                    outcome.reason,
                )
            )
            self._wake()

    def _wake(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            with suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._schedule)

    def _schedule(self) -> None:
        self._loop.call_later(self._said + INTERVAL_S - self._loop.time(), self._tell)

    def _tell(self) -> None:
        self._said = self._loop.time()
        late: str | None = None
        line: _Line | None = None
        more = 0
        with self._lock:
            if self._late is not None and self._allowed.take():
                late, self._late = self._late, None
            if self._waiting:
                line = self._waiting.popleft()
            else:
                more, self._more = self._more, 0
            goes_on = bool(self._waiting or self._more or self._late is not None)
            self._scheduled = goes_on
        if late is not None:
            self._say(late)
        if line is not None:
            self._say(line.text(self._known))
        elif more:
            self._say(f"refused {more} more within moments (`/monitor 1` sends you all)")
        if goes_on:
            self._loop.call_later(INTERVAL_S, self._tell)


def _key(outcome: Outcome) -> Hashable:
    """What tells one refusal from another: not the numbers, of which a fader sends many."""
    address = outcome.address[:MOST_ADDRESS]
    if outcome.kind in _FOR_GOOD:
        return outcome.kind, address
    reason = outcome.reason[:MOST_SHOWN].translate(_NO_NUMBERS)
    return outcome.kind, address or outcome.sender.group, reason


def numbers(args: Sequence[OscArgument]) -> int:
    """How many of the arguments are numbers."""
    return sum(isinstance(argument, float | int) for argument in args)


def hint(address: str, numbers: int, known: Sequence[str]) -> str:
    """What may have been meant by an address that there is not; else what a control that gives
    so many numbers may send."""
    by_name = {name.lower(): name for name in known}
    for asked in (address.lower(), re.sub(r"\d+", "*", address.lower())):
        if near := get_close_matches(asked, by_name, 1, NEAR):
            return f"did you mean {by_name[near[0]]}?"
    suits = {1: "a fader may send /texture", 2: "a pad may send /pad/xy"}.get(numbers, "")
    return f"{suits}{suits and ', '}docs/parameters.md lists all"


def command(outcome: Outcome) -> str:
    """What came, short enough for a line, without what would steer a terminal."""
    if outcome.kind is OutcomeKind.MALFORMED:
        for data in outcome.args:
            if isinstance(data, bytes):
                return f"{len(data)} bytes, {data[:MOST_BYTES]!r}"
        return "a part of a bundle"
    words = [outcome.address[:MOST_ADDRESS], *map(_shown, outcome.args[:MOST_ARGS])]
    return printable(" ".join(words), MOST_SHOWN)


def _shown(argument: OscArgument) -> str:
    if isinstance(argument, bytes):
        return f"<{len(argument)} bytes>"
    if isinstance(argument, str):
        return repr(printable(argument, MOST_TEXT))
    return f"{argument:g}" if isinstance(argument, float) else str(argument)


def whom(sender: Sender) -> str:
    """Who sent it, for a person to read."""
    kind, _, name = sender.group.partition(" ")
    if kind == "midi":
        port, _, channel = name.rpartition(" ")
        return f"MIDI {port} channel {channel}"
    return printable(name or kind, MOST_SHOWN)
