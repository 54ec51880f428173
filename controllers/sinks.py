"""Feedback to controllers in this process: lights, motor faders or a display.

UDP subscribers (`controllers.osc.subscribers`) are other hosts, so what is sent to them is bounded
and may be refused. The sinks here were started by the performer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from latentpad.controllers.echo import Touched
from latentpad.controllers.outcomes import Outcome, reply
from latentpad.engine.arguments import Argument
from latentpad.engine.control.aliases import forms
from latentpad.engine.control.instrument import Instrument, Sender

Message = tuple[str, Sequence[Argument]]

ANSWERS = 32  # addresses whose answers wait for one sink; older ones are dropped


class Sink(Protocol):
    """A receiver of feedback."""

    def send(self, address: str, args: Sequence[Argument]) -> object:
        """Take a changed value, a meter, or an answer, in the form of a command.

        Called on the event loop's thread; must not wait.
        """


@dataclass(eq=False)
class Follower:
    """A sink, the sender that belongs to it, and what has not been sent to it yet."""

    sink: Sink
    sender: Sender
    touched: Touched
    values: bool = True  # it gets values; else only answers
    new: bool = True  # it has not been sent all values yet
    pending: dict[str, Sequence[Argument]] = field(default_factory=dict)
    answers: dict[str, list[Message]] = field(default_factory=dict)


class Sinks:
    """The sinks that follow the instrument. One thread at a time: under the feedback's lock."""

    def __init__(self, instrument: Instrument, clock: Callable[[], float]) -> None:
        self._instrument = instrument
        self._clock = clock
        self._followers: list[Follower] = []

    @property
    def followed(self) -> bool:
        """Whether a sink gets values."""
        return any(follower.values for follower in self._followers)

    def add(self, sink: Sink, sender: Sender, *, values: bool = True) -> None:
        """Add a sink: it gets all values, then the changes, and answers; without `values` the
        answers only. What `sender` changes it gets when it has let go of the control."""
        touched = Touched(self._clock)
        self._followers.append(Follower(sink, sender, touched, values, new=values))

    def sync(self, sender: Sender) -> bool:
        """Send all values to the sinks of `sender` now, and changes from then on. False if there
        is none."""
        followers = [f for f in self._followers if f.sender == sender]
        for follower in followers:
            follower.values = follower.new = True
        return bool(followers)

    def remove(self, sink: Sink) -> None:
        """Remove a sink. Nothing happens if it was not added."""
        self._followers = [f for f in self._followers if f.sink is not sink]

    def change(self, address: str, args: Sequence[Argument], sender: Sender) -> bool:
        """Note a value for all. True if there is something to send."""
        followers = [follower for follower in self._followers if follower.values]
        for follower in followers:
            if follower.sender == sender:
                follower.touched.touch(address)
            follower.pending[address] = args
        return bool(followers)

    @property
    def unfinished(self) -> bool:
        """Whether a sink waits for more than the next change."""
        return any(follower.pending for follower in self._followers)

    def answer(self, outcome: Outcome) -> bool:
        """Note what goes back to a command's sender. True if there is something to send."""
        followers = [f for f in self._followers if f.sender == outcome.sender]
        messages: list[Message] = [*reply(outcome, self._instrument)] if followers else []
        for follower in followers if messages else ():
            follower.answers.pop(outcome.address, None)
            if len(follower.answers) >= ANSWERS:
                del follower.answers[next(iter(follower.answers))]
            follower.answers[outcome.address] = messages
        return bool(messages)

    def take(
        self, values: Callable[[], dict[str, Sequence[Argument]]]
    ) -> list[tuple[Sink, list[Message]]]:
        """Take what is to be sent now, by sink. `values` gives a copy of all values."""
        due = []
        for follower in self._followers:
            if follower.new:
                follower.pending, follower.new = {**values(), **follower.pending}, False
            held = follower.touched.held()
            ready = {a: args for a, args in follower.pending.items() if a not in held}
            follower.pending = {a: args for a, args in follower.pending.items() if a in held}
            messages = [form for value in ready.items() for form in (value, *forms(*value))]
            messages += [m for each in follower.answers.values() for m in each]
            follower.answers = {}
            if messages:
                due.append((follower.sink, messages))
        return due
