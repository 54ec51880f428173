"""Write docs/control.md and docs/presets.md from the program: `python docs/reference.py`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

from latentpad.controllers.midi.table import MESSAGES, MPE
from latentpad.engine.control.command import Arg, Command, parameter_command
from latentpad.engine.control.command_table import CHOICES, COMMANDS, FEEDBACK
from latentpad.engine.expander_declarations import DECLARED, Declaration
from latentpad.engine.parameters import TABLE, Parameter
from latentpad.engine.phase_methods import METHODS, PhaseMethod
from latentpad.presets.bank import FACTORY, PresetBank
from latentpad.presets.preset import PERFORMERS

NO_FOLDER = Path(__file__).parent / "none"  # without presets of a user


def span(arg: Arg) -> str:
    """The values of an argument, without the unit."""
    match arg.kind:
        case "choice":
            return ", ".join(arg.choices)
        case "axis":
            return f"{arg.low}…{arg.high}, {', '.join(arg.choices)}"
        case "switch":
            return "0, 1"
        case "text":
            return "a text"
        case "name":
            return "a name or a number"
        case "any":
            return "any, or none"
    low, high = math.isfinite(arg.low), math.isfinite(arg.high)
    if low and high:
        return f"{arg.low:g}…{arg.high:g}"
    return f"from {arg.low:g}" if low else f"to {arg.high:g}" if high else "any number"


def argument(arg: Arg) -> str:
    """One argument of a command, for a cell of a table."""
    many = ", as many as the pack has latents" if arg.many else ""
    optional = ", or nothing" if arg.optional else ""
    return f"{arg.name}: {f'{span(arg)} {arg.unit}'.rstrip()}{many}{optional}"


def arguments(command: Command) -> str:
    """The arguments of a command, equal ones grouped."""
    names_by_range: dict[str, list[str]] = {}
    for arg in command.args:
        names_by_range.setdefault(argument(arg).partition(": ")[2], []).append(arg.name)
    return "; ".join(
        f"{', '.join(names)}: {range_text}" for range_text, names in names_by_range.items()
    )


def row(parameter: Parameter) -> list[str]:
    arg, unit = parameter_command(parameter).args[0], parameter.unit
    default = " ".join(str(value) for value in parameter.show(parameter.default))
    return [f"`{parameter.address}`", parameter.help, span(arg), unit, default]


def line(command: Command) -> list[str]:
    return [f"`{command.address}`", arguments(command), command.help]


def aliases() -> list[list[str]]:
    """The other addresses of commands; those of a choice, and the normalised ones, in one line."""
    press, unit = "nothing, or 1", "0…1"
    choice_rows = []
    for row in CHOICES:
        name = row.choices[0]
        button = f"`{row.address}/{name}`, and so for each of its names"
        choice_rows.append([button, press, f"`{row.address} {name}`"])
        numbers = f"0…{row.high:g}"
        choice_rows.append([f"`{row.address}/index`", numbers, f"`{row.address}` by the number"])
    normalised = "`/n/gain`, `/n/pad/{n}/pitch`, and so for each parameter but `/axes`"
    curves = "the parameter: 0…1 is its range, in dB for levels, exponential for times, with a "
    touches = "`/pad/xy/z`, `/pad/z`, `/pad/{n}/xy/z`, `/pad/{n}/z`"
    return [
        *choice_rows,
        [normalised, unit, f"{curves}rest at 0 and at 1 for `/loop/speed`"],
        ["`/preset/walk`, and so for each preset", press, "`/preset walk`"],
        ["`/pad/xy/x`, `/pad/{n}/xy/x`", unit, "`/pad/x`, `/pad/{n}/x`"],
        ["`/pad/xy/y`, `/pad/{n}/xy/y`", unit, "`/pad/y`, `/pad/{n}/y`"],
        [touches, "0, 1", "`/pad/touch`, `/pad/{n}/touch`"],
        ["`/multixy/{n}`, `/multixy1/{n}` with any number", f"x, y: {unit}", "`/pad/{n}/xy`"],
        ["`/multixy/{n}/x`, `/multixy/{n}/y`", unit, "`/pad/{n}/x`, `/pad/{n}/y`"],
        ["`/multixy/{n}/z`", "0, 1", "`/pad/{n}/touch`"],
    ]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A Markdown table with an empty line before and after it."""
    lines = (head, ["---"] * len(head), *rows)
    return ["", *(f"| {' | '.join(cells)} |" for cells in lines), ""]


def choices(named: Iterable[Declaration | PhaseMethod]) -> list[str]:
    """The numbers and names of a parameter's choices, and what each is."""
    rows = [[str(k), f"`{choice.name}`", choice.help] for k, choice in enumerate(named)]
    return table(["number", "name", "what it is"], rows)


def control() -> str:
    """Every address, as Markdown."""
    text = [
        "# What steers the instrument",
        "",
        "Printed by `python docs/reference.py` from `engine/parameters.py`, "
        "`engine/control/command_table.py` and `controllers/midi/table.py`. `{n}` is a finger, "
        "1…10, and `{k}` any whole number. The words are in [glossary.md](glossary.md). How to use "
        "OSC with the instrument: [osc.md](osc.md).",
        "",
        "## Parameters",
        "",
        "A parameter keeps its value until it is changed. It takes its value, or values, as "
        "arguments; a value beyond the range is clamped to it. A preset holds all parameters. A "
        "MIDI control can be bound to each parameter of one value.",
        *table(["address", "what it does", "range", "unit", "default"], list(map(row, TABLE))),
        "## Expanders",
        "",
        "`/expander` takes the name or the number.",
        *choices(DECLARED),
        "## Phase methods",
        "",
        "`/phase` takes the name or the number.",
        *choices(METHODS),
        "## Commands",
        "A command of a button (`press`) happens without an argument, or with a number above 0; "
        "0, which the button sends when it is released, is ignored.",
        *table(["address", "arguments", "what it does"], list(map(line, COMMANDS))),
        "## Other addresses",
        "",
        "What real controllers send, for the same commands. Names are taken in any case.",
        *table(["address", "arguments", "stands for"], aliases()),
        "## MIDI",
        "",
        "How to play it by MIDI, and what is learned: [midi.md](midi.md).",
        *table(["message", "what it does"], MESSAGES),
        "In an MPE zone:",
        *table(["message", "what it is"], MPE),
        "## What comes back",
        "",
        "After `/sync`, every parameter comes back under its own address, and so do the addresses "
        "below. Who uses the normalised address of a parameter gets its value under that, too. The "
        "sender of a clamped or refused command gets the value that holds, under the "
        "address that it sent, asked for or not.",
        *table(["address", "arguments", "what it tells"], list(map(line, FEEDBACK))),
    ]
    return "\n".join(text[:-1]) + "\n"


def presets() -> str:
    """The factory's presets with their numbers, as Markdown."""
    bank = PresetBank(FACTORY, NO_FOLDER)
    bank_presets = [(name, bank.load(name)) for name in bank.names()]
    rows = [
        [f"`{name}`", str(number), str(number + 1), f"`{preset.pack}`", preset.description]
        for number, (name, preset) in enumerate(bank_presets)
    ]
    unchanged = [
        f"`{address}`" for address in sorted(PERFORMERS) if not address.startswith("/pad/")
    ]
    count = len(bank_presets)
    text = [
        "# Presets",
        "",
        "Printed by `python docs/reference.py` from `presets/factory`.",
        "",
        "`/preset` takes the name or the number, a MIDI program change takes the number. Numbers "
        "count from 0, as in a MIDI message. Most DAWs and many controllers count from 1, as in "
        "the third column.",
        *table(["name", "number", "program in most DAWs", "pack", "what it is"], rows),
        "A preset is played with its pack. If another one is played, that goes on until the "
        "preset's pack is loaded, some tenths of a second later; then pack and settings change "
        "together.",
        "",
        f"Your own presets (`/preset/save` with a name) come after them in the order of their "
        f"names, from {count} on ({count + 1} in most DAWs). A preset with the name of one above "
        "takes its place.",
        "",
        "A preset sets every parameter; those that it does not name get their defaults. Only what "
        "belongs to the performer and the room stays as it is unless the preset names it: the "
        f"fingers' points, {', '.join(unchanged)}. Loading a preset starts no sound.",
    ]
    return "\n".join(text) + "\n"


def pages() -> dict[str, str]:
    """The pages by their names in docs/."""
    return {"control.md": control(), "presets.md": presets()}


if __name__ == "__main__":
    for name, text in pages().items():
        Path(__file__).with_name(name).write_text(text, encoding="utf-8")
