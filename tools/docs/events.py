"""docs/reference/events.md: every kind of event and what it means."""

import inspect

from gtm import event
from gtm.event import EventKind
from tools.docs.described import members
from tools.docs.section import table


def events_section() -> str:
    """Returns the table of the page; raises KeyError for a kind without a description."""
    described = members(inspect.getsource(event))["EventKind"]
    return table(("event", "meaning"), [(f"`{kind.value}`", described[kind.name]) for kind in EventKind])
