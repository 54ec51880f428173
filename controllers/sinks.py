"""Feedback to what runs in this process: a controller with lights, motor faders or a display.

UDP subscribers (`controllers.osc.subscribers`) are sinks too. They are strangers, so what is sent
to them is bounded and may be refused; what is here has been started by the performer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from latentpad.controllers.outcomes import Outcome, reply
from latentpad.engine.arguments import Argument
from latentpad.engine.control.instrument import Instrument, Sender

Message = tuple[str, Sequence[Argument]]

ANSWERS = 32  # addresses whose answers wait for one sink; the newest


class Sink(Protocol):
    """Where feedback goes."""

    def send(self, address: str, args: Sequence[Argument]) -> object:
        """Take one value that has changed, a meter, or an answer, in the form of a command.

        Called on the event loop's thread; must not wait.
        """


@dataclass(eq=False)
class Follower:
    """A sink, who sends commands beside it, and what it has not been sent yet."""

    sink: Sink
    sender: Sender
    new: bool = True  # a copy of all values is to come
    pending: dict[str, Sequence[Argument]] = field(default_factory=dict)
    answers: dict[str, list[Message]] = field(default_factory=dict)


class Sinks:
    """The sinks that follow the instrument. One thread at a time: under the feedback's lock."""

    def __init__(self, instrument: Instrument) -> None:
        self._instrument = instrument
        self._followers: list[Follower] = []

    def __len__(self) -> int:
        return len(self._followers)

    def add(self, sink: Sink, sender: Sender) -> None:
        """`sink` gets all values, then what others than `sender` change, and its answers."""
        self._followers.append(Follower(sink, sender))

    def remove(self, sink: Sink) -> None:
        """No more is sent to it; nothing happens if it does not follow."""
        self._followers = [f for f in self._followers if f.sink is not sink]

    def change(self, address: str, args: Sequence[Argument], sender: Sender) -> bool:
        """Note a value for all but its sender. True if somebody is to be told."""
        told = False
        for follower in self._followers:
            if follower.sender == sender:  # an older value would pull the control from the hand
                follower.pending.pop(address, None)
            else:
                follower.pending[address] = args
                told = True
        return told

    def answer(self, outcome: Outcome) -> bool:
        """Note what goes back to a command's sender. True if somebody is to be told."""
        own = [f for f in self._followers if f.sender == outcome.sender]
        messages: list[Message] = [*reply(outcome, self._instrument)] if own else []
        for follower in own if messages else ():
            follower.answers.pop(outcome.address, None)
            if len(follower.answers) >= ANSWERS:
                del follower.answers[next(iter(follower.answers))]
            follower.answers[outcome.address] = messages
        return bool(messages)

    def take(
        self, values: Callable[[], dict[str, Sequence[Argument]]]
    ) -> list[tuple[Sink, list[Message]]]:
        """What is to be sent now. `values` gives a copy of all values."""
        due = []
        for follower in self._followers:
            pending = {**values(), **follower.pending} if follower.new else follower.pending
            messages = [*pending.items(), *(m for each in follower.answers.values() for m in each)]
            follower.new, follower.pending, follower.answers = False, {}, {}
            if messages:
                due.append((follower.sink, messages))
        return due
