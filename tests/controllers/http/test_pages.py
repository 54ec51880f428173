from __future__ import annotations

import asyncio
from collections.abc import Iterator

import aiohttp
import pytest

from latentpad.controllers.http.pages import Access, Page, Request
from latentpad.controllers.osc import interfaces
from latentpad.engine.control.instrument import Instrument
from tests.controllers.http.test_oscquery import get
from tests.controllers.reached import Reached

AWAY = "192.168.1.7"


@pytest.fixture
def reached(instrument: Instrument) -> Iterator[Reached]:
    with Reached(instrument) as reached:
        yield reached


def asked(peer: str, host: str = "127.0.0.1:8000", origin: str = "", token: str = "") -> Request:
    headers = {"Host": host} | ({"Origin": origin} if origin else {})
    return Request(peer, headers, {"token": token} if token else {})


def test_a_page_is_made_when_it_is_asked_for(reached: Reached) -> None:
    made: list[str] = []

    def make() -> str:
        made.append("once")
        return f"<p>{len(made)}"

    reached.http.pages["/hello"] = Page(make)
    assert get(reached.url + "/hello") == (200, "text/html", "<p>1")
    assert get(reached.url + "/hello") == (200, "text/html", "<p>2")


def test_a_file_is_offered_under_its_name(reached: Reached) -> None:
    reached.http.pages["/x.tosc"] = Page(lambda: b"\0\1", "application/octet-stream", "my.tosc")

    async def ask() -> None:
        async with aiohttp.ClientSession() as session, session.get(reached.url + "/x.tosc") as got:
            assert await got.read() == b"\0\1"
            assert got.headers["Content-Disposition"] == 'attachment; filename="my.tosc"'

    asyncio.run(ask())


def test_the_root_is_a_page_for_browsers_and_oscquery_for_programs(reached: Reached) -> None:
    reached.http.pages["/"] = Page(lambda: "<p>hello")
    browser = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    assert get(reached.url + "/", **browser)[1] == "text/html"
    assert get(reached.url + "/?HOST_INFO", **browser)[1] == "application/json"
    assert get(reached.url + "/", Accept="application/json")[1] == "application/json"
    assert get(reached.url + "/", Accept="*/*")[1] == "application/json"


def test_nothing_but_reading_is_served(reached: Reached) -> None:
    async def post() -> int:
        async with aiohttp.ClientSession() as session, session.post(reached.url + "/") as answer:
            return answer.status

    assert asyncio.run(post()) == 405


def test_a_page_of_another_site_gets_nothing_through_a_browser_here(reached: Reached) -> None:
    assert get(reached.url + "/gain", Host="evil.example")[0] == 403
    assert get(reached.url + "/gain", Origin="https://evil.example")[0] == 403
    assert get(reached.url + "/gain", Origin="null")[0] == 403
    assert get(reached.url + "/gain", Origin="http://localhost:3000")[0] == 200


def test_a_link_with_its_token_opens_a_page_from_the_network(instrument: Instrument) -> None:
    with Reached(instrument, lan=True) as reached:
        reached.http.pages["/pad"] = Page(lambda: "pad")
        link = reached.http.link("/pad")
        host = next(a for a in interfaces.addresses("0.0.0.0"))
        assert link.startswith(f"http://{host}:{reached.http.port}/pad?token=")
        assert get(link)[::2] == (200, "pad")
        assert get(link.partition("?")[0])[0] == 403
        assert get(link[:-1])[0] == 403
        status, _, text = get(f"http://{host}:{reached.http.port}/?HOST_INFO")
        assert status == 403 and "--lan-oscquery" in text
        assert get(f"{reached.url}/?HOST_INFO")[0] == 200


def test_oscquery_is_for_the_network_where_that_was_asked_for(instrument: Instrument) -> None:
    with Reached(instrument, lan=True, lan_oscquery=True) as reached:
        host = next(a for a in interfaces.addresses("0.0.0.0"))
        assert get(f"http://{host}:{reached.http.port}/?HOST_INFO")[0] == 200


@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "127.5.5.5"])
def test_programs_of_this_machine_may_have_all(peer: str) -> None:
    access = Access()
    assert access.refusal_of_query(asked(peer)) == access.refusal_of_page(asked(peer)) == ""


@pytest.mark.parametrize("peer", [AWAY, "fe80::1%eth0", "fd00::2", "::ffff:192.168.1.7"])
def test_others_may_have_what_they_were_given(peer: str) -> None:
    access = Access()
    assert access.refusal_of_query(asked(peer)) and access.refusal_of_page(asked(peer))
    assert access.refusal_of_page(asked(peer, token="guess"))
    assert access.refusal_of_page(asked(peer, token=access.token)) == ""
    assert access.refusal_of_query(asked(peer, token=access.token))
    assert Access(lan_oscquery=True).refusal_of_query(asked(peer)) == ""


def test_each_run_has_a_token_of_its_own() -> None:
    assert Access().token != Access().token


@pytest.mark.parametrize("host", ["localhost:8000", "[::1]:8000", "studio.local", "studio", AWAY])
def test_names_that_a_machine_has_in_its_network_are_answered(host: str) -> None:
    assert Access().refusal_of_query(asked("127.0.0.1", host)) == ""
