"""The hosts that asked for feedback, kept in a file for the next run.

[hosts."192.168.1.7"]
port = 9001
ports = [50123, 9001]
aliases = ["/n/gain"]
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import tomli_w
from platformdirs import user_state_path

from latentpad.engine import atomic_file
from latentpad.models.errors import LatentpadError
from latentpad.models.files import bounded, toml

MOST_BYTES = 1 << 16
SAVE_S = 1.0
"""Seconds after a change in which the file is written."""


class RememberedError(LatentpadError, ValueError):
    """A file that cannot be used: one line with the reason."""


class RememberedHost(NamedTuple):
    """A host, the port that it named last, all ports that it is answered on, and the aliases that
    it uses (`engine.control.aliases`)."""

    host: str
    port: int | None
    ports: Sequence[int]
    aliases: Sequence[str] = ()


class HostMemory:
    """The hosts in the file `path`. Any thread may call.

    `tell` is called with a line if the file cannot be read or written.
    """

    def __init__(self, path: Path, tell: Callable[[str], None]) -> None:
        self._path, self._tell = path, tell
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self.hosts: list[RememberedHost] = []
        try:
            self.hosts = load(path)
        except RememberedError as error:
            tell(f"note   {error}")

    def keep(self, hosts: list[RememberedHost]) -> None:
        """Write these hosts to the file, within `SAVE_S`. Never waits for a disk."""
        with self._lock:
            if hosts != self.hosts and self._timer is None:
                self._timer = threading.Timer(SAVE_S, self._save)
                self._timer.daemon = True
                self._timer.start()
            self.hosts = hosts

    def close(self) -> None:
        """Write what has not been written yet."""
        with self._lock:
            timer = self._timer
        if timer is not None:
            timer.cancel()
            self._save()

    def _save(self) -> None:
        with self._lock:
            self._timer, hosts = None, self.hosts
        try:
            save(self._path, hosts)
        except OSError as error:
            self._tell(f"note   {self._path}: {error.strerror}; who wants feedback is forgotten")


def path_of(osc_port: int) -> Path:
    """The file of the instrument that listens on this port."""
    return user_state_path("latentpad") / f"feedback-{osc_port}.toml"


def load(path: Path) -> list[RememberedHost]:
    """The hosts of the file, none if there is no file. Raises `RememberedError`."""
    try:
        hosts = toml.loads(bounded.read(path, MOST_BYTES).decode()).get("hosts", {})
        return [_host(name, entry) for name, entry in hosts.items()]
    except FileNotFoundError:
        return []
    except (OSError, OverflowError, ValueError, TypeError, AttributeError, KeyError) as error:
        raise RememberedError(
            f"{path}: {error}; who wants feedback asks again with /sync"
        ) from None


def save(path: Path, hosts: Iterable[RememberedHost]) -> None:
    """Write the file. Raises `OSError`."""
    tables = {
        host.host: {
            **({} if host.port is None else {"port": host.port}),
            "ports": list(host.ports),
            "aliases": list(host.aliases),
        }
        for host in hosts
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_file.replace(path, tomli_w.dumps({"hosts": tables}).encode())


def _host(name: str, entry: dict[str, Any]) -> RememberedHost:
    named = entry.get("port")
    ports = [port for port in entry["ports"] if _is_port(port)]
    aliases = [alias for alias in entry.get("aliases", []) if isinstance(alias, str)]
    return RememberedHost(name, named if _is_port(named) else None, ports, aliases)


def _is_port(value: object) -> bool:
    return isinstance(value, int) and 0 < value < 65536
