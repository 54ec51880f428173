"""The terminal's lines about refused commands, and about those that a person gave by hand.

At most one refusal a second is printed. An unknown address is printed once; another command again
when it is refused for another reason, or after a pause. Refusals that come together are printed in
the following seconds; of those beyond that only the number is printed.
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
AGAIN_S = 30.0  # a command is printed again after so long without a refusal
WAITING = 32  # refusals that wait to be printed
KNOWN = 1000  # printed refusals that are remembered
NOTES, NOTE_S = 8, 1.0  # notes in a burst, and then one per NOTE_S
MOST_ADDRESS = 100  # characters of an address that are compared
MOST_SHOWN = 120  # characters of a command
MOST_ARGS = 16  # of its arguments
MOST_TEXT = 40  # characters of one of them
MOST_BYTES = 16  # of a malformed packet
MOST_REASON = 1000
NEAR = 0.7  # the least similarity (difflib) of an address that is suggested

_ONCE = (OutcomeKind.UNKNOWN, OutcomeKind.UNBOUND, OutcomeKind.IDLE)  # printed once
_WORDS = {
    OutcomeKind.CLAMPED: "clamped",
    OutcomeKind.IDLE: "note   ",
    OutcomeKind.UNBOUND: "heard  ",
}
_NO_NUMBERS = {ord(c): None for c in "0123456789.-+e"}  # 1e-05 has an e


class _Refusal(NamedTuple):
    kind: OutcomeKind
    address: str
    numbers: int  # how many were sent
    command_text: str
    sender_name: str
    reason: str

    def text(self, known: Callable[[], Sequence[str]]) -> str:
        word = _WORDS.get(self.kind, "refused")
        reason = self.reason
        if self.kind is OutcomeKind.UNKNOWN:
            reason += f"; {hint(self.address, self.numbers, known())}"
        is_named = self.kind is OutcomeKind.UNBOUND  # a MIDI control's name has its port
        sender = "" if is_named else f" from {self.sender_name}"
        return f"{word} {self.command_text}{sender}: {printable(reason, MOST_REASON)}"


class Refusals:
    """Listens to `outcomes` and passes lines to `say`, which must not wait.

    Make it on the event loop's thread; any thread may call.
    """

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
        self._waiting: deque[_Refusal] = deque()
        self._more = 0  # refusals that came while `WAITING` were waiting
        self._reported: dict[Hashable, float] = {}  # when each was last refused
        self._late_note: str | None = None  # the newest of too many notes
        self._rate_limit = RateLimit(NOTES, NOTE_S, clock)
        self._scheduled = False
        self._last_line_s = -INTERVAL_S
        outcomes.listeners.append(self._hear)

    def note(self, line: str) -> None:
        """Print a note about something done by hand. Of many in a burst, the first and the last."""
        with self._lock:
            if not self._rate_limit.take():
                self._late_note = line
                self._wake()
                return
        self._say(line)

    def _hear(self, outcome: Outcome) -> None:
        if outcome.kind is OutcomeKind.OVERSHOT:
            return
        key, now = _key(outcome), self._clock()
        with self._lock:
            last = self._reported.get(key)
            if last is not None and (outcome.kind in _ONCE or now - last < AGAIN_S):
                self._reported[key] = now
                return
            if self._more or len(self._waiting) >= WAITING:
                self._more += 1
                return
            if len(self._reported) >= KNOWN:
                del self._reported[next(iter(self._reported))]
            self._reported[key] = now
            self._waiting.append(
                _Refusal(
                    outcome.kind,
                    outcome.address[:MOST_ADDRESS],
                    numbers(outcome.args),
                    command(outcome),
                    sender_name(outcome.sender),
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
        self._loop.call_later(self._last_line_s + INTERVAL_S - self._loop.time(), self._print_next)

    def _print_next(self) -> None:
        self._last_line_s = self._loop.time()
        late_note: str | None = None
        line: _Refusal | None = None
        more = 0
        with self._lock:
            if self._late_note is not None and self._rate_limit.take():
                late_note, self._late_note = self._late_note, None
            if self._waiting:
                line = self._waiting.popleft()
            else:
                more, self._more = self._more, 0
            again = bool(self._waiting or self._more or self._late_note is not None)
            self._scheduled = again
        if late_note is not None:
            self._say(late_note)
        if line is not None:
            self._say(line.text(self._known))
        elif more:
            self._say(f"refused {more} more within moments (`/monitor 1` sends you all)")
        if again:
            self._loop.call_later(INTERVAL_S, self._print_next)


def _key(outcome: Outcome) -> Hashable:
    """What distinguishes refusals. Not the numbers, of which a fader sends many."""
    address = outcome.address[:MOST_ADDRESS]
    if outcome.kind in _ONCE:
        return outcome.kind, address
    reason = outcome.reason[:MOST_SHOWN].translate(_NO_NUMBERS)
    return outcome.kind, address or outcome.sender.group, reason


def numbers(args: Sequence[OscArgument]) -> int:
    """How many of the arguments are numbers."""
    return sum(isinstance(argument, float | int) for argument in args)


def hint(address: str, numbers: int, known: Sequence[str]) -> str:
    """The known address that may have been meant, and what would bind a control with so many
    numbers."""
    wanted = {1: "/texture", 2: "/pad/xy"}.get(numbers, "ADDRESS")
    by_name = {name.lower(): name for name in known}
    for address_form in (address.lower(), re.sub(r"\d+", "*", address.lower())):
        if near := get_close_matches(address_form, by_name, 1, NEAR):
            return f"did you mean {by_name[near[0]]}? or send /learn {wanted} and move it"
    return f"send /learn {wanted} and move it to bind it, docs/control.md lists all"


def command(outcome: Outcome) -> str:
    """The command in one short line, without control characters."""
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


def sender_name(sender: Sender) -> str:
    """The sender's name for a person."""
    kind, _, name = sender.group.partition(" ")
    if kind == "midi":
        port, _, channel = name.rpartition(" ")
        return f"MIDI {port} channel {channel}"
    return printable(name or kind, MOST_SHOWN)
