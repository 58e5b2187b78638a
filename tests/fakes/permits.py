"""What a node file permits, for checks of tests: those of endpoints on loopback, and what a test gives them besides."""

from pathlib import Path

from gtm.probe.permits import KeptCertificate, KeptSecret, Permits
from gtm.probe.targets import Targets, parse_allowed

ON_LOOPBACK = Targets((parse_allowed("127.0.0.0/8"), parse_allowed("::1")))


def permits(
    *,
    programs: frozenset[str] = frozenset(),
    secrets: dict[str, Path] | None = None,
    variables: dict[str, str] | None = None,
    certificates: dict[str, Path] | None = None,
    authorities: dict[str, Path] | None = None,
) -> Permits:
    """The permits of a probe whose node file lists these, for all zones."""
    files = {name: KeptSecret(name, "file", str(path)) for name, path in (secrets or {}).items()}
    environment = {name: KeptSecret(name, "env", variable) for name, variable in (variables or {}).items()}
    pairs = {name: KeptCertificate(path) for name, path in (certificates or {}).items()}
    return Permits(dict.fromkeys(programs), files | environment, pairs, authorities or {}, ON_LOOPBACK)
