from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from latentpad.controllers.learning.learning import Learning
from latentpad.controllers.midi.input import MidiInput
from latentpad.controllers.osc.packet import encode, encode_bundle
from latentpad.controllers.osc.server import OscServer, listen
from latentpad.controllers.outcomes import Outcome, OutcomeKind, Outcomes
from latentpad.engine.arguments import CommandError
from latentpad.engine.control.instrument import Instrument, Sender
from tests.controllers.midi.cable import Cable

PAD = Sender("osc 127.0.0.1", 5000)


def became(instrument: Instrument, address: str, *args: Any) -> Outcome:
    """What is said of one command that a controller carries out."""
    outcomes = Outcomes(instrument)
    reported: list[Outcome] = []
    outcomes.watchers.append(reported.append)
    instrument.carry_out([(address, args)], PAD, outcomes.report)
    (outcome,) = reported
    return outcome


@pytest.mark.parametrize(
    ("address", "args", "kind", "reason"),
    [
        ("/pitch", (900,), OutcomeKind.CLAMPED, "clamped to 36; it takes -36...36 semitones"),
        ("/texture", (1.02,), OutcomeKind.OVERSHOT, "clamped to 1"),
        ("/texture", (64.0,), OutcomeKind.CLAMPED, "clamped to 1"),
        ("/pad/3/x", (-2,), OutcomeKind.CLAMPED, "clamped to 0"),
        ("/pad/y", (1.01,), OutcomeKind.OVERSHOT, "clamped to 1"),
        ("/pad/xy", (0.5, 3.0), OutcomeKind.CLAMPED, "clamped to 0.5 1"),
        ("/pad/10/level", (99.0,), OutcomeKind.CLAMPED, "clamped to 12; it takes -60...12 dB"),
        ("/mode", (7,), OutcomeKind.CLAMPED, "clamped to original"),
        ("/latent", (0.0, 99.0, 0.0, 0.0), OutcomeKind.CLAMPED, "clamped to 0 10 0 0"),
        ("/latent/2", (-99.0,), OutcomeKind.CLAMPED, "clamped to -10"),
        ("/lattice/7", (50.0,), OutcomeKind.CLAMPED, "clamped to 10"),
        ("/lattice/base", (99999,), OutcomeKind.CLAMPED, "clamped to 999, as far as it goes"),
        ("/mode/index", (7,), OutcomeKind.CLAMPED, "clamped to 2; it takes 0...2"),
        ("/n/gain", (1.5,), OutcomeKind.CLAMPED, "clamped to 1; it takes 0...1"),
        ("/n/gain", (1.01,), OutcomeKind.OVERSHOT, "clamped to 1"),
        ("/multixy/2", (0.5, 3.0), OutcomeKind.CLAMPED, "clamped to 0.5 1; it takes 0...1"),
        ("/note", (60, 500), OutcomeKind.CLAMPED, "clamped; it takes 0...127"),
        ("/snapshot/glide", (99,), OutcomeKind.CLAMPED, "clamped to 60; it takes 0...60 s"),
    ],
)
def test_what_was_clamped_is_said_with_what_holds_now(
    instrument: Instrument, address: str, args: tuple[Any, ...], kind: OutcomeKind, reason: str
) -> None:
    outcome = became(instrument, address, *args)
    assert outcome.kind is kind
    assert outcome.reason.startswith(reason)


@pytest.mark.parametrize(
    ("address", "args"),
    [
        ("/pitch", (36,)),
        ("/texture", (1.0,)),
        ("/pad/xy", (0.0, 1.0)),
        ("/focus", (7.4,)),
        ("/guard", (127,)),  # a switch that is on
        ("/mode", ("shot",)),
        ("/latent/2", (0.5,)),
        ("/lattice/7", (0.0,)),
        ("/lattice/base", (3,)),
        ("/lattice/base", (3.4,)),
        ("/n/gain", (0.3,)),
        ("/mode/shot", (0,)),
        ("/mode/shot", (127,)),
        ("/multixy/2/z", (1,)),
        ("/note", (60, 100)),
        ("/panic", ()),
    ],
)
def test_what_was_carried_out_as_it_came_is_done(
    instrument: Instrument, address: str, args: tuple[Any, ...]
) -> None:
    assert became(instrument, address, *args) == Outcome(OutcomeKind.DONE, address, args, PAD)


@pytest.mark.parametrize(
    ("before", "address", "args", "why"),
    [
        (("/mode", "shot"), "/loop/freeze", (1,), "/mode loop"),
        (("/mode", "shot"), "/loop/end", (0.5,), "/mode loop"),
        (("/mode", "loop"), "/shot/rest", (0.5,), "/mode shot"),
        (("/mode", "loop"), "/phase", ("fgla",), "rtpghi"),
        (("/mode", "loop"), "/phase/fgla", (1,), "rtpghi"),
        (("/mode", "shot"), "/n/loop/end", (0.5,), "/mode loop"),
        (("/phase", "noise"), "/lookahead", (2,), "no frames"),
        (("/mode", "original"), "/grain", (1,), "their own grain"),
        (("/expander", "nearest"), "/focus", (5,), "dwell"),
        (("/expander", "mean"), "/metric", ("cosine",), "no distance"),
        (("/expander", "local"), "/multilateration/scale", (2.0,), "does not hear"),
        (("/plane", "map"), "/axes", (1, 0), "no axes"),
        (("/mode", "loop"), "/note", (60, 0.8), "0...127"),
    ],
)
def test_what_is_not_heard_as_things_are_is_said(
    instrument: Instrument, before: tuple[str, str], address: str, args: tuple[Any, ...], why: str
) -> None:
    instrument.apply(before[0], before[1:])
    outcome = became(instrument, address, *args)
    assert outcome.kind is OutcomeKind.IDLE and why in outcome.reason


@pytest.mark.parametrize(
    ("before", "address", "args"),
    [
        (("/mode", "loop"), "/loop/freeze", (1,)),
        (("/mode", "shot"), "/loop/speed", (2.0,)),
        (("/mode", "shot"), "/shot/rest", (0.5,)),
        (("/mode", "shot"), "/phase", ("fgla",)),
        (("/mode", "loop"), "/phase", ("noise",)),
        (("/phase", "fgla"), "/phase/noise", (0,)),
        (("/phase", "rtpghi"), "/lookahead", (2,)),
        (("/expander", "dwell"), "/focus", (5,)),
        (("/expander", "multilateration"), "/multilateration/scale", (2.0,)),
        (("/plane", "raw"), "/axes", (1, 0)),
        (("/plane", "map"), "/axes", ("auto", "auto")),
    ],
)
def test_what_is_heard_is_not_said_to_be_idle(
    instrument: Instrument, before: tuple[str, str], address: str, args: tuple[Any, ...]
) -> None:
    instrument.apply(before[0], before[1:])
    assert became(instrument, address, *args).kind is OutcomeKind.DONE


@pytest.mark.parametrize(
    ("address", "args", "kind", "reason"),
    [
        ("/nowhere", (1,), OutcomeKind.UNKNOWN, "there is no such address"),
        ("/texture", ("hi",), OutcomeKind.REFUSED, "it takes a finite number, got 'hi'"),
        ("/pad/3/xy", (0.5,), OutcomeKind.REFUSED, "it takes 2 argument(s), got 1"),
        ("/expander", ("foo",), OutcomeKind.REFUSED, "'foo' is none of nearest, "),
    ],
)
def test_a_refusal_says_why_without_the_address_again(
    instrument: Instrument, address: str, args: tuple[Any, ...], kind: OutcomeKind, reason: str
) -> None:
    outcome = became(instrument, address, *args)
    assert outcome.kind is kind and outcome.reason.startswith(reason)


def test_what_the_instrument_sends_itself_is_counted_and_not_told_of(
    instrument: Instrument,
) -> None:
    """Two instruments that answered each other would do so for ever."""
    outcomes = Outcomes(instrument)
    reported: list[Outcome] = []
    outcomes.listeners.append(reported.append)
    outcomes.watchers.append(reported.append)
    for address in ("/refused", "/heard", "/meter/peak"):
        with pytest.raises(CommandError) as error:
            instrument.apply(address, (), PAD)
        outcomes.refuse(address, (), PAD, error.value)
    assert reported == [] and outcomes.refused == 3


def received(instrument: Instrument, *datagrams: bytes) -> tuple[OscServer, list[Outcome]]:
    """What is said of datagrams that came together, each sent by itself."""
    reported: list[Outcome] = []
    servers: list[OscServer] = []

    async def run() -> None:
        outcomes = Outcomes(instrument)
        outcomes.watchers.append(reported.append)
        server = await listen(instrument, "127.0.0.1", 0, outcomes)
        for datagram in datagrams:
            server.take([(datagram, PAD)])
        server.close()
        servers.append(server)

    asyncio.run(run())
    return servers[0], reported


def test_one_wrong_member_of_a_bundle_leaves_the_others(
    instrument: Instrument, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))  # where the fault's details go

    def broken(*_: Any) -> None:
        raise TypeError("a bug")

    instrument.register("/broken", broken)
    members = [
        encode("/gain", (-3.0,)),
        b"/a\0\0,x\0\0",  # of a type that there is not
        encode("/pitch", ("high",)),
        encode("/broken"),
        encode("/pad/2/xy", (0.25, float("nan"))),
        encode("/pan", (b"blob",)),
        encode("/nowhere"),
        encode("/texture", (0.5,)),
    ]
    server, reported = received(instrument, encode_bundle(members))
    assert instrument.value("/gain") == (-3.0,) and instrument.value("/texture") == (0.5,)
    assert server.counts.malformed == 1 and server.counts.refused == 5
    said = {outcome.address: outcome.kind for outcome in reported}
    assert said == {
        "": OutcomeKind.MALFORMED,
        "/gain": OutcomeKind.DONE,
        "/pitch": OutcomeKind.REFUSED,
        "/broken": OutcomeKind.REFUSED,
        "/pad/2/xy": OutcomeKind.REFUSED,
        "/pan": OutcomeKind.REFUSED,
        "/nowhere": OutcomeKind.UNKNOWN,
        "/texture": OutcomeKind.DONE,
    }


def test_arguments_that_mean_nothing_here_leave_those_beside_them(instrument: Instrument) -> None:
    point = b"/pad/2/xy\0\0\0,ftf\0\0\0\0" + b"\x3e\x80\0\0" + bytes(8) + b"\x3f\x40\0\0"
    array = b"/pad/3/xy\0\0\0,[ff]\0\0\0" + b"\x3e\x80\0\0" + b"\x3f\x40\0\0"
    _, reported = received(instrument, point, array)
    values = dict(instrument.values())
    assert values["/pad/2/xy"] == values["/pad/3/xy"] == (0.25, 0.75)
    assert [outcome.kind for outcome in reported] == [OutcomeKind.DONE] * 2


def test_every_refused_or_malformed_packet_is_counted(instrument: Instrument) -> None:
    async def run() -> None:
        outcomes = Outcomes(instrument)
        server = await listen(instrument, "127.0.0.1", 0, outcomes)
        for datagram in (b"GET / HTTP/1.1\r\n", encode("/nowhere"), encode("/gain", (-1.0,))):
            server.take([(datagram, PAD)])
        assert outcomes.refused == 2
        server.close()

    asyncio.run(run())


def test_a_refused_program_change_is_said_with_its_port_and_channel(
    instrument: Instrument, tmp_path: Path
) -> None:
    outcomes = Outcomes(instrument)
    reported: list[Outcome] = []
    outcomes.watchers.append(reported.append)
    keys = MidiInput(instrument, "keys", Learning(instrument, tmp_path / "bindings.toml"), outcomes)
    Cable(keys).send([0xC1, 99], [0xB0, 7, 100])  # no bank is installed here
    assert [(o.kind, o.address, o.sender.group) for o in reported] == [
        (OutcomeKind.UNKNOWN, "/preset", "midi keys 2"),
        (OutcomeKind.DONE, "/gain", "midi keys 1"),
    ]
    assert outcomes.refused == keys.counts.refused == 1


def test_a_note_that_is_not_held_is_told_to_who_shapes_it(instrument: Instrument) -> None:
    outcomes = Outcomes(instrument)
    reported: list[Outcome] = []
    outcomes.listeners.append(reported.append)
    for sender in (Sender("osc 10.0.0.2"), Sender("midi keys 1")):
        instrument.carry_out([("/note/60/bend", (1,))], sender, outcomes.report)
        instrument.carry_out(
            [("/note", (60, 99)), ("/note/60/bend", (1,))], sender, outcomes.report
        )
    assert [(o.kind, o.reason) for o in reported] == [(OutcomeKind.IDLE, "you hold no note 60")]
