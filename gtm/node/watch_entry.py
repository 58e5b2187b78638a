"""The part `watch` of a node file: how changed files are taken up."""

from typing import Annotated

from pydantic import PlainValidator

from gtm.watch.arrival import DEFAULT_SETTLE_S
from gtm.zone.entry import Entry
from gtm.zone.fields import between

MOST_SETTLE_S = 10.0
"""Whoever asks for a reload waits for twice as long at most."""


class WatchEntry(Entry):
    """When a file counts as whole."""

    settle: Annotated[float, PlainValidator(between(0.0, MOST_SETTLE_S, "0s to 10s"))] = DEFAULT_SETTLE_S
