"""A new parameter takes few files: a patch adds a low-pass, `/tone`, to a copy of the sources.

The patch is the example of CONTRIBUTING.md; where a change of the sources keeps it from applying,
it is to be written again.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from typing import Any

import pytest

from tests.copies import ROOT, copy_kernels

pytestmark = pytest.mark.early

PATCHES = ROOT / "tests" / "patches"
COPIED = ("latentpad", "controllers", "engine", "models", "presets", "docs")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What `play_tone.py` found in a copy with the patch."""
    copy = tmp_path_factory.mktemp("copy")
    skipped = shutil.ignore_patterns("__pycache__", "*.keras", "*.npz", "*.png")
    for name in COPIED:
        shutil.copytree(ROOT / name, copy / name, symlinks=True, ignore=skipped)
    copy_kernels(copy / "latentpad", copy / "kernels")
    subprocess.run(["git", "apply", PATCHES / "tone.patch"], cwd=copy, check=True)
    program = [sys.executable, str(PATCHES / "play_tone.py"), str(copy)]
    environment = {**os.environ, "PYTHONPATH": str(copy), "NUMBA_CACHE_DIR": str(copy / "kernels")}
    ran = subprocess.run(program, cwd=copy, env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    result: dict[str, Any] = json.loads(ran.stdout)
    return result


def test_a_parameter_of_the_sound_is_added_in_four_files_at_most() -> None:
    patch = (PATCHES / "tone.patch").read_text(encoding="utf-8")
    files = set(re.findall(r"^\+\+\+ b/(.+)$", patch, re.M))
    assert "engine/parameters.py" in files and len(files) <= 4


def test_a_new_parameter_is_heard_by_its_address(found: dict[str, Any]) -> None:
    assert found["dark"] < 0.7 * found["bright"]


def test_a_midi_control_learns_a_new_parameter(found: dict[str, Any]) -> None:
    assert found["learned"] == pytest.approx(found["bright"], rel=0.05)


def test_a_preset_keeps_a_new_parameter_and_brings_it_back(found: dict[str, Any]) -> None:
    assert found["preset"]["/tone"] == 300 and found["left out"] == []
    assert found["recalled"] == pytest.approx(found["dark"], rel=0.05)


def test_the_reference_page_tells_of_a_new_parameter(found: dict[str, Any]) -> None:
    assert re.search(
        r"^\| `/tone` \| cutoff .* \| 40…20000 \| Hz \| 20000.0 \|$", found["page"], re.M
    )
