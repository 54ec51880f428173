"""`latentpad send`: one OSC message to a running instrument."""

from __future__ import annotations

from typing import Annotated

import typer

from latentpad.cli.errors import CommandRefused
from latentpad.cli.streams import say
from latentpad.controllers.osc.packet import PORT

Host = Annotated[str, typer.Option(help="Host of the instrument: a name or an IP address.")]
Port = Annotated[
    int, typer.Option("--port", "--osc-port", min=1, max=65535, help="Its UDP port for OSC.")
]

# Negative numbers look like options: unknown options stay words, and are checked here.
SETTINGS = {"ignore_unknown_options": True}


def send(
    address: Annotated[str, typer.Argument(help="OSC address: /pad/xy, /preset ...")],
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="ARG",
            help="0.2 is a float, 3 an integer, true and false are themselves, anything else is "
            "a string, and s:3 the string 3.",
        ),
    ] = None,
    host: Host = "127.0.0.1",
    port: Port = PORT,
) -> None:
    """Send one OSC message to a running instrument, and print what it answers.

    The instrument answers if a value was refused or clamped, with the present value.
    """
    from latentpad.controllers.osc.client import ask
    from latentpad.controllers.osc.packet import encode
    from latentpad.controllers.osc.text import TEXT, argument, line

    values = [argument(word) for word in words or ()]
    for word, value in zip(words or (), values, strict=True):
        if word.startswith("-") and isinstance(value, str):
            raise typer.BadParameter(f"there is no option {word}; the string is {TEXT}{word}")
    if not address.startswith("/"):
        raise CommandRefused(f"{address!r} is no OSC address: one begins with /, as /pad/xy does")
    try:
        packet = encode(address, values)
    except ValueError as error:  # an OscError, or text that UTF-8 cannot encode
        raise CommandRefused(f"this cannot be sent: {error}") from None
    answers = ask(packet, host, port)
    for message in answers:
        say(line(message))
    if any(message.address == "/refused" for message in answers):
        raise typer.Exit(1)
