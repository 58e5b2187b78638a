import asyncio
import json
from collections.abc import Awaitable, Callable

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtm.health.belief import Belief
from gtm.health.report.report import Edition
from gtm.ids import NodeName
from gtm.share.handler import compose_have, parse_have
from tests.fakes.peers import WatchedReportStore, believing, report_store_of, serving

AMPLE_S = 10.0


def play(story: Callable[[WatchedReportStore, aiohttp.ClientSession, str], Awaitable[None]]) -> None:
    """Plays a story with the store of `fra`, which published once, and its server."""

    async def staged() -> None:
        report_store = report_store_of("fra", "iad")
        report_store.publish(believing(Belief.UP))
        async with serving(report_store) as url, aiohttp.ClientSession() as session, asyncio.timeout(AMPLE_S):
            await story(report_store, session, f"{url}/v1/reports")

    asyncio.run(staged())


def test_the_offer_is_json_with_a_tag() -> None:
    async def story(report_store: WatchedReportStore, session: aiohttp.ClientSession, url: str) -> None:
        async with session.get(url) as response:
            assert response.status == 200
            assert response.content_type == "application/json"
            assert response.headers["ETag"] == f'"{report_store.offer().etag}"'
            [envelope] = json.loads(await response.text())["reports"]
            assert envelope.keys() == {"payload", "key", "signature"}

    play(story)


def test_nothing_new_is_304() -> None:
    async def story(report_store: WatchedReportStore, session: aiohttp.ClientSession, url: str) -> None:
        tag = f'"{report_store.offer().etag}"'
        async with session.get(url, headers={"If-None-Match": tag}) as response:
            assert response.status == 304
            assert await response.read() == b""
        async with session.get(url, params={"wait": "0.02"}, headers={"If-None-Match": f'"other", {tag}'}) as response:
            assert response.status == 304

    play(story)


def test_a_long_poll_is_answered_when_something_changes() -> None:
    async def story(report_store: WatchedReportStore, session: aiohttp.ClientSession, url: str) -> None:
        headers = {"If-None-Match": f'"{report_store.offer().etag}"'}
        poll = asyncio.create_task(session.get(url, params={"wait": "30"}, headers=headers).__aenter__())
        await report_store.waited_on.wait()
        report_store.publish(believing(Belief.DOWN))
        report_store.publish(believing(Belief.UP))
        response = await poll
        assert response.status == 200
        assert json.loads(json.loads(await response.text())["reports"][0]["payload"])["serial"] == 3
        response.close()

    play(story)


def test_a_long_poll_without_a_tag_is_answered_at_once() -> None:
    async def story(report_store: WatchedReportStore, session: aiohttp.ClientSession, url: str) -> None:
        params = {"wait": "30", "have": compose_have(report_store.editions)}
        async with session.get(url, params=params) as response:
            assert await response.json() == {"reports": []}

    play(story)


def test_a_report_store_that_closes_lets_long_polls_go() -> None:
    async def story(report_store: WatchedReportStore, session: aiohttp.ClientSession, url: str) -> None:
        headers = {"If-None-Match": f'"{report_store.offer().etag}"'}
        poll = asyncio.create_task(session.get(url, params={"wait": "30"}, headers=headers).__aenter__())
        await report_store.waited_on.wait()
        report_store.close()
        assert (await poll).status == 304

    play(story)


@pytest.mark.parametrize(
    "params", [{"wait": "soon"}, {"wait": "-1"}, {"wait": "nan"}, {"wait": "inf"}, {"have": "fra"}, {"have": "fra:1"}]
)
def test_a_question_that_makes_no_sense_is_400(params: dict[str, str]) -> None:
    async def story(report_store: WatchedReportStore, session: aiohttp.ClientSession, url: str) -> None:
        async with session.get(url, params=params) as response:
            assert response.status == 400
            assert "error" in await response.json()

    play(story)


counts = st.integers(0, 2**63 - 1)


@pytest.mark.slow
@given(
    st.dictionaries(
        st.from_regex(r"[A-Za-z0-9._-]{1,64}", fullmatch=True).map(NodeName), st.builds(Edition, counts, counts)
    )
)
def test_what_a_node_has_survives_its_text_form(editions: dict[NodeName, Edition]) -> None:
    assert parse_have(compose_have(editions)) == editions


@given(st.text(max_size=40))
def test_other_text_raises_nothing_but_value_error(text: str) -> None:
    try:
        parsed = parse_have(text)
    except ValueError:
        parsed = {}
    assert all(isinstance(edition, Edition) for edition in parsed.values())
