"""The command table: the commands that are no parameters, and the messages that are sent back.

Together with the parameter table (engine/parameters.py) it contains every address. The reference
page is made from both, and a test compares them with an instrument with all its controllers. Every
command that is registered (`Instrument.register`) and every value that is published has an entry
here.
"""

from __future__ import annotations

from latentpad.engine.control import aliases
from latentpad.engine.control.command import (
    Arg,
    Command,
    count,
    index,
    parameter_command,
    share,
    switch,
    trigger,
)
from latentpad.engine.control.notes import SHAPES
from latentpad.engine.control.snapshots import MAX_GLIDE_S
from latentpad.engine.latent_bounds import REACH
from latentpad.engine.parameters import TABLE, Parameter


def _note_shape(what: str, help: str, unit: str = "") -> Command:
    """What a sender sets of a note that it holds; `{k}` is the pitch."""
    args = (Arg(name, low=low, high=high, unit=unit) for name, low, high in SHAPES[what])
    return Command(f"/note/{{k}}/{what}", help, tuple(args))


PARAMETERS: tuple[Command, ...] = tuple(parameter_command(row) for row in TABLE)

COMMANDS: tuple[Command, ...] = (
    # the pad
    Command("/pad/xy", "finger 1's point: the same as `/pad/1/xy`", (share("x"), share("y"))),
    Command("/pad/x", "finger 1's point, to the right", (share("x"),)),
    Command("/pad/y", "finger 1's point, upwards", (share("y"),)),
    Command("/pad/touch", "finger 1 down or up: the same as `/pad/1/touch`", (switch("touch"),)),
    Command("/pad/{n}/x", "the finger's point, to the right", (share("x"),)),
    Command("/pad/{n}/y", "the finger's point, upwards", (share("y"),)),
    Command("/pad/{n}/touch", "1 starts the finger's voice, 0 releases it", (switch("touch"),)),
    Command(
        "/note",
        "a note at finger 1's point, transposed from middle C (60); velocity 0 releases it",
        (Arg("pitch", low=0, high=127), Arg("velocity", low=0, high=127)),
    ),
    _note_shape("xy", "a held note's own point; without one it follows finger 1's"),
    _note_shape("bend", "how far a held note is bent", "semitones"),
    _note_shape("level", "the level of a held note, beside its velocity", "dB"),
    _note_shape("pan", "the pan of a held note, left to right"),
    _note_shape("pressure", "the level of a held note, in place of its velocity's"),
    # latents, without the plane
    Command(
        "/latent",
        "all latents, instead of those that plane and expander give",
        (Arg("z", many=True),),
    ),
    Command("/latent/{k}", "one latent, counted from 1; the others keep their values", (Arg("z"),)),
    trigger("/anchor/{k}", "jump to a sound of the pack or the library, counted from 0"),
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
    Command("/preset/index", "load a preset by its number", (Arg("number", "int", low=0),)),
    trigger("/preset/next", "load the next preset of the bank, after the last the first"),
    trigger("/preset/prev", "load the preset before it, before the first the last"),
    Command("/preset/save", "save the parameters as a preset of that name", (Arg("name", "text"),)),
    trigger(
        "/snapshot/{k}/store",
        "store the parameters (except those of single fingers), finger 1's point, the latents and "
        "the lattice weights, until the program ends",
    ),
    trigger(
        "/snapshot/{k}/recall",
        "glide to what was stored, in so many seconds; without them in those of `/snapshot/glide`. "
        "A lone number other than 1 is the seconds",
        Arg("seconds", low=0, high=MAX_GLIDE_S, unit="s", optional=True),
    ),
    # the program
    Command("/record", "1 begins a take in the folder `takes`, 0 ends it", (switch("record"),)),
    Command(
        "/take/play",
        "replay a take of the folder `takes`, by its name, or the newest; the performer plays over "
        "it",
        (Arg("take", "text", optional=True),),
    ),
    trigger("/take/stop", "end the replay, and release its voices"),
    Command(
        "/take/loop",
        "1 repeats the take until `/take/stop`, 0 ends with its end",
        (switch("loop"),),
    ),
    Command(
        "/learn",
        "bind the next OSC or MIDI control that is moved to this address; an empty text: none; "
        "more texts may follow: `pickup`, and `linear` or `exponential`",
        (Arg("address", "text"), Arg("options", "any")),
    ),
    Command(
        "/learn/swap",
        "1 if the pad that is learned sends y before x, 0 if not",
        (switch("swap"),),
    ),
    trigger("/learn/list", "tell all bindings of controls"),
    trigger("/learn/undo", "take the last `/learn` or `/unlearn` back"),
    Command(
        "/unlearn",
        "bind no control to this address any more; or, with the address of a learned OSC control, "
        "that control to nothing",
        (Arg("address", "text"),),
    ),
    trigger("/panic", "silence at once, including held voices"),
    Command(
        "/sync",
        "send every value back, and what changes from then on, to this UDP port of the sender's "
        "machine; without one or with 1 to the port that it sends from, and to the one that it "
        "named last; 0 is the release of a button",
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

TRIGGERS: frozenset[str] = frozenset(
    address for command in COMMANDS if command.trigger for address in command.addresses()
)
"""The addresses of triggers; `*` stands for `{k}`."""


CHOICES: tuple[Parameter, ...] = tuple(row for row in TABLE if row.kind == "choice")

RECEIVED: tuple[Command, ...] = (*PARAMETERS, *COMMANDS, *aliases.COMMANDS)

FEEDBACK: tuple[Command, ...] = (
    Command("/pack", "the pack that is heard from now on", (Arg("pack", "text"),)),
    Command(
        "/pack/note",
        "what belongs to the earlier pack and is left out in this one",
        (Arg("note", "text"),),
    ),
    Command("/preset", "the preset that was loaded last", (Arg("name", "text"),)),
    Command("/preset/index", "its number in the bank", (Arg("number", "int", low=0),)),
    Command("/record", "whether a take is recorded", (switch("record"),)),
    Command("/pad/xy", "finger 1's point, as `/pad/1/xy`", (share("x"), share("y"))),
    *(index(row, f"the number of `{row.address}`, which is sent by name, too") for row in CHOICES),
    Command("/pad/{n}/touch", "a finger came down (1) or went up (0)", (switch("touch"),)),
    Command(
        "/anchor/near",
        "the sound nearest to finger 1: its number, its name and its kind",
        (Arg("number", "int", low=0), Arg("name", "text"), Arg("label", "text")),
    ),
    Command("/latent", "all latents, after a command that set some", (Arg("z", many=True),)),
    Command("/lattice/{k}", "one weight of the lattice", (Arg("share", low=-REACH, high=REACH),)),
    Command("/take/play", "a replay has begun", (Arg("take", "text"),)),
    Command("/take/stop", "the replay has ended"),
    Command("/take/loop", "whether takes are repeated", (switch("loop"),)),
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
        "/learn",
        "the address that waits for a control; an empty text: none",
        (Arg("address", "text"),),
    ),
    Command("/learn/swap", "whether the pad that is learned sends y before x", (switch("swap"),)),
    Command("/learn/result", "what was learned, in words", (Arg("line", "text"),)),
    Command("/learn/list/{k}", "after `/learn/list`: one binding", (Arg("line", "text"),)),
    Command(
        "/meter/refused",
        "how many commands and packets had no effect, since the start",
        (count("refused"),),
    ),
    Command(
        "/meter/dropped",
        "OSC datagrams that the system has dropped since the start, because they came faster than "
        "they could be read (known on Linux only)",
        (count("dropped"),),
    ),
    Command(
        "/meter/peak",
        "peak of the sound, which falls by 60 dB a second; 1 is full scale",
        (share("left"), share("right")),
    ),
    Command("/meter/load", "share of its time that rendering takes", (Arg("load", low=0),)),
    Command("/meter/limiter", "gain of the limiter", (Arg("gain", high=0, unit="dB"),)),
    Command(
        "/meter/faults",
        "counts since the start: reads that found the ring empty, hops that took too long, voices "
        "silenced for not being numbers, malformed OSC packets, points skipped for newer ones, "
        "points that could not be decoded",
        tuple(map(count, ("starved", "late", "guarded", "malformed", "skipped", "failed"))),
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
