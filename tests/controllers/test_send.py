"""`latentpad send`, against a socket that answers what it is told to."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence

import pytest

from latentpad.benchmarks.programs import free_port
from latentpad.controllers.osc.packet import Message, OscArgument, decode, encode, encode_bundle
from tests.forking import ROOT, latentpad


class Listener:
    """A UDP port that keeps what comes, and answers each packet with `answers`."""

    def __init__(self, family: socket.AddressFamily = socket.AF_INET) -> None:
        self.heard: list[Message] = []
        self.answers: Sequence[bytes] = ()
        self.from_another_port: Sequence[bytes] = ()
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            data, peer = self._socket.recvfrom(65536)
            if not data:
                return
            self.heard += decode(data).messages
            for answer in self.answers:
                self._socket.sendto(answer, peer)
            with socket.socket(self._socket.family, socket.SOCK_DGRAM) as another:
                for answer in self.from_another_port:
                    another.sendto(answer, peer)

    def close(self) -> None:
        with socket.socket(self._socket.family, socket.SOCK_DGRAM) as ending:
            ending.sendto(b"", self._socket.getsockname())


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.close()


def send(*words: object) -> subprocess.CompletedProcess[str]:
    return latentpad("send", *map(str, words))


@pytest.mark.parametrize(
    ("words", "args"),
    [
        (("/pad/xy", "0.25", "1"), (0.25, 1)),
        (("/pitch", "-12"), (-12,)),
        (("/pitch", "-.5"), (-0.5,)),
        (("/preset", "drone"), ("drone",)),
        (("/preset", "s:3"), ("3",)),
        (("/loop/freeze", "true"), (True,)),
        (("/preset/save", "two words"), ("two words",)),
        (("/preset/save", "s:-12"), ("-12",)),
        (("/panic",), ()),
    ],
)
def test_words_become_one_message(
    words: Sequence[str], args: tuple[OscArgument, ...], listener: Listener
) -> None:
    done = send(*words, "--port", listener.port)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    (message,) = listener.heard
    assert message == (words[0], args)
    assert [type(arg) for arg in message.args] == [type(arg) for arg in args]


def test_options_may_stand_anywhere(listener: Listener) -> None:
    assert send("--host", "localhost", "/pitch", "--osc-port", listener.port, "-1").returncode == 0
    assert listener.heard == [("/pitch", (-1,))]


def test_what_is_answered_is_printed(listener: Listener) -> None:
    listener.answers = [
        encode("/pitch", [36.0]),
        b"nothing of OSC",
        encode_bundle([encode("/preset", ["two words"]), encode("/x", ["\x1b]0;owned\x07"])]),
    ]
    done = send("/pitch", "900", "--port", listener.port)
    assert done.returncode == 0 and done.stderr == ""
    assert done.stdout.splitlines()[:2] == ["/pitch 36.0", "/preset 'two words'"]
    assert "\x1b" not in done.stdout and "\x07" not in done.stdout


def test_what_other_ports_of_its_host_send_is_printed_too(listener: Listener) -> None:
    """As what `/sync` asks for does."""
    listener.from_another_port = [encode("/gain", [-12.0])]
    done = send("/sync", "--port", listener.port)
    assert (done.returncode, done.stdout) == (0, "/gain -12.0\n")


def test_what_is_refused_is_no_success(listener: Listener) -> None:
    listener.answers = [encode("/refused", ["/preset", "there is no preset 'drne'"])]
    done = send("/preset", "drne", "--port", listener.port)
    assert done.returncode == 1 and "there is no preset" in done.stdout


def test_where_nobody_listens_it_says_what_to_do() -> None:
    port = free_port()
    done = send("/panic", "--port", port)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert f"nobody listens on UDP port {port}" in done.stderr and "latentpad play" in done.stderr


@pytest.mark.parametrize(
    ("words", "what", "status"),
    [
        (("panic",), "one begins with /", 1),
        (("/panic", "--host", "no such host.invalid"), "there is no host", 1),
        (("/pitch", "--prot", "3"), "there is no option --prot", 2),
        (("/pitch", "-q"), "there is no option -q", 2),
        (("/pitch", "9223372036854775808"), "does not fit in 64 bits", 1),
        (("/preset", "a" * 70_000), "cannot be reached", 1),
        ((), "", 2),
    ],
)
def test_what_cannot_be_sent_is_told(words: Sequence[str], what: str, status: int) -> None:
    done = send(*words)
    assert done.returncode == status, done.stdout + done.stderr
    assert what in " ".join(done.stderr.replace("│", " ").split())
    assert "Traceback" not in done.stderr and (status == 2 or done.stderr.count("\n") == 1)


def test_localhost_is_found_on_either_family() -> None:
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    try:
        listener = Listener(socket.AF_INET6)
    except OSError:
        pytest.skip("no IPv6 here")
    done = send("/panic", "--host", "::1", "--port", listener.port)
    listener.close()
    assert done.returncode == 0 and listener.heard == [("/panic", ())]


def test_nothing_heavy_is_imported_for_it() -> None:
    asked = (
        "import sys; sys.argv = ['latentpad', 'send', '/panic', '--port', '9']\n"
        "from latentpad.cli import main as cli\n"
        "try: cli.main()\n"
        "except SystemExit: pass\n"
        "print(sorted({'numpy', 'tensorflow', 'keras', 'numba', 'rich'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", asked], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.stdout == "[]\n", done.stderr
