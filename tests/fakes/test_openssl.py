import ssl
import urllib.request
from pathlib import Path

import pytest

from tests.fakes.certificates import Authority
from tests.fakes.cluster import loopback_address
from tests.fakes.openssl import openssl_server


@pytest.mark.tool("openssl")
@pytest.mark.parametrize("named", [False, True], ids=["any port", "a named one"])
def test_it_answers_where_it_says(tmp_path: Path, *, named: bool) -> None:
    authority = Authority(tmp_path)
    address, wanted = (loopback_address(), 8443) if named else ("127.0.0.1", 0)
    trust = ssl.create_default_context(cafile=str(authority.root))
    with (
        openssl_server(authority.issue(address), at=f"{address}:{wanted}") as port,
        urllib.request.urlopen(f"https://{address}:{port}/", timeout=10, context=trust) as answer,
    ):
        assert answer.status == 200


@pytest.mark.tool("openssl")
def test_one_that_cannot_start_says_so(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="ended"), openssl_server(tmp_path / "nothing.pem"):
        pass
