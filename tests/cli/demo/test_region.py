import asyncio
import json

import aiohttp
import pytest
from aiohttp import test_utils

from gtm.cli.demo.mode import Mode
from gtm.cli.demo.region import main, region_app


async def fetched(mode: Mode, path: str, *, slow_s: float = 0.0) -> tuple[int, str]:
    async with test_utils.TestClient(test_utils.TestServer(region_app("eu-west", mode, slow_s=slow_s))) as client:
        answer = await client.get(path)
        return answer.status, await answer.text()


def test_a_healthy_region_says_so_and_which_it_is() -> None:
    status, body = asyncio.run(fetched(Mode.OK, "/healthz"))
    assert status == 200
    assert '"status":"ok"' in body
    assert json.loads(body) == {"status": "ok", "region": "eu-west"}


def test_the_front_page_says_which_region_answers() -> None:
    assert asyncio.run(fetched(Mode.OK, "/")) == (200, "eu-west answers\n")


@pytest.mark.parametrize("path", ["/healthz", "/"])
def test_a_failing_region_answers_503_on_every_path(path: str) -> None:
    status, body = asyncio.run(fetched(Mode.FAIL, path))
    assert status == 503
    assert '"status":"ok"' not in body


def test_a_slow_region_answers_in_the_end() -> None:
    status, body = asyncio.run(fetched(Mode.SLOW, "/healthz", slow_s=0.01))
    assert (status, '"status":"ok"' in body) == (200, True)


def test_a_slow_region_outlasts_a_client_that_does_not_wait() -> None:
    async def story() -> None:
        app = region_app("eu-west", Mode.SLOW, slow_s=60.0)
        limit = aiohttp.ClientTimeout(total=0.05)
        async with test_utils.TestClient(test_utils.TestServer(app), timeout=limit) as client:
            with pytest.raises(TimeoutError):
                await client.get("/healthz")

    asyncio.run(story())


def test_an_address_that_cannot_be_bound_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--listen", "nowhere", "--name", "eu-west"]) == 1
    assert 'region eu-west: "nowhere" is not ADDRESS:PORT' in capsys.readouterr().err
