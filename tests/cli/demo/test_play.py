import tempfile
from pathlib import Path

import pytest

from gtm.cli.demo.play import _keep_logs


def test_the_logs_of_a_demo_that_failed_are_kept_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, kept = tmp_path / "demo", tmp_path / "tmp"
    for each in (folder, kept):
        each.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(kept))
    assert _keep_logs(folder) == ()
    (folder / "ns1.log").write_text("why it ended\n")
    (folder / "ns1.key").write_text("a secret\n")
    [words] = _keep_logs(folder)
    [place] = kept.iterdir()
    assert words == f"all logs are kept in {place}"
    assert [(log.name, log.read_text()) for log in place.iterdir()] == [("ns1.log", "why it ended\n")]


def test_logs_that_cannot_be_kept_do_not_hide_the_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ns1.log").write_text("why it ended\n")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    assert _keep_logs(tmp_path) == ("the logs could not be kept: No such file or directory",)
