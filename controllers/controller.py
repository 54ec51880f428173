"""What a controller is: something that is started with an instrument, and stopped.

OSC, MIDI, the terminal's keys and the demo are controllers. Another one is a module with a
function `controller` that makes it; `latentpad play --controller MODULE` starts it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol

from latentpad.controllers.osc.feedback import Feedback
from latentpad.controllers.outcomes import Outcomes
from latentpad.controllers.sinks import Sink
from latentpad.engine.arguments import Argument
from latentpad.engine.control.instrument import Instrument, Sender
from latentpad.models.errors import LatentpadError


class ControllerError(LatentpadError):
    """There is no such controller: one line saying why."""


@dataclass(frozen=True, slots=True)
class Connection:
    """What a controller is connected to. Any thread may call."""

    instrument: Instrument
    outcomes: Outcomes
    feedback: Feedback
    say: Callable[[str], None]
    """Prints a line for the performer; never waits or raises."""

    def apply(self, address: str, args: Sequence[Argument], sender: Sender) -> None:
        """Carry out a command, and tell what became of it. Raises nothing of the command."""
        self.instrument.carry_out([(address, args)], sender, self.outcomes.report)

    def follow(self, sink: Sink, sender: Sender) -> None:
        """Send `sink` all values, each change that is not `sender`'s own, the meters, and the
        answers to what `sender` sends."""
        self.feedback.follow(sink, sender)

    def unfollow(self, sink: Sink) -> None:
        """Send it no more."""
        self.feedback.unfollow(sink)


class Controller(Protocol):
    """Something that plays the instrument. Both are called on the event loop's thread, which is
    the main one, and must not block it: what waits is awaited, or has a thread of its own."""

    async def start(self, connection: Connection) -> None:
        """Begin to send commands. What it raises ends `latentpad play`."""

    async def stop(self) -> None:
        """Send no more. It has 0.2 s; called once, after `start`."""


def load(name: str) -> Controller:
    """The controller of a module: of `latentpad.controllers`, or by its whole dotted name.

    Raises:
        ControllerError: no such module, or it has no function `controller`.
    """
    module = name if "." in name else f"latentpad.controllers.{name}"
    try:
        make = import_module(module).controller
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise  # a package that the controller needs
        raise ControllerError(f"--controller {name}: there is no module {module}") from None
    except AttributeError:
        raise ControllerError(f"--controller {name}: {module} has no `controller`") from None
    made: Controller = make()
    return made
