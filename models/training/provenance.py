"""Sentences about a training: the makers of its sounds, which are held out, their texture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

#: The option of `latentpad train` that changes the held-out share.
OPTION = "`--held-out SHARE` holds out another share, `--held-out 0` none"


def licence(sources: Sequence[Mapping[str, str]]) -> str:
    """The licence of a pack that learned from these rows of sources.csv.

    CC BY 4.0 if each row names a licence that allows it. Otherwise only the person who trains can
    know the licence of the pack.
    """
    return "CC BY 4.0" if all(row.get("licence") for row in sources) else "none stated"


def attributed(sources: Sequence[Mapping[str, str]]) -> str:
    """A sentence about the licences and authors in these rows of sources.csv."""
    licences = [bool(row.get("licence")) for row in sources]
    credits = [bool(row.get("author_attribution") or row.get("url")) for row in sources]
    if all(licences) and all(credits):
        return "Every sound it learned from is attributed in\n`sources.csv`, row by row."
    if not any(licences) and not any(credits):
        return "It learned from its maker's own sounds: no author\nand no licence is noted of them."
    sentence = (
        f"Of {len(sources)} sounds it learned from, {sum(licences)} have a\nlicence in "
        f"`sources.csv` and {sum(credits)} an author or a page"
    )
    unattributed = sum(not (one or other) for one, other in zip(licences, credits, strict=True))
    return sentence + (
        f"; of {unattributed} nothing is noted: its maker's own." if unattributed else "."
    )


def held_out(sounds: Mapping[str, int]) -> str:
    """How many sounds are in each of `dataset.SIDES`, why, and how to change it."""
    total, learned = sum(sounds.values()), sounds["train"]
    if learned == total:
        return f"all {total} sounds are learned from: none is held out to judge the model by"
    return (
        f"{learned} of {total} sounds are learned from; {total - learned} are held out: "
        f"{sounds['validation']} tell which epoch is the best, {sounds['test']} how good the model "
        f"is with sounds it has not met ({OPTION})"
    )


def textured(figures: Mapping[str, float]) -> str:
    """The paragraph about a learned texture, by `TexturedModel.figures`; "" without a grain."""
    if "grain" not in figures:
        return ""
    factor, grain = figures["factor"], figures["grain"]
    return (
        "The decoder also tells how noise-like each band is at each time: as measured of the\n"
        f"recordings, times {factor:g}. So played, sounds have {grain:.2f} of the grain of their\n"
        "recordings.\n\n"
    )
