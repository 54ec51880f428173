from __future__ import annotations

import ipaddress
import socket
import sys
from pathlib import Path

import pytest

from latentpad.cli import first_steps
from latentpad.controllers.keyboard import keys
from latentpad.controllers.osc import interfaces


def test_the_numbers_of_any_address_are_this_machines_and_no_loopback() -> None:
    for host, family in (("0.0.0.0", socket.AF_INET), ("::", None)):
        for number in interfaces.addresses(host):
            address = ipaddress.ip_address(number)
            assert not address.is_loopback
            assert family is None or address.version == 4
            version = socket.AF_INET if address.version == 4 else socket.AF_INET6
            with socket.socket(version, socket.SOCK_DGRAM) as udp:
                udp.bind((number, 0))  # fails for what is none of this machine's


def test_a_socket_on_one_address_is_reached_there() -> None:
    assert interfaces.addresses("127.0.0.1") == ["127.0.0.1"]


@pytest.mark.parametrize("lan", [False, True])
@pytest.mark.parametrize("with_keys", [False, True])
def test_four_lines_at_most_say_what_to_do(lan: bool, with_keys: bool) -> None:
    host = "0.0.0.0" if lan else "127.0.0.1"
    reported = list(first_steps.lines(host, 9000, lan, with_keys))
    assert len(reported) == 3 + with_keys
    text = "\n".join(reported)
    assert "send /pad/xy 0.3 0.7" in text and "Ctrl-C" in text and "port 9000" in text
    assert (keys.SHORT in text) == with_keys
    assert ("--lan" in text) == (not lan)
    if lan:
        assert all(
            number in text for number in interfaces.addresses(host)[: first_steps.MOST_ADDRESSES]
        )


def test_another_port_is_in_what_to_type() -> None:
    assert "send /pad/xy 0.3 0.7 --port 9001" in "\n".join(
        first_steps.lines("127.0.0.1", 9001, False, False)
    )


def test_many_interfaces_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    many = [f"10.0.0.{n}" for n in range(1, 10)]
    monkeypatch.setattr(interfaces, "addresses", lambda host: many)
    (line, *_) = first_steps.lines("0.0.0.0", 9000, True, False)
    assert "10.0.0.1 or 10.0.0.2 or 10.0.0.3 or 10.0.0.4 and 5 more port 9000" in line
    monkeypatch.setattr(interfaces, "addresses", lambda host: [])
    assert "no network interface is up" in "\n".join(
        first_steps.lines("0.0.0.0", 9000, True, False)
    )


def test_it_is_called_as_it_was(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "a folder" / "latentpad"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    for called, on_path, typed in (
        (".venv/bin/latentpad", "/usr/bin", ".venv/bin/latentpad"),
        (str(program), "/usr/bin", f"'{program}'"),
        (str(program), str(program.parent), "latentpad"),
        ("/somewhere/cli/main.py", "/usr/bin", "latentpad"),
    ):
        monkeypatch.setattr(sys, "argv", [called, "play"])
        monkeypatch.setenv("PATH", on_path)
        reported = "\n".join(first_steps.lines("127.0.0.1", 9000, False, False))
        assert f"terminal: {typed} send" in reported
