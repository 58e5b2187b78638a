"""Kind `grpc`: the standard health service says SERVING."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import ConfigDict, Field

from gtm.config.entry import Entry
from gtm.config.fields import Text
from gtm.zone.monitors.common import CommonKeys
from gtm.zone.monitors.keys import HostKey, PortKey, check_sizes
from gtm.zone.monitors.kind import MonitorKind
from gtm.zone.monitors.settings import Settings, TlsSettings
from gtm.zone.monitors.tls import TlsKey, tls_settings


@dataclass(frozen=True, slots=True)
class GrpcSettings(Settings):
    """Kind `grpc`: the standard health service (grpc.health.v1) says SERVING."""

    service: str = ""
    host: str = ""
    """The :authority, and SNI; empty means the endpoint's own address or target."""
    tls: TlsSettings | None = None

    @property
    def used_tls(self) -> TlsSettings | None:
        """Returns the TLS that the connection must have."""
        return self.tls


class GrpcKeys(Entry):
    """Whose health is asked after."""

    model_config = ConfigDict(defer_build=True)

    port: PortKey = None
    host: HostKey = ""
    tls: TlsKey = None
    service: Annotated[Text, Field(description="The gRPC service to ask after; the server as a whole when empty")] = ""


def _settings(keys: GrpcKeys) -> GrpcSettings:
    return GrpcSettings(keys.service, keys.host.removesuffix("."), tls_settings(keys.tls))


def _check(keys: GrpcKeys, _common: CommonKeys) -> None:
    check_sizes(sent=(keys.service,))


GRPC = MonitorKind(GrpcKeys, _settings, port=lambda keys: keys.port or 443, rule=_check)
