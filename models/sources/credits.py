"""The credits of a sound, from a row of a table or an object of a sound map.

Columns may have any of their usual names, in any case; a licence counts in whatever column it is.
If two columns or two rows are about one sound, only what both permit is permitted.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from latentpad.models.sources.licences import consent, is_known
from latentpad.models.text import LONGEST

#: Names of columns, with a blank between words; earlier names have precedence.
COLUMNS: dict[str, tuple[str, ...]] = {
    "file": (
        "file", "filename", "file name", "fname", "name of file", "filepath", "file path", "path",
        "sound file", "soundfile", "audio file", "audiofile", "audio path", "audio", "wav",
        "sample file", "slice file name", "wav file", "datei", "dateiname", "fichier", "archivo",
        "ficheiro", "bestand",
    ),
    "name": ("name", "title", "sound name", "sound"),
    "label": ("label", "category", "class", "class name", "kind", "tag"),
    "group": ("origin group", "group", "session", "pack"),
    "author": (
        "author attribution", "author", "attribution", "artist", "creator", "username", "user name",
        "user", "uploader", "uploaded by", "by", "autor", "auteur", "credit", "credits",
    ),
    "licence": (
        "licence", "license", "licence name", "license name", "licence type", "license type",
        "licence url", "license url", "rights", "lizenz", "licencia", "licenza", "licença",
    ),
    "url": (
        "url", "source url", "sound url", "file url", "page", "web page", "website", "link",
        "source", "href",
    ),
    "source_repo": ("source repo",),
    "source_path": ("source path",),
    "source_commit": ("source commit",),
    "may_train": (
        "may train", "may be trained on", "train", "trainable", "can train", "ok to train",
        "allow train", "allow training", "allowed to train", "training", "training allowed",
        "ai training", "ai training allowed", "consent", "consented", "training consent",
        "consent given", "training permission", "ok for training", "allow ai", "ai ok",
        "consent to train", "consent to training", "ai consent", "ai allowed", "ai", "gen ai",
        "genai", "gen ai preference",
    ),
    "may_not_train": (
        "no ai", "noai", "no gen ai", "no train", "no training", "no ai training", "do not train",
        "dont train", "don't train", "not for training", "exclude from training", "opt out",
        "optout", "opted out", "ai opt out", "opt out of training",
    ),
}  # fmt: skip
_KIND = {name: kind for kind, names in COLUMNS.items() for name in names}
_PRECEDENCE = {
    name: precedence for names in COLUMNS.values() for precedence, name in enumerate(names)
}
_LICENCE = re.compile(
    r"li[cs]+[ei]n[cstz]|lizenz|lisans|лиценз|ライセンス|许可|許可|"
    r"\blic\b|\bcc\b|creative ?commons|spdx|copyleft|\brights|\bterms\b"
)
_COPYRIGHT = re.compile(r"copyright")
_PERSON = re.compile(r"holder|owner|author|licensor|date|year")
_CONSENT = re.compile(
    r"\b(ai|ki|ml|genai|gen ai|opt out|tdm|machine learning)\b|\bconsent|einwilligung|\btrain"
)
_DIVISION = re.compile(r"\b(split|set|fold|test|subset|group|epoch|loss|index|id)\b")


@dataclass(frozen=True)
class Credits:
    """The credits of one sound; missing texts are ""."""

    file: str = ""
    name: str = ""
    label: str = ""
    group: str = ""
    author: str = ""
    licence: str | None = None  # None: the table has no licences
    url: str = ""
    source_repo: str = ""
    source_path: str = ""
    source_commit: str = ""
    may_train: bool = True
    unclear: str = ""  # an answer about training that is not understood
    where: str = ""  # table and line

    def merged(self, other: Credits) -> Credits:
        """The credits from both: the first text that is not empty, and only what both permit."""
        texts = (
            "file", "name", "label", "group", "author", "url",
            "source_repo", "source_path", "source_commit", "unclear", "where",
        )  # fmt: skip
        return replace(
            self,
            licence=_joined([self.licence, other.licence]),
            may_train=self.may_train and other.may_train,
            **{key: getattr(self, key) or getattr(other, key) for key in texts},
        )


@dataclass(frozen=True)
class TableColumns:
    """The meaning of a table's columns, or an object's keys."""

    columns: dict[str, list[Any]]
    unclear: dict[Any, str]  # columns about consent that are not understood
    others: frozenset[Any] = frozenset()  # further columns in which a cell may be a licence

    @classmethod
    def of(cls, names: Mapping[Any, str], rows: Iterable[Mapping[Any, Any]] = ()) -> TableColumns:
        """`names` of the columns by the keys of the rows, and the `rows`.

        If no name means licences, a column without a known name is used if it has a licence.
        """
        columns: dict[str, list[Any]] = {}
        plain = {key: _normalised(name) for key, name in names.items()}
        for key, name in plain.items():
            if kind := _KIND.get(name):
                columns.setdefault(kind, []).append(key)
        for keys in columns.values():
            keys.sort(key=lambda key: _PRECEDENCE[plain[key]])
        others = {key: name for key, name in plain.items() if name not in _KIND}
        for pattern in (_LICENCE, _COPYRIGHT):
            if pattern is _LICENCE or "licence" not in columns:  # otherwise it names the owner
                for key, name in others.items():
                    if pattern.search(name) and not _PERSON.search(name):
                        columns.setdefault("licence", []).append(key)
        unclear = {
            key: names[key]
            for key, name in others.items()
            if _CONSENT.search(name) and not _DIVISION.search(name)
        }
        known_columns, licence_columns = (
            {*columns.get("file", ()), *columns.get("licence", ())},
            set[Any](),
        )
        for row in rows:
            licence_columns |= {
                key for key in row.keys() - known_columns - licence_columns if _is_licence(row[key])
            }
        unnamed = licence_columns.difference(*columns.values())
        if unnamed and "licence" not in columns:
            columns["licence"] = sorted(unnamed)
            licence_columns -= unnamed
        return cls(columns, unclear, frozenset(licence_columns))

    def read(self, row: Mapping[Any, Any], where: str = "") -> Credits:
        """The credits in one row. A value that is neither text nor number is ignored, or "?" as an
        answer."""

        def words(keys: Iterable[Any], unclear: str = "?") -> list[str]:
            cells = (row[key] for key in keys if row.get(key) is not None)
            found = (c if isinstance(c, str | int | float) else unclear for c in cells)
            return [word for word in (str(c).strip() for c in found) if word]

        binding = ("licence", "may_train", "may_not_train")
        texts_by_kind = {
            kind: words(self.columns.get(kind, ()), "?" if kind in binding else "")
            for kind in COLUMNS
        }
        answers = [(word, consent(word)) for word in texts_by_kind.pop("may_train")]
        against = [(word, consent(word)) for word in texts_by_kind.pop("may_not_train")]
        unclear = [word for word, answer in answers + against if answer is None]
        unclear += [f"{name}: {w}" for key, name in self.unclear.items() for w in words([key])]
        licences = texts_by_kind.pop("licence")
        licences += words(sorted(key for key in self.others if _is_licence(row.get(key))))
        texts = {kind: found[0] if found else "" for kind, found in texts_by_kind.items()}
        has_licences = "licence" in self.columns or self.others
        return Credits(
            **texts,
            licence=_joined([*licences, "" if has_licences else None]),
            may_train=all(answer is not False for _, answer in answers)
            and all(answer is not True for _, answer in against),
            unclear=unclear[0] if unclear else "",
            where=where,
        )


def _is_licence(cell: Any) -> bool:
    """Whether a cell is a licence and nothing else."""
    return isinstance(cell, str) and len(cell) <= LONGEST and is_known(cell)


def _normalised(name: str) -> str:
    """A column's name in lower case, with one blank between words."""
    apart = re.sub(
        r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", unicodedata.normalize("NFKC", name)
    )
    return " ".join(re.sub(r"[^\w']+|_", " ", apart.casefold().replace("’", "'")).split())


def _joined(texts: Iterable[str | None]) -> str | None:
    """All different texts in one; None if there is none, not even an empty one."""
    present = list(dict.fromkeys(text for text in texts if text is not None))
    return "; ".join(text for text in present if text) if present else None
