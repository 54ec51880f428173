"""What bash completes, asked as bash asks."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from latentpad.models.packs.pack import names as packs
from latentpad.presets.bank import PresetBank
from tests.playing import ROOT

PROGRAM = Path(sys.executable).with_name("latentpad")
HEAVY = ("numpy", "tensorflow", "keras", "numba", "scipy")


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """A new user's environment, who has saved a preset."""
    own = tmp_path / "latentpad" / "presets" / "my own.toml"
    own.parent.mkdir(parents=True)
    own.write_text("")
    return {**os.environ, "PYTHONPATH": str(ROOT), "XDG_DATA_HOME": str(tmp_path)}


@cache
def source() -> str:
    """What a bash evaluates once, at its start."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "_LATENTPAD_COMPLETE": "source_bash"}
    return subprocess.run(
        [PROGRAM], env=env, capture_output=True, text=True, check=True, timeout=120
    ).stdout


def completed(line: str, env: dict[str, str]) -> list[str]:
    """What bash offers at the end of `line`."""
    if not PROGRAM.exists() or not shutil.which("bash"):
        pytest.skip("needs bash, and the program as it is installed")
    words, program = line.split(" "), shlex.quote(str(PROGRAM))
    asked = (
        f"{source()}\n"
        "complete -p latentpad >/dev/null || exit 1\n"
        f"COMP_WORDS=({' '.join(word or chr(34) * 2 for word in words)})\n"
        f"COMP_CWORD={len(words) - 1}\n"
        f"_latentpad_completion {program}\n"
        '[ ${#COMPREPLY[@]} = 0 ] || printf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    done = subprocess.run(
        ["bash", "--norc", "-c", asked],
        env=env, capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_commands_and_options(home: dict[str, str]) -> None:
    assert {"play", "send", "library", "devices"} <= set(completed("latentpad ", home))
    assert completed("latentpad library rem", home) == ["remove"]
    assert completed("latentpad play --null", home) == ["--null-audio"]
    assert "--version" in completed("latentpad --v", home)


def test_presets_by_name_ones_own_among_them(home: dict[str, str], tmp_path: Path) -> None:
    offered = completed("latentpad play ", home)
    factory = PresetBank(user=tmp_path / "none").names()
    assert offered == [*factory, "my\\ own"]
    assert completed("latentpad play --demo dr", home) == ["drone"]


@pytest.mark.parametrize(
    "line",
    ["play --pack", "evaluate", "plane", "bench --pack", "library add mine sounds --pack",
     "library list mine --pack", "library play mine 3 --pack"],
)  # fmt: skip
def test_packs_by_name_wherever_one_is_asked_for(line: str, home: dict[str, str]) -> None:
    assert completed(f"latentpad {line} ", home) == packs()
    assert completed(f"latentpad {line} one", home) == ["oneshots"]


def test_files_are_left_to_the_shell(home: dict[str, str]) -> None:
    assert completed("latentpad play ./mine", home) == []
    assert completed("latentpad render take", home) == []


def test_nothing_heavy_is_imported_for_it() -> None:
    asked = (
        "import sys; sys.argv = ['latentpad']\n"
        "from latentpad.cli import main as cli\n"
        "try: cli.main()\n"
        "except SystemExit: pass\n"
        f"print(sorted(set({HEAVY!r}) & set(sys.modules)))"
    )
    for words in ("latentpad play ", "latentpad play --pack "):
        env = {
            **os.environ, "_LATENTPAD_COMPLETE": "complete_bash",
            "COMP_WORDS": words, "COMP_CWORD": str(words.count(" ")),
        }  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-c", asked],
            env=env, cwd=ROOT, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert done.stdout.splitlines()[-1] == "[]" and len(done.stdout.splitlines()) > 1
