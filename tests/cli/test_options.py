import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import typer

from gtm.admin.address import SOCKET_NAME
from gtm.cli.options import admin_address, read_config, read_token, relative
from gtm.errors import NodeInvalid
from tests.cli.command import gtm


@pytest.mark.parametrize(
    "text", ["127.0.0.1:8053", "localhost:1", "ns1.example.net:65535", "[::1]:8053", "probe_1:80", "https://h:80"]
)
def test_an_admin_address_may_be_a_name(text: str) -> None:
    assert admin_address(text, None) == text


@pytest.mark.parametrize("text", ["http://h:80", "http://h:80/", "h:80/"])
def test_an_admin_address_may_be_typed_as_a_browser_has_it(text: str) -> None:
    assert admin_address(text, None) == "h:80"
    assert admin_address("https://h:80/", None) == "https://h:80"


WRONG = ["state: s\noverrides: {accept_from: [ns9]}\n", "state: s # here\nnode: [\n", "node: [\nstate: 's'\n"]


@contextmanager
def listening(state: Path) -> Iterator[None]:
    """A node's socket."""
    state.mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(state / SOCKET_NAME))
        listener.listen()
        yield


@pytest.mark.parametrize("content", WRONG)
def test_a_mistake_in_the_node_file_keeps_nobody_from_the_node_that_runs(
    folder: Path, content: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "gtm.yaml").write_text(content)
    with pytest.raises(NodeInvalid):
        admin_address(None, Path("gtm.yaml"))
    with listening(folder / "s"):
        assert admin_address(None, Path("gtm.yaml")) == "unix:s/admin.sock"
        told = capsys.readouterr().err
        assert (told.count("\n"), told.startswith("gtm.yaml:")) == (1, True)
        assert told.endswith("; the node that runs with s is asked all the same\n")
        assert gtm("events", "-c", "gtm.yaml").err == told
    with pytest.raises(NodeInvalid):
        admin_address(None, Path("gtm.yaml"))


@pytest.mark.parametrize("content", [None, b"\xff\n", b"state:\n", b"  state: s\nx: 1\n"])
def test_without_a_readable_line_the_state_folder_is_the_default(
    folder: Path, content: bytes | None, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "gtm.yaml").unlink()
    if content is not None:
        (folder / "gtm.yaml").write_bytes(content)
    with listening(folder / ".gtm"):
        assert admin_address(None, Path("gtm.yaml")) == "unix:.gtm/admin.sock"
    assert capsys.readouterr().err.startswith("gtm.yaml")
    ran = gtm("status", "-c", "gtm.yaml")
    assert (ran.code, ran.out, ran.err.partition(":")[0]) == (1, "", "gtm.yaml")


@contextmanager
def somebody() -> Iterator[None]:
    """As a user who may read no folder of others; root may read all."""
    if os.geteuid():
        yield
        return
    os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_state_folder_of_another_user_is_one_line_and_no_traceback(folder: Path) -> None:
    folder.chmod(0o755)
    (folder / "gtm.yaml").write_text("state: s\n")
    (folder / "s").mkdir()
    assert gtm("events", "-c", "gtm.yaml").code == gtm("check", "-c", "gtm.yaml").code == 0  # all is loaded
    (folder / "s").chmod(0)
    with somebody():
        at = admin_address(None, Path("gtm.yaml"))
        ran, checked = gtm("events", "-c", "gtm.yaml"), gtm("check", "s/zones")
    (folder / "s").chmod(0o700)
    assert at == "127.0.0.1:8053"  # not its socket
    assert (ran.code, checked.code) == (1, 1)
    assert ran.err == "s: Permission denied; read it as the user of the node, or ask the node with --admin\n"
    assert checked.err.startswith("s/zones: ")
    assert len(checked.err.splitlines()) == 1


@pytest.mark.parametrize(
    "text",
    ["", "127.0.0.1", ":8053", "host:", "host:0", "host:65536", "::1:80", "ftp://h:80", "h:80/x", "a b:80", "h:8²"],
)
def test_what_is_no_admin_address_is_a_wrong_command_line(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="is not ADDRESS:PORT, such as"):
        admin_address(text, None)


def test_a_token_is_the_line_of_its_file(folder: Path) -> None:
    (folder / "token").write_text("0123456789-0123456789\n")
    assert read_token(Path("token")) == "0123456789-0123456789"
    assert read_token(None) == ""


@pytest.mark.parametrize("content", ["", "two words", "two\nlines", "t\u00f6ken", "a\x1b[31m"])
def test_a_file_without_a_token_is_a_wrong_command_line_and_is_not_repeated(folder: Path, content: str) -> None:
    (folder / "token").write_text(content)
    with pytest.raises(typer.BadParameter, match=r"^token: (is no single line with a|no) token") as raised:
        read_token(Path("token"))
    assert not content or content not in str(raised.value)
    with pytest.raises(typer.BadParameter, match="gone: No such file or directory"):
        read_token(Path("gone"))


def test_without_one_the_node_file_says_and_without_that_the_default(folder: Path) -> None:
    (folder / "gtm.yaml").write_text('listen: {admin: "[::1]:99"}\n')
    assert admin_address(None, Path("gtm.yaml")) == "[::1]:99"
    assert admin_address(None, None) == "127.0.0.1:8053"


def test_the_paths_of_a_node_file_are_relative_to_its_folder(folder: Path) -> None:
    (folder / "etc").mkdir()
    (folder / "etc" / "gtm.yaml").write_text("zones: z\nstate: s\n")
    config = read_config(Path("etc/gtm.yaml"))
    assert (config.zones, config.state) == (Path("etc/z"), Path("etc/s"))


def test_a_node_file_is_utf8_wherever_it_is_read(folder: Path) -> None:
    (folder / "gtm.yaml").write_bytes("zones: zönes\n".encode())
    assert read_config(Path("gtm.yaml")).zones == Path("zönes")


def test_a_path_is_shown_as_it_would_be_typed_here(folder: Path) -> None:
    assert relative(folder / "zones" / "a.yaml") == Path("zones/a.yaml")
    assert relative(Path("/nowhere/else")) == Path("/nowhere/else")
