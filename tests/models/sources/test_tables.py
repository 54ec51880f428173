from __future__ import annotations

from pathlib import Path

import pytest

from latentpad.models.sources.credits import Credits
from latentpad.models.sources.folder import scan_folder
from latentpad.models.sources.tables import TableError, read_tables, rows

ROWS = "File Name,License,Author\nä.wav,CC0,Zoë\nb.wav,CC BY 4.0,Bob\n"


def one(tmp_path: Path, data: bytes) -> list[Credits]:
    path = tmp_path / "t.csv"
    path.write_bytes(data)
    return [credits for _, credits in rows(path)]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32", "cp1252"]
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_table_is_read_as_any_program_writes_it(
    tmp_path: Path, delimiter: str, encoding: str, end: str
) -> None:
    text = ROWS.replace(",", delimiter).replace("\n", end)
    first, second = one(tmp_path, text.encode(encoding))
    assert (first.file, first.licence, first.author) == ("ä.wav", "CC0", "Zoë")
    assert (second.file, second.licence, second.author) == ("b.wav", "CC BY 4.0", "Bob")


@pytest.mark.parametrize(
    "header",
    [
        "file,licence,author,may_train",
        "File,License,Author,May Train",
        " FILENAME , LICENSE , ARTIST , TRAIN ",
        '"Name of file","License name","Username","consent"',
        "path,rights,creator,mayTrain",
        "slice_file_name,LicenceURL,UserName,AITraining",
        "fname,CCLicense,credits,Consent given?",
        "audio_file,license_type,author_attribution,training-allowed",
        "Filepath,Licence,Uploader,trainable",
        "\ufefffile,LICENSE,by,May be trained on",
    ],
)
def test_columns_have_any_of_their_names(tmp_path: Path, header: str) -> None:
    [credits] = one(tmp_path, f"{header}\na.wav,CC0,Ann,no\n".encode())
    assert (credits.file, credits.licence, credits.author, credits.may_train) == (
        "a.wav",
        "CC0",
        "Ann",
        False,
    )


@pytest.mark.parametrize(
    ("column", "cell", "permitted"),
    [
        ("may_train", "yes", True), ("may_train", "", True), ("may_train", "0", False),
        ("no_ai", "yes", False), ("no_ai", "no", True), ("opt-out", "TRUE", False),
        ("opt out", "perhaps", False), ("train", "perhaps", False), ("AI use", "yes", False),
        ("gen_ai_preference", "no-gen-ai", False), ("split", "train", True),
        ("train_test_split", "test", True),
    ],
)  # fmt: skip
def test_only_a_clear_answer_permits(
    tmp_path: Path, column: str, cell: str, permitted: bool
) -> None:
    [credits] = one(tmp_path, f"file,{column}\na.wav,{cell}\n".encode())
    assert (credits.may_train and not credits.unclear) is permitted


@pytest.mark.parametrize(
    ("header", "cells", "licence"),
    [
        ("file,label", "a.wav,x", None),
        ("file,licence", "a.wav,", ""),
        ("file,licence", "a.wav", ""),
        ("file,license,licence", "a.wav,CC0,CC BY-NC 4.0", "CC BY-NC 4.0; CC0"),
        ("file,license,license", "a.wav,CC0,CC BY 4.0", "CC0; CC BY 4.0"),
        ("file,licence,Licence notes", "a.wav,CC0,ask me", "CC0; ask me"),
        ("file,licence,copyright", "a.wav,CC0,Ann", "CC0"),
        ("file,copyright", "a.wav,Ann", "Ann"),
        ("file,licence,license holder", "a.wav,CC0,Ann", "CC0"),
    ],
)
def test_every_column_that_speaks_of_licences_is_heard(
    tmp_path: Path, header: str, cells: str, licence: str | None
) -> None:
    [credits] = one(tmp_path, f"{header}\n{cells}\n".encode())
    assert credits.licence == licence


@pytest.mark.parametrize(
    "column",
    [
        "Lic.", "CC", "SPDX", "Terms", "Creative Commons", "Lisense", "licentie", "ライセンス",
        "usage", "permissions", "conditions", "notes", "attribution", "link", "Kind", "",
    ],
)  # fmt: skip
def test_a_licence_binds_in_whatever_column_it_stands(tmp_path: Path, column: str) -> None:
    nc = "http://creativecommons.org/licenses/by-nc/4.0/"
    table = f"file,size,{column}\na.wav,1,CC0\nb.wav,2,{nc}\nc.wav,3,\n"
    assert [credits.licence for credits in one(tmp_path, table.encode())] == ["CC0", nc, ""]


def test_what_stands_beside_licences_in_a_column_without_a_known_name_is_no_yes(
    tmp_path: Path,
) -> None:
    table = b"file,usage\na.wav,Attribution\nb.wav,ask me\n"
    assert [credits.licence for credits in one(tmp_path, table)] == ["Attribution", "ask me"]
    beyond = b"file\na.wav,CC BY-NC 4.0\n"
    assert [credits.licence for credits in one(tmp_path, beyond)] == ["CC BY-NC 4.0"]


def test_notes_beside_a_column_of_licences_bind_where_they_are_a_licence(tmp_path: Path) -> None:
    table = b"file,licence,notes\na.wav,CC0,CC BY-NC 4.0\nb.wav,CC0,a door\n"
    assert [credits.licence for credits in one(tmp_path, table)] == ["CC0; CC BY-NC 4.0", "CC0"]


def test_what_spreadsheets_add_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("sep=;\n\nfile;licence\na.wav;CC0\n;\n;;;\n\nb.wav;CC0\n", encoding="utf-8-sig")
    assert [(line, credits.file) for line, credits in rows(path)] == [(4, "a.wav"), (8, "b.wav")]


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", r"no column 'file' \(its columns: none\)"),
        (b"name,licence\na.wav,CC0\n", r"no column 'file' \(its columns: name, licence\)"),
        (b"na\x1b[2Jme\na\n", r"its columns: na \[2Jme"),
        (b"file,licence\n\xff\xfe,CC0\n", "its encoding"),
        (b"file,licence\n\x81,CC0\n", "its encoding"),
        (b'file,licence\n"a.wav,CC0\nb.wav,CC BY-NC 4.0\n', "cannot be read"),
        (b"file\n" + b"a" * 200_000, "cannot be read"),
    ],
)
def test_a_table_that_cannot_be_read_is_named(tmp_path: Path, data: bytes, complaint: str) -> None:
    with pytest.raises(TableError, match=rf"t\.csv: .*{complaint}") as caught:
        one(tmp_path, data)
    assert str(caught.value).isprintable()


def folder(tmp_path: Path, names: str, tables: dict[str, str]) -> Path:
    for name in names.split():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    for name, text in tables.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_tables_of_all_folders_are_one(tmp_path: Path) -> None:
    made = folder(
        tmp_path,
        "a.wav x/b.wav x/c.wav audio/d.wav",
        {
            "one.csv": "file,licence\na.wav,CC0\n",
            "x/two.TSV": "file\tlabel\nb.wav\tstep\n../x/c.wav\tstep\n",
            "meta/three.csv": "filename,category\nd.wav,rain\n",
        },
    )
    result = read_tables(scan_folder(made))
    assert {path.as_posix(): credits.label for path, credits in result.credits.items()} == {
        "a.wav": "", "x/b.wav": "step", "x/c.wav": "step", "audio/d.wav": "rain",
    }  # fmt: skip
    assert result.lines == []


def test_a_table_opens_no_file_outside_its_folder(tmp_path: Path) -> None:
    folder(tmp_path, "secret.wav", {})
    made = folder(tmp_path / "in", "a.wav", {"t.csv": "file\n../secret.wav\n/etc/passwd\na.wav\n"})
    result = read_tables(scan_folder(made))
    assert [path.as_posix() for path in result.credits] == ["a.wav"]
    assert len(result.lines) == 2


def test_a_name_that_means_two_files_means_none(tmp_path: Path) -> None:
    made = folder(
        tmp_path, "x/a.wav y/a.wav y/b.wav", {"t.csv": "file,licence\na.wav,CC0\nb.wav,\n"}
    )
    assert [path.as_posix() for path in read_tables(scan_folder(made)).credits] == ["y/b.wav"]


def test_licences_of_no_file_that_is_there_stop_everything(tmp_path: Path) -> None:
    made = folder(tmp_path, "a.wav", {"t.csv": "file,licence\n1.wav,CC BY-NC 4.0\n"})
    with pytest.raises(TableError, match=r"t\.csv: none of the files that it names is there"):
        read_tables(scan_folder(made))


def test_a_long_table_of_lost_files_takes_few_lines(tmp_path: Path) -> None:
    lost = "".join(f"{i}\x1b.wav\n" for i in range(1000))
    result = read_tables(scan_folder(folder(tmp_path, "a.wav", {"t.csv": f"file\na.wav\n{lost}"})))
    assert len(result.lines) == 21 and result.lines[-1].endswith("and 980 more such rows")
    assert all(line.isprintable() for line in result.lines)
