"""Every kind of event that logs, webhooks and alerts may wait for happens somewhere: none is in the table alone."""

from pathlib import Path

import pytest

from gtm.event import EventKind

ROOT = Path(__file__).parents[2] / "gtm"
TABLE = ROOT / "health" / "event.py"
SOURCES = "\n".join(file.read_text(encoding="utf-8") for file in sorted(ROOT.rglob("*.py")) if file != TABLE)


@pytest.mark.parametrize("kind", EventKind, ids=lambda kind: kind.value)
def test_a_kind_of_event_is_recorded_somewhere(kind: EventKind) -> None:
    assert f"EventKind.{kind.name}" in SOURCES
