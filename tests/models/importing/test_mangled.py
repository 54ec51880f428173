"""Some hundred mangled files, each refused in one line: see `mangling` for what is done to them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

HANGS = 20.0  # s: what is refused takes milliseconds, so only a hang comes near
MOST_MB = 300


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Every try, in a process of its own, so that its memory can be measured."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.models.importing.mangling",
         str(tmp_path_factory.mktemp("mangled"))],
        capture_output=True, text=True, timeout=400, check=False, cwd=Path(__file__).parents[3],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


@pytest.fixture(scope="module")
def tries(report: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return report[:-1]


def test_whatever_is_certainly_broken_is_refused(tries: list[dict[str, Any]]) -> None:
    broken = [t for t in tries if t["certain"]]
    assert [t for t in broken if t["outcome"] != "refused"] == []
    kinds = Counter(t["kind"].split()[0] for t in broken)
    assert sum(kinds.values()) >= 300 and set(kinds) == {
        "pack", "keras", "tfjs", "saved", "map", "audio",
    }  # fmt: skip


def test_nothing_raises_what_a_reader_does_not_mean_to(tries: list[dict[str, Any]]) -> None:
    assert [t for t in tries if t["outcome"] not in ("refused", "taken")] == []


def test_each_refusal_is_one_line_that_names_the_file(tries: list[dict[str, Any]]) -> None:
    for reported in tries:
        if reported["outcome"] == "refused":
            said = reported["said"]
            assert said.isprintable() and "/trial/" in said and len(said) < 600, reported


def test_no_refusal_takes_long(tries: list[dict[str, Any]]) -> None:
    refused = sorted(t["seconds"] for t in tries if t["outcome"] == "refused")
    assert refused[-1] < HANGS
    assert refused[int(0.95 * len(refused))] < 2.0


def test_nothing_is_written_and_nothing_left(tries: list[dict[str, Any]]) -> None:
    assert [t for t in tries if t["written"] or t["left"]] == []


def test_memory_is_bounded(report: list[dict[str, Any]]) -> None:
    assert report[-1]["kind"] == "memory"
    assert report[-1]["grown_mb"] < MOST_MB
