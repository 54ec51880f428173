from __future__ import annotations

import os
import subprocess
import sys

from tests.playing import ROOT

SAYING = (
    "import os, sys, time; from latentpad.cli import streams as terminal\n"
    "terminal.open_missing()\n"
    "lasting = terminal.BestEffortOutput(lambda line: print(line, file=sys.stderr, flush=True))\n"
    "for k in range(20_000): lasting.say(f'line {k} \\x1b]0;owned\\x07\\nready')\n"
    "print('said', file=sys.stderr, flush=True)\n"
    "sys.stdin.read()\n"
    "lasting.close()\n"
    "print(lasting.fault, file=sys.stderr)\n"
)


def saying(output: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SAYING], stdin=subprocess.PIPE, stdout=output,
        stderr=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip


def test_who_plays_never_waits_for_a_reader_that_does_not_read() -> None:
    for blocking in (True, False):
        reader, writer = os.pipe()
        os.set_blocking(writer, blocking)
        with saying(writer) as process:
            os.close(writer)
            assert process.stderr is not None and process.stdin is not None
            assert process.stderr.readline() == "said\n"  # while nothing has been read
            head = os.read(reader, 100)
            assert head.startswith(b"line 0 ") and b"\x1b" not in head and b"\x07" not in head
            assert b"\nready" not in head  # one line, whatever a name holds
            process.stdin.close()
            assert process.stderr.read() == "None\n" and process.wait(60) == 0
        os.close(reader)


def test_a_full_disk_is_told_once_and_kept() -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    with saying(full) as process:
        said = process.communicate(timeout=60)[1]
    os.close(full)
    assert said.count("standard output: No space left on device; the sound goes on") == 1
    assert said.endswith("[Errno 28] No space left on device\n")
