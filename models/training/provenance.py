"""What a training says of its sounds: who made them, and which of them it does not learn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

#: How `latentpad train` is told otherwise.
OPTION = "`--held-out SHARE` holds out another share, `--held-out 0` none"


def licence(sources: Sequence[Mapping[str, str]]) -> str:
    """The licence of a pack that learned from rows of sources.csv.

    CC BY 4.0 where each of them names a licence that may be learned from; who trains on sounds of
    no known licence alone knows what the pack may be given under.
    """
    return "CC BY 4.0" if all(row.get("licence") for row in sources) else "none stated"


def attributed(sources: Sequence[Mapping[str, str]]) -> str:
    """What rows of sources.csv tell of licences and of authors or pages, in a sentence."""
    licences = [bool(row.get("licence")) for row in sources]
    credits = [bool(row.get("author_attribution") or row.get("url")) for row in sources]
    if all(licences) and all(credits):
        return "Every sound it learned from is attributed in\n`sources.csv`, row by row."
    if not any(licences) and not any(credits):
        return "It learned from its maker's own sounds: no author\nand no licence is noted of them."
    told = (
        f"Of {len(sources)} sounds it learned from, {sum(licences)} have a\nlicence in "
        f"`sources.csv` and {sum(credits)} an author or a page"
    )
    own = sum(not (one or other) for one, other in zip(licences, credits, strict=True))
    return told + (f"; of {own} nothing is noted: its maker's own." if own else ".")


def held_out(sounds: Mapping[str, int]) -> str:
    """How many of the sounds of each of `dataset.SIDES` are not learned from, why, and how to
    change it."""
    total, learned = sum(sounds.values()), sounds["train"]
    if learned == total:
        return f"all {total} sounds are learned from: none is held out to judge the model by"
    return (
        f"{learned} of {total} sounds are learned from; {total - learned} are held out: "
        f"{sounds['validation']} tell which epoch is the best, {sounds['test']} how good the model "
        f"is with sounds it has not met ({OPTION})"
    )
