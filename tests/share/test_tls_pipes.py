"""Named pipes in the place of this node's own certificate, key and roots: told at once, and not waited for."""

import os
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from gtm.errors import StateInvalid
from gtm.tls.peers import TlsFiles, client_tls, server_tls
from gtm.tls.renewal import LiveTls, RenewalResult
from tests.fakes.certificates import Authority

WALL = 0.0


@pytest.mark.parametrize("make", [client_tls, server_tls])
@pytest.mark.parametrize("place", ["certificate", "key", "ca"])
def test_a_pipe_is_refused_by_name(tmp_path: Path, make: Callable[[TlsFiles], ssl.SSLContext], place: str) -> None:
    good, pipe = Authority(tmp_path).issue("ns1"), tmp_path / "pipe"
    os.mkfifo(pipe)
    files = {"certificate": good, "key": good, "ca": good} | {place: pipe}
    with pytest.raises(StateInvalid, match="pipe: not a regular file"):
        make(TlsFiles(files["certificate"], files["key"], files["ca"]))


def test_a_renewed_file_that_is_a_pipe_is_refused_and_one_that_is_a_file_again_is_taken(tmp_path: Path) -> None:
    authority, roots = Authority(tmp_path), tmp_path / "roots"
    roots.write_bytes(authority.root.read_bytes())
    live = LiveTls("share", TlsFiles(ca=roots), client_tls)
    serving = live.context
    roots.unlink()
    os.mkfifo(roots)
    seen = [live.look(wall=WALL) for _ in range(3)]
    assert [each and (each.outcome, each.words) for each in seen] == [
        None,
        (RenewalResult.REFUSED, f"{roots}: not a regular file"),
        None,
    ]
    assert live.context is serving
    roots.unlink()
    roots.write_bytes(authority.root.read_bytes() * 2)
    renewals = [live.look(wall=WALL) for _ in range(2)]
    assert [renewal and renewal.outcome for renewal in renewals] == [None, RenewalResult.TAKEN]
