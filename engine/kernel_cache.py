"""The cache of compiled kernels: where Numba keeps them, and reports of their compilation.

Compiling all kernels takes a minute of processor time. They are kept in the user's cache folder. If
that is not writable (no home, or a read-only one), they are kept in a private folder of the
system's temporary folder.
"""

from __future__ import annotations

import hashlib
import importlib
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

MAX_AGE_S = 30 * 86400.0  # a version's folder is kept this long after its last use
REPORT_INTERVAL_S = 10.0  # between two reports about compiling
CONSTANTS = "memory.py"  # has constants of kernels, and none itself
LOCK_S = 2.0  # how long another process may hold the lock of a kernel's index


def version() -> str:
    """A hash of the sources of all kernels, and of the constants that they share.

    Numba recompiles a function when its own file has changed, but not when a kernel from another
    file that was inlined into it has changed.
    """
    source = hashlib.sha256()
    for file in sorted(Path(__file__).parent.rglob("*.py")):
        text = file.read_bytes()
        if (b"njit" in text or file.name == CONSTANTS) and file != Path(__file__):
            source.update(text)
    return source.hexdigest()[:16]


def folder() -> Path:
    """The cache folder for the present sources. It is made if it does not exist. Its time of
    change is set to now, see `remove_old`."""
    name = f"kernels-{version()}"
    cache_folder = Path(platformdirs.user_cache_dir("latentpad")) / name
    if not writable(cache_folder):
        cache_folder = _private_folder(name)
    with suppress(OSError):
        os.utime(cache_folder)
    return cache_folder


def remove_old(cache_folder: Path) -> None:
    """Remove the cache folders of other versions, beside `cache_folder`, that were last used more
    than a month ago.

    An instrument that has played for longer has loaded its kernels already. What it might still
    need is compiled again.
    """
    if not cache_folder.name.endswith(f"kernels-{version()}"):
        return  # a folder that the user has chosen
    version_folders = re.compile(
        re.escape(cache_folder.name.removesuffix(version())) + "[0-9a-f]{16}"
    )
    with suppress(OSError):
        for entry in cache_folder.parent.iterdir():
            expired = time.time() - entry.lstat().st_mtime > MAX_AGE_S
            if expired and entry != cache_folder and version_folders.fullmatch(entry.name):
                shutil.rmtree(entry, ignore_errors=True)


def compile_once(rehearse: Callable[[], object]) -> None:
    """Call `rehearse`, which compiles all kernels of the decoding process, unless a marker file
    says that they are in the cache for these sources, this folder and this processor.

    Numba keeps the kernels of each source folder apart. Without the marker, loading them all takes
    one to two seconds.
    """
    import numba
    from llvmlite import binding  # type: ignore[import-untyped]

    folder_hash = hashlib.sha256(os.fsencode(Path(__file__).parent)).hexdigest()[:16]
    tag = f"numba-{numba.__version__}-{sys.implementation.cache_tag}"
    name = f"pointing-{version()}-{folder_hash}-{tag}"
    marker = Path(os.environ["NUMBA_CACHE_DIR"]) / f"{name}-{binding.get_host_cpu_name()}"
    if not marker.exists():
        rehearse()
        with suppress(OSError):
            marker.touch()
        remove_old(marker.parent)


def writable(cache_folder: Path) -> bool:
    """Whether files can be written there. False for a relative path: `~` of a user without a
    home."""
    if not cache_folder.is_absolute():
        return False
    with suppress(OSError):
        cache_folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=cache_folder).close()
        return True
    return False


def _private_folder(name: str) -> Path:
    """A folder that only this user can write to. Its contents are executed, so this must hold."""
    cache_folder = Path(tempfile.gettempdir()) / f"latentpad-{os.getuid()}-{name}"
    with suppress(OSError):
        cache_folder.mkdir(mode=0o700, exist_ok=True)
        status = cache_folder.lstat()
        is_private = stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()
        if is_private and not status.st_mode & 0o077 and writable(cache_folder):
            return cache_folder
    return Path(tempfile.mkdtemp(prefix="latentpad-kernels-"))


def on_compile(report: Callable[[int], None]) -> None:
    """Call `report` with the number of kernels compiled so far: at the first one and then every few
    seconds, on the thread that compiles. For processes that run kernels.

    From then on, a kernel that cannot be stored (a full disk) or read (a truncated file) is
    compiled without being stored. By default Numba would raise an exception from the call.
    """
    from numba.core import event
    from numba.core.caching import Cache

    class Compiling(event.Listener):
        kernels = 0
        reported_at = 0.0

        def on_start(self, event: Any) -> None:
            self.kernels += 1
            if self.kernels == 1 or time.monotonic() - self.reported_at > REPORT_INTERVAL_S:
                self.reported_at = time.monotonic()
                report(self.kernels)

        def on_end(self, event: Any) -> None:
            """Reported when the next one begins."""

    event.register("numba:compile", Compiling())
    Cache._guard_against_spurious_io_errors = _guarded_access  # type: ignore[method-assign, assignment]


def load_fft() -> None:
    """Load Numba's FFT, which kernels use as `numpy.fft`, without that of SciPy.

    Numba loads it before its first kernel, and with it `scipy.fft`, a quarter of a second of
    processor time. For processes without kernels that use `scipy.fft`, before other threads import.
    """
    unused = "scipy.fft" not in sys.modules
    if unused:
        sys.modules["scipy.fft"] = None  # type: ignore[assignment]
    try:
        importlib.import_module("rocket_fft")
    finally:
        if unused:
            del sys.modules["scipy.fft"]


@contextmanager
def _guarded_access(cache: Any) -> Iterator[None]:
    """Around each read and write of a stored kernel. Only one process at a time may do it: two that
    change the same index at once could store one kernel's code under the other's name."""
    try:
        with _exclusive_lock(Path(cache.cache_path) / "lock"):
            yield
    except OSError:
        return
    except Exception:  # unpickling may raise anything
        with suppress(OSError):
            cache.flush()


@contextmanager
def _exclusive_lock(path: Path) -> Iterator[None]:
    """Raises `BlockingIOError` if another process, for example a stopped one, holds the lock for
    long."""
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
