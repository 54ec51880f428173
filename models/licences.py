"""Under which licences a sound may be learned from by a model that is given away."""

from __future__ import annotations

import re
from collections.abc import Sequence

#: Share-alike, non-commercial and no-derivatives variants never match these.
FREE = ("CC0", "CC BY", "Unlicense")


def is_free(licence: str, licences: Sequence[str]) -> bool:
    """Whether a licence's text begins with one of `licences` and adds no SA, NC or ND."""
    if re.search(r"\b(SA|NC|ND)\b|share|commercial|deriv", licence, re.IGNORECASE):
        return licence in licences
    return any(re.match(rf"{re.escape(known)}\b", licence.strip()) for known in licences)
