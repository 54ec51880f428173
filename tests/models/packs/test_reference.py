"""Names and ways by which files find packs."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from latentpad.models.packs import pack as packs
from latentpad.models.packs import reference
from latentpad.models.packs.pack import SHIPPED, PackError


def own(folder: Path, name: str = "mypack") -> Path:
    """A pack of one's own: the shipped one by another name."""
    return Path(shutil.copytree(SHIPPED / "footsteps", folder / name))


def test_a_shipped_pack_goes_by_its_name(tmp_path: Path) -> None:
    assert reference.pack_name(SHIPPED / "footsteps") == "footsteps"
    assert reference.written("footsteps", tmp_path) == "footsteps"
    assert reference.pack_folder("footsteps", tmp_path) == SHIPPED / "footsteps"


def test_a_pack_of_the_user_s_goes_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    mine = own(tmp_path / "latentpad" / "packs")
    assert reference.pack_name(mine) == "mypack" and reference.pack_folder("mypack", Path()) == mine
    # One that is hidden by a shipped one's name does not.
    hidden = own(tmp_path / "latentpad" / "packs", "footsteps")
    assert reference.pack_name(hidden) == str(hidden)


@pytest.mark.parametrize("takes", ["takes", ".", "deep/er/takes", ".hidden"])
def test_a_pack_elsewhere_goes_by_the_way_to_it_wherever_both_are_moved(
    tmp_path: Path, takes: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, folder = own(tmp_path / "old" / "packs"), tmp_path / "old" / takes
    folder.mkdir(parents=True, exist_ok=True)
    written = reference.written(reference.pack_name(there), folder)
    assert reference.is_path(written) and not Path(written).is_absolute()
    (tmp_path / "old").rename(tmp_path / "new")
    monkeypatch.chdir("/")
    result = reference.pack_folder(written, tmp_path / "new" / takes)
    assert result.resolve() == (tmp_path / "new" / "packs" / "mypack").resolve()


def test_a_folder_of_a_shipped_pack_s_name_does_not_stand_in_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own(tmp_path, "footsteps")
    monkeypatch.chdir(tmp_path)
    assert reference.pack_folder("footsteps", tmp_path) == SHIPPED / "footsteps"


def test_what_older_files_say_is_understood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = own(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert reference.pack_folder("mypack", Path("/")).resolve() == mine
    assert reference.pack_folder("./mypack", Path("/")).resolve() == mine
    assert reference.pack_folder(str(mine), Path("/")) == mine


def test_where_no_pack_is_the_place_is_told(tmp_path: Path) -> None:
    with pytest.raises(PackError, match=r"gone: no model pack is there"):
        reference.pack_folder("../gone", tmp_path)
    with pytest.raises(PackError, match="no model pack of this name"):
        reference.pack_folder("gone", tmp_path)


def test_a_fingerprint_is_the_sound_s_and_not_the_planes(tmp_path: Path) -> None:
    mine = own(tmp_path)
    first = reference.fingerprint(packs.load(SHIPPED / "footsteps"))
    assert reference.fingerprint(packs.load(mine)) == first and len(first) == reference.DIGITS
    (mine / "planes.npz").unlink()
    packs.write_arrays(
        mine / "planes.npz", {"learned": packs.load(SHIPPED / "footsteps").planes["learned"]}
    )
    assert reference.fingerprint(packs.load(mine)) == first
    other = reference.fingerprint(packs.load(SHIPPED / "oneshots"))
    text = (mine / "model.toml").read_text()
    (mine / "model.toml").write_text(text.replace("range_db = 90.0", "range_db = 91.0"))
    assert len({reference.fingerprint(packs.load(mine)), first, other}) == 3
