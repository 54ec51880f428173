"""setup.sh on machines that lack things, played by small programs; and the locks it installs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.playing import ROOT

LOCKS = {path.stem: path.read_text("utf-8") for path in (ROOT / "requirements").glob("*.txt")}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
TOOLS = (  # of the system, that setup.sh itself runs
    "awk", "cat", "chmod", "cksum", "dirname", "env", "find", "grep", "mkdir", "rm", "sed", "sh",
    "sort", "tr", "xargs",
)  # fmt: skip
PYTHON = """
case "$*" in
--version) echo "Python {version}" ;;
*version_info*) [ {version} = 3.12 ] ;;
*" venv "*) mkdir -p .venv/bin && cat "$0" >.venv/bin/python && chmod +x .venv/bin/python ;;
"-m "*) echo "$0 $*" >>"$LOG" ;;
esac
"""


@dataclass
class Machine:
    """A bare machine with a checkout. `did` is what has been run there: pip, apt-get, ..."""

    folder: Path
    programs: Path

    def has(self, name: str, does: str = "") -> None:
        (self.programs / name).write_text(f"#!/bin/sh\n{does}\n")
        (self.programs / name).chmod(0o755)

    def setup(self, *words: str) -> subprocess.CompletedProcess[str]:
        env = {"PATH": str(self.programs), "HOME": str(self.folder), "LOG": str(self.log)}
        return subprocess.run(
            ["./setup.sh", *words], cwd=self.folder, env=env,
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    @property
    def log(self) -> Path:
        return self.programs / "log"

    def did(self) -> list[str]:
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return lines

    def locks(self) -> set[str]:
        """The locks that have been installed."""
        installs = (line for line in self.did() if " install " in line)
        return {name for line in installs for name in re.findall(r"requirements/(\w+)\.txt", line)}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A Debian with Python 3.12 and PortAudio, in a folder that is not easily quoted."""
    folder = tmp_path / "Café à l'Été $HOME"
    shutil.copytree(ROOT / "requirements", folder / "requirements")
    shutil.copy(ROOT / "pyproject.toml", folder)
    shutil.copy(ROOT / "setup.sh", folder)
    (folder / "engine").mkdir()
    (folder / "engine" / "voice.py").write_text("from numba import njit\n")
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in TOOLS:
        where = shutil.which(name)
        assert where is not None
        os.symlink(where, programs / name)
    made = Machine(folder, programs)
    made.has("uname", "echo Linux")
    made.has("id", "echo 0")
    made.has("ldconfig", "echo libportaudio.so.2")
    made.has("apt-get", 'echo "apt-get $*" >>"$LOG"')
    made.has("apt-cache", "[ $2 = python3 ]")
    made.has("python3", PYTHON.format(version="3.12"))
    return made


def test_playing_needs_neither_a_compiler_nor_what_the_tests_need(machine: Machine) -> None:
    done = machine.setup("play")
    assert done.returncode == 0 and not done.stderr, done.stderr
    did = machine.did()
    assert not [line for line in did if line.startswith("apt-get")]
    installed = re.findall(r"requirements/(\w+)\.txt", "\n".join(did))
    assert sorted(installed) == ["base", "cpu", "train"]
    assert [line for line in did if line.endswith("--editable .")]
    assert [line for line in did if line.endswith("-m latentpad.cli.warm_up")]


def test_nothing_is_done_twice(machine: Machine) -> None:
    machine.setup("play")
    machine.did()
    again = machine.setup("play")
    assert (again.returncode, again.stdout, machine.did()) == (0, "", [])


def test_the_tests_add_only_what_playing_has_not_brought(machine: Machine) -> None:
    machine.setup("play")
    machine.did()
    npm = f'"{machine.programs}/npm"'
    brought = f'echo \'echo "npm $*" >>"$LOG"\' >{npm}; chmod +x {npm}'
    machine.has("apt-get", f'echo "apt-get $*" >>"$LOG"\n{brought}')
    done = machine.setup("test")
    assert done.returncode == 0, done.stderr
    did = machine.did()
    (apt,) = (line for line in did if "install" in line and line.startswith("apt-get"))
    clients = "liblo-tools puredata-core supercollider-language nodejs npm"
    assert apt.endswith(f" g++ jackd2 {clients}")
    assert [line for line in did if line.startswith("npm install") and "osc@" in line]
    installed = re.findall(r"requirements/(\w+)\.txt", "\n".join(did))
    assert sorted(installed) == ["cluster", "evaluate", "gamepad", "test", "umap"]
    assert not [line for line in did if "latentpad.cli.warm_up" in line]


def test_an_extra_that_was_brought_is_renewed_with_the_rest(machine: Machine) -> None:
    machine.setup("umap")
    assert machine.locks() == {"base", "cpu", "train", "umap"}
    for name in ("base", "umap"):
        with (machine.folder / "requirements" / f"{name}.txt").open("a") as lock:
            lock.write("# newer\n")
    assert machine.setup("play").returncode == 0
    assert machine.locks() == {"base", "umap"}


def test_what_failed_is_done_again(machine: Machine) -> None:
    failing = PYTHON.replace('"-m "*)', '*cpu.txt) exit 1 ;;\n"-m "*)')
    machine.has("python3", failing.format(version="3.12"))
    assert machine.setup("play").returncode != 0
    machine.did()
    (machine.folder / ".venv" / "bin" / "python").write_text(
        "#!/bin/sh\n" + PYTHON.format(version="3.12")
    )
    assert machine.setup("play").returncode == 0
    assert "cpu" in machine.locks()


def test_where_only_a_newer_python_is_a_line_says_what_to_do(machine: Machine) -> None:
    machine.has("python3", PYTHON.format(version="3.13"))
    done = machine.setup("play")
    assert done.returncode == 1 and not done.stdout and done.stderr.count("\n") == 1
    for word in ("Python 3.11 or 3.12", "Python 3.13", "uv python install 3.12"):
        assert word in done.stderr
    assert not machine.did(), "nothing is installed before"


def test_where_the_system_has_an_older_python_beside_it_is_taken(machine: Machine) -> None:
    machine.has("python3", PYTHON.format(version="3.13"))
    machine.has("apt-cache", "[ $2 = python3 ] || [ $2 = python3.12-venv ]")
    brought = f"cat >{machine.programs}/python3.12 <<'E'\n#!/bin/sh\n"
    brought += PYTHON.format(version="3.12") + f"E\nchmod +x {machine.programs}/python3.12"
    machine.has("apt-get", f'echo "apt-get $*" >>"$LOG"\n{brought}')
    done = machine.setup("play")
    assert done.returncode == 0, done.stderr
    assert "apt-get: python3.12 python3.12-venv" in done.stdout
    assert machine.locks() == {"base", "cpu", "train"}


def test_an_extra_that_there_is_not_is_refused(machine: Machine) -> None:
    done = machine.setup("evaluation")
    assert done.returncode == 1 and "no extra evaluation" in done.stderr
    assert not machine.did()


def packages(lock: str) -> dict[str, str]:
    """The packages of a lock, each with its versions and markers."""
    result: dict[str, str] = {}
    for name, version in re.findall(r"^([\w.-]+)==(.*?) *\\$", LOCKS[lock], re.M):
        result[name] = result.get(name, "") + f" {version}"
    return result


def test_there_is_a_lock_for_each_extra() -> None:
    assert {*LOCKS} == {"base", *PROJECT["optional-dependencies"]}


def test_a_package_is_in_one_lock_alone_and_tensorflows_agree() -> None:
    listed = [name for lock in LOCKS if lock != "gpu" for name in packages(lock)]
    assert len(listed) == len({*listed})
    cpu, gpu = packages("cpu"), packages("gpu")
    assert {name: gpu[name].split()[0] for name in cpu if name in gpu} == {
        name: cpu[name].split()[0] for name in cpu if name in gpu
    }
    assert not {*gpu} & {*listed} - {*cpu}


@pytest.mark.parametrize("extra", ["base", *PROJECT["optional-dependencies"]])
def test_what_an_extra_names_is_locked(extra: str) -> None:
    named = PROJECT["dependencies"] if extra == "base" else PROJECT["optional-dependencies"][extra]
    locked = {name for lock in LOCKS for name in packages(lock)}
    for requirement in named:
        name = re.split(r"[\[><=; ]", requirement)[0].lower().replace("_", "-")
        assert name == PROJECT["name"] or name in locked, f"{requirement}: run `make lock`"


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_hashes_and_no_address(lock: str) -> None:
    text = LOCKS[lock]
    assert "://" not in text and "index" not in text
    for entry in re.split(r"^(?=\w)", text, flags=re.M):
        if "==" in entry:
            assert "--hash=sha256:" in entry, entry
