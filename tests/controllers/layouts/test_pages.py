from __future__ import annotations

from latentpad.controllers.layouts import pages as layouts
from latentpad.controllers.layouts.pages import PATH
from latentpad.engine.control.instrument import Instrument
from latentpad.engine.control.played_pack import PlayedPack
from latentpad.models.packs.pack import find, load
from latentpad.presets.bank import FACTORY, PresetBank
from tests.controllers.layouts import shown

LINK = "http://192.168.1.5:8000/layouts?token=a-b&c"


def listed(link: str) -> str:
    page = layouts.pages(shown.of_preset, lambda path: link, 9005)[PATH].make()
    assert isinstance(page, str)
    return page


def test_the_list_says_what_to_type_in_the_app() -> None:
    page = listed(LINK)
    assert "host <b>192.168.1.5</b>, send port <b>9005</b>, receive port <b>9001</b>" in page


def test_the_token_of_the_list_opens_the_files_too() -> None:
    assert 'href="/layouts/phone.tosc?token=a-b&amp;c"' in listed(LINK)
    assert 'href="/layouts/tablet.tosc"' in listed("http://127.0.0.1:8000/layouts")


def test_a_file_is_made_anew_each_time_and_offered_by_its_name() -> None:
    made = []

    def make() -> layouts.Surface:
        made.append("once")
        return shown.of_preset()

    page = layouts.pages(make, lambda path: LINK, 9000)[f"{PATH}/phone.tosc"]
    assert page.filename == "latentpad-phone.tosc"
    assert isinstance(page.make(), bytes) and isinstance(page.make(), bytes)
    assert len(made) == 2


def test_what_is_shown_is_what_holds_now(instrument: Instrument) -> None:
    instrument.apply("/pitch", (12,))
    played = PlayedPack.of(load(find("footsteps")))
    surface = layouts.present(instrument, PresetBank(FACTORY), played)
    controls = [control for page in surface.pages for line in page.lines for control in line]
    (pitch,) = (control for control in controls if control.address == "/pitch")
    assert getattr(pitch, "value", None) == 12
