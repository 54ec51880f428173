from __future__ import annotations

import contextlib
import csv
import json
import logging
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import keyring
import keyring.backend
import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from latentpad.models.freesound import cache, client, search, sound
from latentpad.models.freesound.search import FreesoundError, collect
from latentpad.models.sources.sound import FoundSound
from tests.models.freesound.server import KEY, Freesound, encoded, serving

ROOT = Path(__file__).parents[3]


class Clock:
    """A time that passes only in `sleep`."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Freesound]:
    monkeypatch.setenv("FREESOUND_API_KEY", KEY)
    with serving() as freesound:
        yield freesound


class Collecting:
    """`collect` on a stand-in, with a clock of its own and what it said."""

    def __init__(self, server: Freesound, cache: Path) -> None:
        self.server, self.cache = server, cache
        self.clock = Clock()
        self.said: list[str] = []

    def __call__(self, **options: Any) -> list[FoundSound]:
        return collect(
            "door", base=self.server.base, cache=self.cache, log=self.said.append,
            clock=self.clock, sleep=self.clock.sleep, **options,
        )  # fmt: skip


@pytest.fixture
def collecting(server: Freesound, tmp_path: Path) -> Collecting:
    return Collecting(server, tmp_path / "cache")


def numbers(found: list[FoundSound]) -> list[int]:
    return [int(one.id.removeprefix("freesound:")) for one in found]


def test_a_sound_comes_with_all_that_must_be_credited(collecting: Collecting) -> None:
    collecting.server.add(7, 0.3, license="https://creativecommons.org/licenses/by/4.0/")
    [one] = collecting()
    assert one == FoundSound(
        id="freesound:7",
        name="sound 7",
        author="someone",
        licence="CC BY 4.0",
        url="https://freesound.org/people/someone/sounds/7/",
        path=collecting.cache / "previews" / "7.ogg",
        label="door",
        may_train=True,
        duration=0.3,
    )
    assert one.path.read_bytes() == collecting.server.previews[7]


def test_pages_are_walked_past_nulls_and_past_a_next_that_leads_elsewhere(
    collecting: Collecting,
) -> None:
    for number in range(1, 8):
        collecting.server.add(number)
        collecting.server.sounds.append(None)
    counts: list[tuple[int, int]] = []
    assert numbers(collecting(progress=lambda *c: counts.append(c))) == list(range(1, 8))
    assert counts == [(n, 14) for n in range(1, 8)], "so many there are, nulls among them"
    assert [a.query["page"] for a in collecting.server.searches()] == ["1", "2", "3", "4", "5"]
    assert int(collecting.server.log[0].query["page_size"]) == 150


def test_entries_of_the_wrong_shape_are_passed_over(collecting: Collecting) -> None:
    collecting.server.add(1)
    collecting.server.sounds += [{"id": "../../etc", "duration": 1}, {"id": 3}, {"id": True}]
    collecting.server.add(4, previews=None)
    collecting.server.add(5, duration=None)
    collecting.server.add(10**40)
    collecting.server.add(8, duration=10**400)
    collecting.server.add(6)
    assert numbers(collecting()) == [1, 6]
    assert collecting.said == ["left out: sound 4 has no preview"]


def test_the_old_search_serves_where_the_new_one_is_missing(collecting: Collecting) -> None:
    collecting.server.old_search = True
    collecting.server.add(1)
    assert numbers(collecting()) == [1]
    assert [a.path for a in collecting.server.searches()] == [
        "/apiv2/search/",
        "/apiv2/search/text/",
    ]


def test_no_more_is_fetched_than_asked_for(collecting: Collecting) -> None:
    for number in range(1, 10):
        collecting.server.add(number)
    assert numbers(collecting(most=3)) == [1, 2, 3]
    assert collecting.server.fetched() == [1, 2, 3]
    assert len(collecting.server.searches()) == 1


def test_what_is_asked_for_is_also_checked(collecting: Collecting) -> None:
    server = collecting.server
    server.add(1)
    server.add(2, license="http://creativecommons.org/licenses/by-nc/4.0/")
    server.add(3, license="http://creativecommons.org/licenses/sampling+/1.0/")
    server.add(4, license="CC0, trust me")
    server.add(5, license=None)
    server.add(6, 0.01)
    server.add(7, tags=["window"])
    server.add(8, license="http://creativecommons.org/licenses/by-sa/4.0/")
    assert numbers(collecting(tag="Wood")) == [1]
    assert server.fetched() == [1]
    assert server.log[0].query["filter"] == (
        'duration:[0.05 TO 3] license:("Creative Commons 0" OR "Attribution") tag:"Wood"'
    )
    assert numbers(collecting(licences=("CC BY-NC", "Sampling+"))) == [2, 3]
    assert numbers(collecting(licences=("cc-by-nc", "Sampling Plus"))) == [2, 3]


def test_an_mp3_serves_where_there_is_no_encoded(collecting: Collecting) -> None:
    collecting.server.add(1)
    sounds = collecting.server.sounds
    sounds[0]["previews"] = {  # type: ignore[index]
        "preview-lq-ogg": f"{collecting.server.base}/data/previews/9-lq.ogg",
        "preview-hq-mp3": f"{collecting.server.base}/data/previews/1-hq.mp3",
    }
    collecting.server.previews[1] = encoded(0.2, form="MP3", subtype="MPEG_LAYER_III")
    assert [one.path.name for one in collecting()] == ["1.mp3"]
    assert collecting.server.fetched() == [1]


def test_the_same_recording_uploaded_twice_is_taken_once(collecting: Collecting) -> None:
    collecting.server.add(1, md5="a" * 32)
    collecting.server.add(2, md5="a" * 32)
    collecting.server.sounds.append(collecting.server.sounds[0])
    assert numbers(collecting()) == [1]


@pytest.mark.parametrize(
    ("wish", "allowed"),
    [
        ({"gen_ai_preference": "no-additional-preferences"}, True),
        ({"gen_ai_preference": None}, True),
        ({"gen_ai_preference": "no-gen-ai"}, False),
        ({"gen_ai_preference": "No Gen-AI"}, False),
        ({"gen_ai_preference": "NO_GEN_AI"}, False),
        ({"gen_ai_preference": "open-source-models"}, False),
        ({"gen_ai_preference": "noncommercial-open-source-models"}, False),
        ({"gen_ai_preference": "a wording of next year"}, False),
        ({"gen_ai_preference": ["no-gen-ai"]}, False),
        ({}, False),
    ],
)
def test_a_decoder_learns_only_where_the_uploader_leaves_it_to_the_licence(
    wish: dict[str, Any], allowed: bool
) -> None:
    assert sound.may_train(wish, "CC0") is allowed
    assert sound.may_train(wish, "CC BY-NC 4.0") is False


def test_a_sound_that_must_not_be_learned_from_is_still_found(collecting: Collecting) -> None:
    collecting.server.add(1, gen_ai_preference="no-gen-ai")
    collecting.server.add(2)
    assert [(one.path.is_file(), one.may_train) for one in collecting()] == [
        (True, False),
        (True, True),
    ]


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(
        st.sampled_from(sound.FIELDS.split(",")) | st.text(), inner
    ),
))  # fmt: skip
def test_any_json_is_a_sound_or_none(result: Any) -> None:
    one = sound.search_result(result)
    assert one is None or (one.number > 0 and one.name.isprintable() and one.author.isprintable())


def test_names_cannot_steer_a_terminal_or_a_table(collecting: Collecting) -> None:
    collecting.server.add(1, name="a\x1b[2J\nb", username="c\rd", tags=["e\tf"])
    [one] = collecting()
    assert (one.name, one.author, one.label) == ("a [2J b", "c d", "e f")
    assert next(csv.reader([f"{one.name},{one.author}"])) == ["a [2J b", "c d"]


def test_a_second_run_asks_for_nothing_again(collecting: Collecting) -> None:
    for number in range(1, 5):
        collecting.server.add(number)
    first = collecting()
    asked = len(collecting.server.log)
    assert collecting() == first
    assert len(collecting.server.log) == asked


def test_an_answer_is_asked_for_again_after_a_day(collecting: Collecting) -> None:
    collecting.server.add(1)
    collecting()
    collecting.server.sounds[0]["gen_ai_preference"] = "no-gen-ai"  # type: ignore[index]
    collecting.clock.now += 86401
    assert [one.may_train for one in collecting()] == [False]
    assert collecting.server.fetched() == [1]


def test_a_preview_damaged_on_disk_is_fetched_again(collecting: Collecting) -> None:
    collecting.server.add(1)
    [one] = collecting()
    one.path.write_bytes(one.path.read_bytes()[:100])
    assert collecting() == [one]
    assert one.path.read_bytes() == collecting.server.previews[1]


def test_a_killed_run_goes_on_where_it_was(server: Freesound, tmp_path: Path) -> None:
    for number in range(1, 9):
        server.add(number)
    server.slow = 0.15
    line = (
        "import sys; from pathlib import Path\n"
        "from latentpad.models.freesound.search import collect\n"
        "print(len(collect('door', base=sys.argv[1], cache=Path(sys.argv[2]))))"
    )
    command = [sys.executable, "-c", line, server.base, str(tmp_path)]
    first = subprocess.Popen(command, cwd=ROOT)
    until = time.monotonic() + 30
    while len(server.fetched()) < 4 and time.monotonic() < until:
        time.sleep(0.01)
    first.kill()
    first.wait()
    kept = {int(p.stem) for p in (tmp_path / "previews").glob("*.ogg")}
    assert 3 <= len(kept) < 8
    asked = len(server.log)
    server.slow = 0
    second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert second.stdout == "8\n", second.stderr
    again = [
        int(a.path.split("/")[-1].split("-")[0]) for a in server.log[asked:] if "data" in a.path
    ]
    assert sorted(again) == sorted(set(range(1, 9)) - kept)
    pages = [a.query["page"] for a in server.searches()]
    assert len(pages) == len(set(pages))
    times = json.loads((tmp_path / "requests.json").read_text())
    assert len(times) == len(server.log), "both runs are in one count"


def test_the_key_is_in_a_header_to_the_server_and_nowhere_else(
    collecting: Collecting, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with serving() as other:
        other.add(2)
        collecting.server.add(1)
        collecting.server.add(2)
        collecting.server.leads_to[2] = f"{other.base}/data/previews/2-hq.ogg"
        assert numbers(collecting()) == [1, 2]
        assert [a.authorization for a in other.log] == [None], "another origin gets no key"
    assert {a.authorization for a in collecting.server.searches()} == {f"Token {KEY}"}
    written = [p.read_bytes() for p in collecting.cache.rglob("*") if p.is_file()]
    assert len(written) >= 4
    assert not any(KEY.encode() in content for content in written)
    said = caplog.text + "".join(collecting.said)
    assert KEY not in said + "".join(a.address for a in collecting.server.log)


@pytest.mark.parametrize(
    "address",
    [
        "http://localhost:{port}/data/previews/1-hq.ogg",
        "https://cdn.freesound.org.example/1.ogg",
        "https://freesound.org@example.org/1.ogg",
        "https://cdn.freesound.org:8443/1.ogg",
        "file:///etc/passwd",
        "//[broken",
        "1-hq.ogg",
    ],
)
def test_previews_are_fetched_from_freesound_only(collecting: Collecting, address: str) -> None:
    address = address.format(port=collecting.server.base.rsplit(":", 1)[1])
    collecting.server.add(1, previews={"preview-hq-ogg": address})
    collecting.server.add(2)
    collecting.server.leads_to[2] = address if "1-hq" not in address else "http://example.org/"
    assert collecting() == []
    assert len(collecting.said) == 2
    assert all(line.startswith("left out: ") for line in collecting.said)
    assert not (collecting.cache / "previews").exists()


def test_an_old_http_address_of_freesound_is_asked_over_https(collecting: Collecting) -> None:
    client = search.Client(None, KEY, None)  # type: ignore[arg-type]
    url = URL("http://cdn.freesound.org/previews/1.ogg")
    assert str(client._allowed(url, FreesoundError)).startswith("https://cdn.freesound.org/")
    assert KEY not in repr(client)


def test_sixty_requests_a_minute_and_no_more(collecting: Collecting) -> None:
    arrived: list[float] = []
    collecting.server.page_size = 150
    for number in range(1, 71):
        collecting.server.add(number, 0.06)
    plain = cache.Quota._take

    def noted(quota: cache.Quota) -> float:
        wait = plain(quota)
        if wait == 0:
            arrived.append(collecting.clock.now)
        return wait

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cache.Quota, "_take", noted)
        assert len(collecting()) == 70
    assert len(arrived) == len(collecting.server.log) == 71
    assert all(b - a >= 60 for a, b in zip(arrived, arrived[60:], strict=False))
    assert collecting.said == ["waiting 60 s: 60 requests a minute are allowed"]


def test_the_days_requests_are_counted_across_runs(collecting: Collecting) -> None:
    collecting.server.add(1)
    hour_ago = collecting.clock.now - 3600
    collecting.cache.mkdir()
    (collecting.cache / "requests.json").write_text(json.dumps([hour_ago] * 2000))
    with pytest.raises(FreesoundError) as error:
        collecting()
    assert cache.local_time(hour_ago + 86400) in str(error.value)
    assert collecting.server.log == []
    collecting.clock.now += 82801
    assert numbers(collecting()) == [1]


def test_where_the_days_requests_end_what_was_found_is_given_and_the_rest_told(
    collecting: Collecting,
) -> None:
    for number in range(1, 9):
        collecting.server.add(number)
    collecting.server.page_size = 150
    hour_ago = collecting.clock.now - 3600
    collecting.cache.mkdir()
    # One request is left for the search and three for previews.
    (collecting.cache / "requests.json").write_text(json.dumps([hour_ago] * 1996))
    assert numbers(collecting(most=7)) == [1, 2, 3]
    [line] = collecting.said
    assert cache.local_time(hour_ago + 86400) in line
    assert line.endswith("run the same command again then: 3 sounds so far, up to 4 are left")
    collecting.clock.now += 82801
    assert numbers(collecting(most=7)) == list(range(1, 8))
    assert collecting.server.fetched() == list(range(1, 8)), "none is fetched twice"


def test_where_the_network_ends_what_was_found_is_given(tmp_path: Path) -> None:
    said: list[str] = []
    clock = Clock()
    with pytest.MonkeyPatch.context() as patch, contextlib.ExitStack() as stack:
        patch.setenv("FREESOUND_API_KEY", KEY)
        server = stack.enter_context(serving())
        for number in range(1, 6):
            server.add(number)
        found = collect(
            "door", base=server.base, cache=tmp_path, log=said.append, clock=clock,
            sleep=clock.sleep, progress=lambda done, _: stack.close() if done == 2 else None,
        )  # fmt: skip
    assert numbers(found) == [1, 2]
    assert len(said) == 1 and "127.0.0.1 cannot be reached" in said[0]
    assert said[0].endswith("2 sounds so far, up to 3 are left")


@given(st.lists(st.floats(0, 200), min_size=1, max_size=40), st.integers(1, 5), st.integers(1, 20))
def test_no_window_of_a_minute_or_a_day_holds_more_than_allowed(
    tmp_path_factory: pytest.TempPathFactory, pauses: list[float], minute: int, day: int
) -> None:
    clock = Clock()
    path = tmp_path_factory.mktemp("quota") / "requests.json"
    made: list[float] = []
    for pause in pauses:
        clock.now += pause
        # A new object each time: what counts is the file.
        quota = cache.Quota(path, clock, clock.sleep, per_minute=minute, per_day=day)
        try:
            if quota._take() == 0:
                made.append(clock.now)
        except cache.QuotaUsed as used:
            assert len(made) >= day
            assert clock.now < used.until <= clock.now + 86400
    assert len(made) <= day
    assert all(b - a >= 60 - 1e-3 for a, b in zip(made, made[minute:], strict=False))


@pytest.mark.parametrize(
    ("headers", "waits"),
    [
        ([{"Retry-After": "7"}], [7.0]),
        ([{}, {}], [5.0, 15.0]),
        ([{"Retry-After": "soon"}], [5.0]),
        ([{"Retry-After": "Fri, 15 Jan 2027 08:00:30 GMT"}], [30.0]),
    ],
)
def test_a_429_is_waited_out(
    collecting: Collecting, headers: list[dict[str, str]], waits: list[float]
) -> None:
    collecting.server.add(1)
    collecting.server.throttle = headers
    assert numbers(collecting()) == [1]
    assert collecting.clock.slept == waits


@pytest.mark.parametrize("headers", [[{"Retry-After": "40000"}], [{}] * 9])
def test_a_429_that_lasts_ends_the_run(
    collecting: Collecting, headers: list[dict[str, str]]
) -> None:
    collecting.server.throttle = headers
    with pytest.raises(
        FreesoundError, match=r"what was fetched is kept, run the same command again (then|later)$"
    ):
        collecting()
    assert sum(collecting.clock.slept) <= 300


def test_a_server_that_stumbles_is_asked_again(collecting: Collecting) -> None:
    collecting.server.add(1)
    collecting.server.fail = [502, 503]
    assert numbers(collecting()) == [1]
    assert collecting.clock.slept == [1.0, 2.0]


def test_a_preview_that_breaks_off_is_fetched_again(collecting: Collecting) -> None:
    collecting.server.add(1)
    collecting.server.breaks_off = {1: 1}
    assert numbers(collecting()) == [1]
    assert collecting.server.fetched() == [1, 1]


def test_one_bad_preview_does_not_cost_the_others(collecting: Collecting) -> None:
    server = collecting.server
    for number in range(1, 8):
        server.add(number, 1.0)
    server.breaks_off = {1: 99}
    server.previews[2] = b"<html>not a sound</html>"
    server.previews[3] = encoded(1.0)[:-2000]  # whole by HTTP, cut short by its maker
    server.previews[4] = encoded(30.0)  # many times what was stated
    server.previews[5] = bytes(client.MOST_BYTES + 1)
    del server.previews[6]
    assert numbers(collecting()) == [7]
    assert [p.name for p in (collecting.cache / "previews").iterdir()] == ["7.ogg"]
    reasons = ["broke off", "not readable", "cut short", "lasts 30.0 s", "more than 20 MB", "404"]
    assert len(collecting.said) == len(reasons)
    for reason, line in zip(reasons, collecting.said, strict=True):
        assert reason in line


def test_a_slow_answer_is_given_up(collecting: Collecting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "TIMEOUT", aiohttp.ClientTimeout(total=0.1))
    collecting.server.add(1)
    collecting.server.slow = 0.5
    assert collecting() == []
    assert "broke off (TimeoutError)" in collecting.said[0]


@pytest.mark.parametrize(
    "body", [b"<html>", b"[]", b'{"results": null}', b'{"results": 3}', b"[" * 100_000, b"\xff"]
)
def test_an_answer_that_is_no_list_of_sounds_is_one_line(
    collecting: Collecting, body: bytes
) -> None:
    collecting.server.body = body
    with pytest.raises(FreesoundError, match="something that is no list of sounds") as error:
        collecting()
    assert "\n" not in str(error.value)
    assert not (collecting.cache / "pages").exists()


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_one_line_without_the_key(collecting: Collecting, status: int) -> None:
    collecting.server.fail = [status]
    with pytest.raises(FreesoundError, match=rf"refuses the API key \({status}\)") as error:
        collecting()
    assert KEY not in str(error.value)


def test_a_host_that_is_not_there_is_one_line(collecting: Collecting) -> None:
    collecting.server.base = "http://127.0.0.1:9"
    with pytest.raises(FreesoundError, match=r"127\.0\.0\.1 cannot be reached") as error:
        collecting()
    assert collecting.clock.slept == [1.0, 2.0, 4.0]
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "options",
    [
        {"licences": ("CC BY-SA",)},
        {"licences": ()},
        {"duration": (2.0, 1.0)},
        {"duration": (0.0, float("inf"))},
        {"most": 0},
    ],
)
def test_a_question_without_an_answer_is_refused_before_asking(
    collecting: Collecting, options: dict[str, Any]
) -> None:
    with pytest.raises(FreesoundError):
        collecting(**options)
    assert collecting.server.log == []


def test_the_key_goes_over_https_only(tmp_path: Path, server: Freesound) -> None:
    with pytest.raises(FreesoundError, match="over https:// only"):
        collect("door", base="http://freesound.org", cache=tmp_path)


def test_a_cache_that_cannot_be_written_is_one_line(server: Freesound, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FreesoundError, match="cannot be written"):
        collect("door", base=server.base, cache=tmp_path / "file")


class OneKeyring(keyring.backend.KeyringBackend):
    """A keyring with one entry."""

    priority = 1

    def __init__(self, entry: str | None) -> None:
        super().__init__()
        self.entry = entry

    def get_password(self, service: str, username: str) -> str | None:
        return self.entry if (service, username) == ("latentpad", "freesound") else None

    def set_password(self, service: str, username: str, password: str) -> None:
        self.entry = password


@pytest.fixture
def ring() -> Iterator[None]:
    before = keyring.get_keyring()
    yield
    keyring.set_keyring(before)


def test_the_key_may_lie_in_the_keyring(ring: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FREESOUND_API_KEY", raising=False)
    keyring.set_keyring(OneKeyring("from-the-ring\n"))
    assert search.api_key() == "from-the-ring"


def test_without_a_key_the_line_says_how_to_get_one(
    ring: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FREESOUND_API_KEY", " ")
    keyring.set_keyring(OneKeyring(None))
    with pytest.raises(FreesoundError, match=r"apiv2/apply.*FREESOUND_API_KEY") as error:
        search.api_key()
    assert "\n" not in str(error.value)


def test_a_mangled_key_is_refused_without_being_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FREESOUND_API_KEY", f"{KEY}\nHost: evil")
    with pytest.raises(FreesoundError) as error:
        search.api_key()
    assert not re.search(r"aSecret|evil|\n", str(error.value))
    assert os.environ["FREESOUND_API_KEY"].startswith(KEY)
