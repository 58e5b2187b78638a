"""An event that is also logged -> the fields of its log line, for the log as JSON.

The fields `event` and `subject` hold the kind and the subject of the event. Each fact is a field by its own name.
"""

import logging
from collections.abc import Mapping

from gtm.event import Event, Fact

_OTHERS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
"""The attributes that every log record has. Logging refuses extra fields with these names."""


def fields_of(event: Event) -> Mapping[str, Fact]:
    """Returns the log fields of an event: its kind, its subject and its facts.

    Leaves out a fact whose name is an attribute of every log record.
    """
    facts = {name: fact for name, fact in event.facts.items() if name not in _OTHERS}
    return {"event": event.kind.value, "subject": event.subject, **facts}
