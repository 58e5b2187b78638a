from pathlib import Path

from gtm.cli.demo.stage import STAGE
from gtm.cli.demo.words import introduction

PAGE = introduction(STAGE, Path("/tmp/gtm-demo-x"), gtm=".venv/bin/gtm")


def test_the_dig_commands_can_be_pasted() -> None:
    for subnet, address in (("81.2.69.160", 12), ("200.160.2.0", 11), ("203.116.0.0", 13)):
        command = f"dig +short @127.0.0.1 -p 5300 api.gtm.example.com A +subnet={subnet}/24"
        assert f"  {command}   # 127.0.0.{address}, " in PAGE


def test_everything_that_runs_is_named_with_its_address() -> None:
    for node in (*STAGE.probes, STAGE.server):
        assert node.name in PAGE
        assert node.url in PAGE
    for region in STAGE.regions:
        assert f"{region.name:<14}http://{region.listen}" in PAGE


def test_every_way_to_break_and_mend_a_region_is_told() -> None:
    for command in ("stop eu-west", "slow eu-west", "fail eu-west", "start eu-west", "status"):
        assert f"  .venv/bin/gtm demo {command}" in PAGE
    assert "/tmp/gtm-demo-x" in PAGE
