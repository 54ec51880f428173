"""The interface of a controller: it is started with an instrument, and stopped.

OSC, MIDI, the terminal's keys and the demo are controllers. Another one is a module with a function
`controller` that returns it; `latentpad play --controller MODULE` starts it.
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
    """A controller that cannot be loaded: one line with the reason."""


@dataclass(frozen=True, slots=True)
class Connection:
    """What a controller is given when it starts. Any thread may call."""

    instrument: Instrument
    outcomes: Outcomes
    feedback: Feedback
    say: Callable[[str], None]
    """Prints a line for the performer; never waits or raises."""

    def apply(self, address: str, args: Sequence[Argument], sender: Sender) -> None:
        """Carry out a command and report its outcome. A refused command raises nothing."""
        self.instrument.carry_out([(address, args)], sender, self.outcomes.report)

    def follow(self, sink: Sink, sender: Sender) -> None:
        """Send `sink` all values, each change, the meters, and the answers to the commands of
        `sender`. What `sender` changes is sent when it has let go of the control."""
        self.feedback.follow(sink, sender)

    def unfollow(self, sink: Sink) -> None:
        """Stop sending to `sink`."""
        self.feedback.unfollow(sink)


class Controller(Protocol):
    """A source of commands. Both methods are called on the main thread, which has the event loop.

    They must not block it: wait with `await`, or on another thread.
    """

    async def start(self, connection: Connection) -> None:
        """Begin to send commands. An exception ends `latentpad play`."""

    async def stop(self) -> None:
        """Stop sending commands, within 0.2 s. Called once, after `start`."""


def load(name: str) -> Controller:
    """Load the controller of a module: a name in `latentpad.controllers`, or a full dotted name.

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
    controller: Controller = make()
    return controller
