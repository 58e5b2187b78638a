"""The HEALTHCHECK of the image, run as a container engine runs it, against a real health port."""

import asyncio
import json
import os
import re
import sys
from pathlib import Path

import pytest

from gtm.admin.health import open_health
from tests.fakes.routes import routes

DOCKERFILE = (Path(__file__).parents[2] / "docker/Dockerfile").read_text(encoding="utf-8")


def command() -> list[str]:
    """Returns what the engine runs, with this Python in the place of the image's."""
    found = re.search(r"^HEALTHCHECK .*\\\n +CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
    assert found is not None
    program, *arguments = json.loads(found[1])
    assert program == "python"
    return [sys.executable, *arguments]


async def exit_status(url: str) -> int:
    environment = {**os.environ, "GTM_HEALTH_URL": url}
    checking = await asyncio.create_subprocess_exec(
        *command(), env=environment, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    return await checking.wait()


@pytest.mark.slow
def test_it_asks_where_the_environment_says() -> None:
    async def story() -> list[int]:
        runner = await open_health("127.0.0.1", 0, routes(lambda: "it is stopping"))
        at = f"http://127.0.0.1:{runner.addresses[0][1]}"
        found = [await exit_status(f"{at}/livez"), await exit_status(f"{at}/readyz")]
        await runner.cleanup()
        return [*found, await exit_status(f"{at}/livez")]

    assert asyncio.run(story()) == [0, 1, 1]


def test_it_asks_the_default_admin_listener_unless_told_otherwise() -> None:
    assert "\nENV GTM_HEALTH_URL=http://127.0.0.1:8053/livez\n" in DOCKERFILE
