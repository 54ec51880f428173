"""The link to the layouts, and its QR code for a phone's camera."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator


def lines(url: str) -> Iterator[str]:
    """The lines for the performer; none without a URL. The code is only for a terminal."""
    if not url:
        return
    yield f"layouts for TouchOSC, to open on a phone or tablet: {url}"
    if sys.stdout.isatty():
        yield from _code(url)


def _code(url: str) -> list[str]:
    import segno

    text = io.StringIO()
    segno.make(url, error="l").terminal(text, compact=True, border=2)
    return text.getvalue().splitlines()
