"""The pages that give the layouts to a phone or tablet: a list, and the files.

Each file is made when it is asked for, from the values that hold then.
"""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from urllib.parse import urlsplit

from latentpad.controllers.http.pages import Page
from latentpad.controllers.layouts.surface import RECEIVE_PORT, Surface, surface
from latentpad.engine.control.instrument import Instrument
from latentpad.engine.control.played_pack import PlayedPack
from latentpad.presets.bank import PresetBank

PATH = "/layouts"
NAMES = ("phone", "tablet")
FILE = "application/octet-stream"

LIST = """<!doctype html>
<meta name="viewport" content="width=device-width">
<title>Latentpad</title>
<style>
body {{ font: 1.1em sans-serif; max-width: 32em; margin: 2em auto; padding: 0 1em }}
a {{ display: block; padding: 1em; margin: 1em 0; border: 1px solid; border-radius: .5em }}
</style>
<h1>Latentpad</h1>
<p>Layouts for TouchOSC:
<a href="{phone}">for a phone, held upright</a>
<a href="{tablet}">for a tablet</a>
<p>In TouchOSC, under Connections, OSC 1:
<b>UDP</b>, host <b>{host}</b>, send port <b>{osc_port}</b>, receive port <b>{receive_port}</b>.
Then press <b>sync</b>.
"""


def pages(
    make: Callable[[], Surface], link: Callable[[str], str], osc_port: int
) -> dict[str, Page]:
    """The pages by their paths.

    `make` gives the surface and is called on any thread, `link` gives the URL of a path, `osc_port`
    is the instrument's.
    """

    def listed() -> str:
        url = urlsplit(link(PATH))
        query = f"?{url.query}" if url.query else ""  # the token
        files = {name: escape(f"{PATH}/{name}.tosc{query}") for name in NAMES}
        host = escape(url.hostname or "")
        return LIST.format(**files, host=host, osc_port=osc_port, receive_port=RECEIVE_PORT)

    def file(name: str) -> Page:
        return Page(lambda: _tosc(make(), name), FILE, f"latentpad-{name}.tosc")

    return {PATH: Page(listed), **{f"{PATH}/{name}.tosc": file(name) for name in NAMES}}


def _tosc(shown: Surface, name: str) -> bytes:
    from latentpad.controllers.layouts import touchosc  # takes some tenths of a second

    return touchosc.tosc(shown, touchosc.PHONE if name == "phone" else touchosc.TABLET)


def present(instrument: Instrument, bank: PresetBank, played: PlayedPack) -> Surface:
    """The surface of an instrument as it is now. Any thread."""
    with instrument.frozen():
        values = dict(instrument.sync_messages())
    labels = played.pack.anchors.labels.tolist()
    return surface(values, bank.names(), labels, played.planes.names)
