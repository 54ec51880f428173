"""The compiled kernels: where Numba keeps them, and who hears of it when they are compiled anew.

Compiling all of them takes a minute of processor time. They are kept in the user's cache folder,
or, where that cannot be written (no home, a read-only one), in a private folder of the system's
temporary one.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import platformdirs

KEPT_S = 30 * 86400.0  # how long after its last use a version's folder is kept
TOLD_S = 10.0  # between two words about compiling
LOCK_S = 2.0  # how long another process may keep a kernel's index


def version() -> str:
    """Changes with the source of any kernel.

    Numba renews what it has kept when a function's own file changes, but not when a kernel of
    another file does that was compiled into it.
    """
    source = hashlib.sha256()
    for file in sorted(Path(__file__).parent.rglob("*.py")):
        text = file.read_bytes()
        if b"njit" in text and file != Path(__file__):
            source.update(text)
    return source.hexdigest()[:16]


def folder() -> Path:
    """Where this very source's compiled kernels are kept; made if it is not there. Its time of
    change is that of its last use, see `remove_old`."""
    name = f"kernels-{version()}"
    kept = Path(platformdirs.user_cache_dir("latentpad")) / name
    if not writable(kept):
        kept = _private(name)
    with suppress(OSError):
        os.utime(kept)
    return kept


def remove_old(kept: Path) -> None:
    """Remove what lies beside `kept`, this version's folder, of versions that were last used a
    month ago.

    An instrument that has played without a pause for longer has loaded its kernels; what it might
    still ask for is compiled anew.
    """
    if not kept.name.endswith(f"kernels-{version()}"):
        return  # a folder of the user's own
    others = re.compile(re.escape(kept.name.removesuffix(version())) + "[0-9a-f]{16}")
    with suppress(OSError):
        for other in kept.parent.iterdir():
            old = time.time() - other.lstat().st_mtime > KEPT_S
            if old and other != kept and others.fullmatch(other.name):
                shutil.rmtree(other, ignore_errors=True)


def compile_once(rehearse: Callable[[], object]) -> None:
    """Call `rehearse`, which compiles all that a pointing runs, unless that is known to be kept
    for this source, where it lies (Numba keeps the kernels of each folder apart), and this
    processor: to load it all takes a second or two as well."""
    import numba
    from llvmlite import binding  # type: ignore[import-untyped]

    place = hashlib.sha256(os.fsencode(Path(__file__).parent)).hexdigest()[:16]
    name = f"pointing-{version()}-{place}-numba-{numba.__version__}-{sys.implementation.cache_tag}"
    known = Path(os.environ["NUMBA_CACHE_DIR"]) / f"{name}-{binding.get_host_cpu_name()}"
    if not known.exists():
        rehearse()
        with suppress(OSError):
            known.touch()
        remove_old(known.parent)


def writable(kept: Path) -> bool:
    """Whether files can be kept there. A relative path is none: `~` of a user without a home."""
    if not kept.is_absolute():
        return False
    with suppress(OSError):
        kept.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=kept).close()
        return True
    return False


def _private(name: str) -> Path:
    """A folder of this user's alone: what lies in it is run, so nobody else may write there."""
    kept = Path(tempfile.gettempdir()) / f"latentpad-{os.getuid()}-{name}"
    with suppress(OSError):
        kept.mkdir(mode=0o700, exist_ok=True)
        found = kept.lstat()
        ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
        if ours and not found.st_mode & 0o077 and writable(kept):
            return kept
    return Path(tempfile.mkdtemp(prefix="latentpad-kernels-"))


def on_compile(tell: Callable[[int], None]) -> None:
    """In a process that runs kernels: `tell` hears how many have been compiled so far, at the first
    and then every few seconds, on the thread that compiles.

    From then on a kernel that cannot be kept (a full disk), or read (a file cut short), is
    compiled without being kept; by itself Numba would raise from the call.
    """
    from numba.core import event
    from numba.core.caching import Cache

    class Compiling(event.Listener):
        kernels = 0
        told = 0.0

        def on_start(self, event: Any) -> None:
            self.kernels += 1
            if self.kernels == 1 or time.monotonic() - self.told > TOLD_S:
                self.told = time.monotonic()
                tell(self.kernels)

        def on_end(self, event: Any) -> None:
            """It is told of when the next one begins."""

    event.register("numba:compile", Compiling())
    Cache._guard_against_spurious_io_errors = _keeping  # type: ignore[method-assign, assignment]


@contextmanager
def _keeping(cache: Any) -> Iterator[None]:
    """Around each reading and writing of a kept kernel, by one process at a time: two that add to
    the same index at once could give one kernel the other's code."""
    try:
        with _locked(Path(cache.cache_path) / "lock"):
            yield
    except OSError:
        return
    except Exception:  # unpickling raises anything
        with suppress(OSError):
            cache.flush()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Raises `BlockingIOError` where another process holds it for long: one that was stopped."""
    import fcntl

    end = time.monotonic() + LOCK_S
    with path.open("wb") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.002)
        yield
