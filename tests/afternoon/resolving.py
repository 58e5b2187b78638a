"""How clients find the nodes: a resolver that sends their networks on, and a parent zone that delegates.

Both are unbound.
What comes in: folders. What goes out: the commands that run them.
"""

import shutil
from pathlib import Path

from tests.afternoon.places import DNS_PORT, NAMESERVERS, OTHERS, PARENT, PARENT_ZONE, ZONES

COMMON = """\
server:
  directory: "{folder}"
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  logfile: ""
  verbosity: 1
  num-threads: 1
  interface: 0.0.0.0
  port: {port}
  access-control: 0.0.0.0/0 allow
  local-zone: "test." transparent
"""

PARENT_MORE = """\
auth-zone:
  name: "{zone}"
  zonefile: "{folder}/parent.zone"
  for-downstream: yes
  for-upstream: no
remote-control:
  control-enable: no
"""

RESOLVER_MORE = """\
  do-not-query-localhost: no
  module-config: "subnetcache iterator"
  client-subnet-zone: "{zone}"
  max-client-subnet-ipv4: 24
  infra-host-ttl: 2      # that a server was dead is forgotten soon: incidents follow each other quickly
stub-zone:
  name: "{zone}"
  stub-addr: {parent}@{port}
remote-control:
  control-enable: no
"""


def parent_command(folder: Path) -> tuple[str, ...]:
    """Writes the parent zone, with a delegation of each zone to both nodes; returns the command that serves it."""
    servers = [f"{name} 60 IN A {at}" for name, at in NAMESERVERS.items()]
    delegations = [f"{zone}. 60 IN NS {name}.{PARENT_ZONE}." for zone in ZONES for name in NAMESERVERS]
    head = [
        f"$ORIGIN {PARENT_ZONE}.",
        "@ 60 IN SOA ns hostmaster 1 3600 600 604800 60",
        "@ 60 IN NS ns",
        f"ns 60 IN A {OTHERS[PARENT]}",
    ]
    (folder / "parent.zone").write_text("\n".join([*head, *servers, *delegations, ""]), encoding="utf-8")
    return _command(folder, "parent", PARENT_MORE)


def resolver_command(folder: Path) -> tuple[str, ...]:
    """Returns the command of the resolver that clients ask."""
    return _command(folder, "resolver", RESOLVER_MORE)


def _command(folder: Path, name: str, more: str) -> tuple[str, ...]:
    program = shutil.which("unbound")
    assert program is not None
    path = folder / f"{name}.conf"
    text = COMMON.format(folder=folder, port=DNS_PORT)
    more = more.format(folder=folder, port=DNS_PORT, zone=PARENT_ZONE, parent=OTHERS[PARENT])
    path.write_text(text + more, encoding="utf-8")
    return program, "-d", "-c", str(path)
