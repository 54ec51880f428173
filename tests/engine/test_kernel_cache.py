"""Compiled kernels are stored wherever the instrument runs; where they cannot be, it runs
without."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from latentpad.engine.kernel_cache import remove_old, version, writable

ROOT = Path(__file__).parents[2]

KERNEL = """
from numba import njit

@njit(cache=True)
def twice(x):
    return x + x
"""

# In a process of its own, as each start is one. `LIMIT` 0: no file can be written to.
RUN = """
import os, resource, sys
import latentpad.engine
from latentpad.engine.kernel_cache import on_compile
on_compile(lambda kernels: print("compiled", kernels))
limit = int(os.environ.get("LIMIT", -1))
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
from kernel import twice
for given in sys.argv[1:]:
    assert twice(eval(given)) == 2 * eval(given)
print("in", os.environ["NUMBA_CACHE_DIR"])
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "kernel.py").write_text(KERNEL)
    return tmp_path


def run(folder: Path, *given: str, **environment: str) -> list[str]:
    kept = {k: v for k, v in os.environ.items() if k not in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME")}
    done = subprocess.run(
        [sys.executable, "-c", RUN, *(given or ("1",))],
        env={**kept, "PYTHONPATH": f"{ROOT}:{folder}", "TMPDIR": str(folder), **environment},
        capture_output=True, text=True, cwd=folder, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def a_file(folder: Path) -> str:
    """A folder that cannot be made, not even by root."""
    (folder / "file").touch()
    return str(folder / "file" / "home")


def test_they_are_kept_in_the_users_cache_and_compiled_once(folder: Path) -> None:
    home = str(folder / "home")
    first, second = run(folder, HOME=home), run(folder, HOME=home)
    assert first[0] == "compiled 1"
    assert len(second) == 1 and second[0].startswith(f"in {home}")


@pytest.mark.parametrize("named", ["HOME", "XDG_CACHE_HOME"])
def test_without_a_home_that_can_be_written_they_are_kept_all_the_same(
    folder: Path, named: str
) -> None:
    environment = {named: a_file(folder)}
    before = set(folder.iterdir())
    first, second = run(folder, **environment), run(folder, **environment)
    assert first[0] == "compiled 1"
    assert len(second) == 1
    kept = Path(second[0].removeprefix("in "))
    assert kept.parent == folder and kept.stat().st_mode & 0o777 == 0o700
    assert set(folder.iterdir()) - before - {folder / "__pycache__"} == {kept}


def test_a_path_of_nobodys_home_is_no_place() -> None:
    assert not writable(Path("~/.cache"))


def test_a_folder_that_others_may_write_to_is_not_trusted(folder: Path) -> None:
    environment = {"HOME": a_file(folder)}
    kept = Path(run(folder, **environment)[-1].removeprefix("in "))
    kept.chmod(0o777)
    assert Path(run(folder, **environment)[-1].removeprefix("in ")) != kept


def test_a_users_own_cache_folder_that_cannot_be_written_is_passed_over(folder: Path) -> None:
    home = str(folder / "home")
    assert run(folder, HOME=home, NUMBA_CACHE_DIR=a_file(folder))[-1].startswith(f"in {home}")


def test_a_full_disk_keeps_none_and_they_run(folder: Path) -> None:
    home = str(folder / "home")
    assert run(folder, HOME=home, LIMIT="0")[0] == "compiled 1"


@pytest.mark.parametrize("kind", ["nbi", "nbc"])
def test_a_file_that_was_cut_short_is_made_anew(folder: Path, kind: str) -> None:
    home = folder / "home"
    run(folder, HOME=str(home))
    (cut,) = home.rglob(f"*.{kind}")
    os.truncate(cut, cut.stat().st_size // 2)
    assert run(folder, HOME=str(home))[0] == "compiled 1"
    assert len(run(folder, HOME=str(home))) == 1


def test_each_copy_of_the_program_compiles_its_own(folder: Path) -> None:
    """Numba stores kernels by the folder of their source, so each copy of the program has its
    own."""
    start = (
        "from latentpad.engine.kernel_cache import compile_once; compile_once(lambda: print('all'))"
    )
    copies = [folder / name for name in "ab"]
    for copy in copies:
        shutil.copytree(ROOT / "engine", copy / "latentpad" / "engine")
        shutil.copy(ROOT / "latentpad" / "__init__.py", copy / "latentpad")
    outputs = [
        subprocess.run(
            [sys.executable, "-c", start],
            env={**os.environ, "NUMBA_CACHE_DIR": str(folder / "home"), "PYTHONPATH": str(copy)},
            capture_output=True, text=True, cwd=copy, check=True,
        ).stdout.split()
        for copy in (*copies, *copies)
    ]  # fmt: skip
    assert outputs == [["all"], ["all"], [], []]


def test_instruments_that_start_at_once_share_what_they_compile(folder: Path) -> None:
    home = str(folder / "home")
    kinds = ["1", "1.5", "2j", "True"]
    orders = [kinds[k:] + kinds[:k] for k in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda order: run(folder, *order, HOME=home), orders))
    assert len(run(folder, *kinds, HOME=home)) == 1


def test_old_versions_are_removed_when_the_new_one_is_there_unless_used_within_a_month(
    tmp_path: Path,
) -> None:
    kept = tmp_path / f"kernels-{version()}"
    old, other, used = (tmp_path / f"kernels-{digit * 16}" for digit in "abc")
    strange = [tmp_path / "kernels-of-mine", tmp_path / "packs"]
    for there in (kept, old, other, used, *strange):
        (there / "inside").mkdir(parents=True)
        (there / "inside" / "kernel.nbc").touch()
        if there != used:
            os.utime(there, (0, time.time() - 31 * 86400))
    remove_old(kept)
    assert set(tmp_path.iterdir()) == {kept, used, *strange}
    os.utime(used, (0, 0))
    remove_old(tmp_path / "of-the-users-own")
    assert used.exists()


def test_who_starts_has_used_its_folder(folder: Path) -> None:
    home = str(folder / "home")
    kept = Path(run(folder, HOME=home)[-1].removeprefix("in "))
    os.utime(kept, (0, 0))
    run(folder, HOME=home)
    assert time.time() - kept.stat().st_mtime < 600


FFT = """
import sys
from latentpad.engine.kernel_cache import load_fft
load_fft()
from numba.core.entrypoints import init_all
init_all()  # as before the first kernel
assert "rocket_fft" in sys.modules and "scipy.fft" not in sys.modules
import scipy.fft
assert scipy.fft.rfft([1.0, 1.0])[0] == 2.0
"""


def test_kernels_have_an_fft_without_that_of_scipy_which_is_there_for_others(
    tmp_path: Path,
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FFT], env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
