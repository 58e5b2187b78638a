"""unbound, a real resolver: it asks one server on loopback, and caches each answer for the networks of its scope."""

import shutil
from pathlib import Path

from tests.fakes.cluster import DNS_PORT

CONFIGURATION = """\
server:
  directory: "{folder}"
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  logfile: ""
  verbosity: 1
  num-threads: 1
  interface: {address}
  port: {port}
  outgoing-interface: {address}   # so that nothing can leave loopback
  access-control: 127.0.0.0/8 allow
  do-not-query-localhost: no
  local-zone: "test." transparent
  module-config: "subnetcache validator iterator"
  client-subnet-zone: "{zone}"
  max-client-subnet-ipv4: 32
  max-client-subnet-ipv6: 128
  max-ecs-tree-size-ipv4: 100000
  max-ecs-tree-size-ipv6: 100000
stub-zone:
  name: "{zone}"
  stub-addr: {server}@{server_port}
remote-control:
  control-enable: no
"""


def command(folder: Path, *, address: str, zone: str, server: str, server_port: int = DNS_PORT) -> tuple[str, ...]:
    """Writes the configuration of an unbound that listens on an address; returns the command that runs it."""
    program = shutil.which("unbound")
    assert program is not None
    path = folder / "unbound.conf"
    path.write_text(
        CONFIGURATION.format(
            folder=folder, address=address, port=DNS_PORT, zone=zone, server=server, server_port=server_port
        )
    )
    return program, "-d", "-c", str(path)
