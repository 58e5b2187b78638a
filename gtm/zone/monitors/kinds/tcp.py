"""Kind `tcp`: a connection that opens, and says what is expected."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import BeforeValidator, ConfigDict, Field

from gtm.config.entry import Entry
from gtm.config.fields import text
from gtm.zone.monitors.common import CommonKeys
from gtm.zone.monitors.keys import PortKey, check_sizes
from gtm.zone.monitors.kind import MonitorKind
from gtm.zone.monitors.settings import Settings, TlsSettings
from gtm.zone.monitors.tls import TlsKey, tls_settings


@dataclass(frozen=True, slots=True)
class TcpSettings(Settings):
    """Kind `tcp`: a connection that opens; what it says when it is told something."""

    send: bytes = b""
    expect: bytes = b""
    """Must be in what the endpoint sends; empty waits for nothing."""
    tls: TlsSettings | None = None

    @property
    def used_tls(self) -> TlsSettings | None:
        """Returns the TLS that the connection must have."""
        return self.tls


class TcpKeys(Entry):
    """What is sent, and what must come."""

    model_config = ConfigDict(defer_build=True)

    port: PortKey = None
    send: Annotated[str, BeforeValidator(text), Field(description="What to send once connected")] = ""
    receive: Annotated[str, BeforeValidator(text), Field(description="What the endpoint must send")] = ""
    tls: TlsKey = None


def _settings(keys: TcpKeys) -> TcpSettings:
    return TcpSettings(keys.send.encode(), keys.receive.encode(), tls_settings(keys.tls))


def _check(keys: TcpKeys, _common: CommonKeys) -> None:
    check_sizes(sent=(keys.send,), expected=(keys.receive,))


TCP = MonitorKind(
    TcpKeys,
    _settings,
    port=lambda keys: keys.port or 0,
    needed={"port": "a tcp monitor has no default one"},
    rule=_check,
)
