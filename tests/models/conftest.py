"""Libraries for the tests of models/library*.py: an empty one, one of twelve sounds, a copy."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from latentpad.models.libraries import library
from latentpad.models.libraries.library import Library
from latentpad.models.packs import pack


@pytest.fixture
def empty(small: pack.Pack, tmp_path: Path) -> Library:
    return library.create(tmp_path / "mine", small)


@pytest.fixture(scope="session")
def filled(small: pack.Pack, recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> Library:
    made = library.create(tmp_path_factory.mktemp("libraries") / "filled", small)
    made.add(recordings)
    return made


@pytest.fixture
def copy(filled: Library, tmp_path: Path) -> Path:
    """A library that a test may change or break."""
    return Path(shutil.copytree(filled.path, tmp_path / "copy"))
