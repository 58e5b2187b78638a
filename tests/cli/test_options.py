from pathlib import Path

import pytest
import typer

from gtm.cli.options import admin_address, read_config, relative


@pytest.mark.parametrize("text", ["127.0.0.1:8053", "localhost:1", "ns1.example.net:65535", "[::1]:8053", "probe_1:80"])
def test_an_admin_address_may_be_a_name(text: str) -> None:
    assert admin_address(text, None) == text


@pytest.mark.parametrize(
    "text",
    ["", "127.0.0.1", ":8053", "host:", "host:0", "host:65536", "::1:80", "http://h:80", "h:80/x", "a b:80", "h:8²"],
)
def test_what_is_no_admin_address_is_a_wrong_command_line(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="is not ADDRESS:PORT, such as"):
        admin_address(text, None)


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
