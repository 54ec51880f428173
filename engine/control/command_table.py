"""The command table: the commands that are no parameters, and the messages that are sent back.

Together with the parameter table (engine/parameters.py) it contains every address. The reference
page is made from both, and a test compares them with an instrument with all its controllers. Every
command that is registered (`Instrument.register`) and every value that is published has an entry
here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from latentpad.engine.control.snapshots import MAX_GLIDE_S
from latentpad.engine.latent_bounds import REACH
from latentpad.engine.parameters import FINGERS, LATENT_MAX, TABLE, Parameter


@dataclass(frozen=True, slots=True)
class Arg:
    """One argument of a message.

    `kind` is "float", "int", "switch" (0 or 1), "choice" (one of `choices`, or its index), "axis"
    (a number, or one of `choices`), "text", "name" (a text, or its number in a list) or "any".
    Numbers are within `low`...`high`. An `optional` argument may be left out. If `many`, there is
    one for each latent of the pack. "any" is any number of arguments of any kind.
    """

    name: str
    kind: str = "float"
    low: float = -math.inf
    high: float = math.inf
    unit: str = ""
    choices: tuple[str, ...] = ()
    optional: bool = False
    many: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """A message that an instrument receives or sends. `help` says what it does or reports.

    In `address`, `{n}` is a finger, 1...FINGERS, and `{k}` any whole number.
    """

    address: str
    help: str
    args: tuple[Arg, ...] = ()

    def addresses(self) -> Iterator[str]:
        """Its addresses in the form of `Instrument.addresses`: `*` stands for `{k}`."""
        for n in range(1, FINGERS + 1 if "{n}" in self.address else 2):
            yield self.address.replace("{n}", str(n)).replace("{k}", "*")


def parameter_command(row: Parameter) -> Command:
    """The message that sets a parameter, and that reports its value."""
    names = ("x", "y") if row.size == 2 else (row.address.rpartition("/")[2],)
    # On the board a descriptor is a number too; in a message only a latent is one.
    low, high = (0, LATENT_MAX - 1) if row.kind == "axis" else (row.low, row.high)
    args = (Arg(name, row.kind, low, high, row.unit, row.choices) for name in names)
    return Command(row.address, row.help, tuple(args))


def _share(name: str) -> Arg:
    return Arg(name, low=0, high=1)


def _switch(name: str) -> Arg:
    return Arg(name, "switch", 0, 1)


def _count(name: str) -> Arg:
    return Arg(name, "int", low=0)


PARAMETERS: tuple[Command, ...] = tuple(parameter_command(row) for row in TABLE)

COMMANDS: tuple[Command, ...] = (
    # the pad
    Command("/pad/xy", "finger 1's point: the same as `/pad/1/xy`", (_share("x"), _share("y"))),
    Command("/pad/x", "finger 1's point, to the right", (_share("x"),)),
    Command("/pad/y", "finger 1's point, upwards", (_share("y"),)),
    Command("/pad/touch", "finger 1 down or up: the same as `/pad/1/touch`", (_switch("touch"),)),
    Command("/pad/{n}/x", "the finger's point, to the right", (_share("x"),)),
    Command("/pad/{n}/y", "the finger's point, upwards", (_share("y"),)),
    Command("/pad/{n}/touch", "1 starts the finger's voice, 0 releases it", (_switch("touch"),)),
    Command(
        "/note",
        "a note at finger 1's point, transposed from middle C (60); velocity 0 releases it",
        (Arg("pitch", low=0, high=127), Arg("velocity", low=0, high=127)),
    ),
    # latents, without the plane
    Command(
        "/latent",
        "all latents, instead of those that plane and expander give",
        (Arg("z", many=True),),
    ),
    Command("/latent/{k}", "one latent, counted from 1; the others keep their values", (Arg("z"),)),
    Command("/anchor/{k}", "jump to a sound of the pack or the library, counted from 0"),
    Command(
        "/lattice/{k}",
        "how far to go from the sound `/lattice/base` towards sound k; several add up",
        (Arg("share", low=-REACH, high=REACH),),
    ),
    # presets and snapshots
    Command(
        "/pack",
        "play another pack, by its name: the present one goes on until it is loaded",
        (Arg("pack", "text"),),
    ),
    Command("/preset", "load a preset, by its name or its number", (Arg("preset", "name"),)),
    Command("/preset/save", "save the parameters as a preset of that name", (Arg("name", "text"),)),
    Command(
        "/snapshot/{k}/store",
        "store the parameters (except those of single fingers), finger 1's point, the latents and "
        "the lattice weights, until the program ends",
    ),
    Command(
        "/snapshot/{k}/recall",
        "glide to what was stored; without seconds at once",
        (Arg("seconds", low=0, high=MAX_GLIDE_S, unit="s", optional=True),),
    ),
    # the program
    Command("/record", "1 begins a take in the folder `takes`, 0 ends it", (_switch("record"),)),
    Command(
        "/take/play",
        "replay a take of the folder `takes`, by its name, or the newest; the performer plays over "
        "it",
        (Arg("take", "text", optional=True),),
    ),
    Command("/take/stop", "end the replay, and release its voices"),
    Command(
        "/take/loop",
        "1 repeats the take until `/take/stop`, 0 ends with its end",
        (_switch("loop"),),
    ),
    Command(
        "/learn",
        "bind the next MIDI control that is moved to this address; an empty text: none",
        (Arg("address", "text"),),
    ),
    Command("/panic", "silence at once, including held voices"),
    Command(
        "/sync",
        "send every value back, and what changes from then on, to this UDP port of the sender's "
        "machine; without one to the port that it sends from",
        (Arg("port", "int", 1024, 65535, optional=True),),
    ),
    Command(
        "/monitor",
        "send `/heard` for every command, MIDI included, to this UDP port of the sender's machine; "
        "without one or with 1 to the port that it sends from; 0 ends it",
        (Arg("port", "int", 0, 65535, optional=True),),
    ),
    Command("/ping", "no effect, but its sender continues to get what it asked for"),
)
"""The commands besides the parameters."""

RECEIVED: tuple[Command, ...] = (*PARAMETERS, *COMMANDS)

FEEDBACK: tuple[Command, ...] = (
    Command("/pack", "the pack that is heard from now on", (Arg("pack", "text"),)),
    Command(
        "/pack/note",
        "what belongs to the earlier pack and is left out in this one",
        (Arg("note", "text"),),
    ),
    Command("/pad/{n}/touch", "a finger came down (1) or went up (0)", (_switch("touch"),)),
    Command("/latent", "all latents, after a command that set some", (Arg("z", many=True),)),
    Command("/lattice/{k}", "one weight of the lattice", (Arg("share", low=-REACH, high=REACH),)),
    Command("/take/play", "a replay has begun", (Arg("take", "text"),)),
    Command("/take/stop", "the replay has ended"),
    Command("/take/loop", "whether takes are repeated", (_switch("loop"),)),
    Command(
        "/refused",
        "a command was not carried out, and why; always sent to its sender",
        (Arg("address", "text"), Arg("reason", "text")),
    ),
    Command(
        "/heard",
        "after `/monitor`: a command and its outcome, `ok` or what was wrong",
        (Arg("address", "text"), Arg("arguments", "any"), Arg("outcome", "text")),
    ),
    Command(
        "/meter/refused",
        "how many commands and packets had no effect, since the start",
        (_count("refused"),),
    ),
    Command(
        "/meter/dropped",
        "OSC datagrams that the system has dropped since the start, because they came faster than "
        "they could be read (known on Linux only)",
        (_count("dropped"),),
    ),
    Command(
        "/meter/peak",
        "peak of the sound, which falls by 60 dB a second; 1 is full scale",
        (_share("left"), _share("right")),
    ),
    Command("/meter/load", "share of its time that rendering takes", (Arg("load", low=0),)),
    Command("/meter/limiter", "gain of the limiter", (Arg("gain", high=0, unit="dB"),)),
    Command(
        "/meter/faults",
        "counts since the start: reads that found the ring empty, hops that took too long, voices "
        "silenced for not being numbers, malformed OSC packets, points skipped for newer ones, "
        "points that could not be decoded",
        tuple(map(_count, ("starved", "late", "guarded", "malformed", "skipped", "failed"))),
    ),
    Command(
        "/meter/engine",
        "device blocks kept ready, how much quality is given up to keep time (0 none), time of the "
        "last hop, time of a decode, output (1 a device, 2 none)",
        (
            Arg("ring", low=0),
            Arg("quality", "int", 0, 3),
            Arg("hop", low=0, unit="µs"),
            Arg("decode", low=0, unit="µs"),
            Arg("output", "int", 0, 2),
        ),
    ),
)
"""The messages sent to senders of `/sync`, besides the parameters under their addresses."""

SENT: tuple[Command, ...] = (*PARAMETERS, *FEEDBACK)
