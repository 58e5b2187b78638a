"""The part `probe` of a node file: what this machine's probe may do beyond speaking to endpoints."""

from typing import Annotated

from pydantic import Field, PlainValidator

from gtm.zone.entry import Entry
from gtm.zone.fields import error, found


def _program(value: object) -> str:
    if not isinstance(value, str) or not value.startswith("/") or value.endswith("/") or "\0" in value:
        raise error(f'expected the absolute path of a program such as "/usr/lib/gtm/check-db", not {found(value)}')
    return value


class ProbeEntry(Entry):
    """What the probe of this node may do."""

    exec: list[Annotated[str, PlainValidator(_program)]] = Field(default_factory=list)

    @property
    def programs(self) -> frozenset[str]:
        """Returns the programs that checks may run; a zone file alone can never have one run."""
        return frozenset(self.exec)
