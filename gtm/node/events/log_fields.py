"""An event that is a line of the log as well -> the fields of that line, for the log as JSON.

`event` and `subject` say which event it is, and its facts stand beside them by their own names.
"""

import logging
from collections.abc import Mapping

from gtm.event import Event, Fact

_OTHERS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
"""What records have of their own, and what logging refuses to have named again."""


def fields_of(event: Event) -> Mapping[str, Fact]:
    """Returns the fields."""
    facts = {name: fact for name, fact in event.facts.items() if name not in _OTHERS}
    return {"event": event.kind.value, "subject": event.subject, **facts}
