"""The wheel: `pip install gtm` has every folder, the types, the geo database, the example zones and the licences."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = ("pyproject.toml", "README.md", "LICENSE", "gtm", "geodata", "zones")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(180), pytest.mark.xdist_group("wheel")]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Returns the names of the files in a wheel built from this tree, without the network."""
    folder = tmp_path_factory.mktemp("wheel")
    _copy_sources(folder / "source")
    options = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--disable-pip-version-check"]
    build = [sys.executable, "-m", "pip", "wheel", *options, "--wheel-dir", str(folder), str(folder / "source")]
    subprocess.run(build, check=True, cwd=folder, capture_output=True, text=True)
    (file,) = folder.glob("*.whl")
    with zipfile.ZipFile(file) as archive:
        return set(archive.namelist())


def test_every_module_of_gtm_is_in_the_wheel(wheel: set[str]) -> None:
    modules = {file.relative_to(ROOT).as_posix() for file in (ROOT / "gtm").rglob("*.py")}
    assert modules - wheel == set()


def test_types_database_and_zones_are_in_the_wheel(wheel: set[str]) -> None:
    zones = {f"gtm/shipped/zones/{file.name}" for file in (ROOT / "zones").iterdir()}
    assert {"gtm/py.typed", "gtm/shipped/geodata/regions.mmdb", *zones} - wheel == set()
    assert zones, "there is at least one example zone"


def test_both_licences_are_in_the_wheel(wheel: set[str]) -> None:
    licences = {name.partition(".dist-info/licenses/")[2] for name in wheel if ".dist-info/licenses/" in name}
    assert licences == {"LICENSE", "geodata/LICENSE.md"}
    assert "gtm/shipped/geodata/LICENSE.md" in wheel, "beside the database, too: its licence asks for attribution"


def test_nothing_else_is_in_the_wheel(wheel: set[str]) -> None:
    assert {name.partition("/")[0].partition("-")[0] for name in wheel} == {"gtm"}
    assert not [name for name in wheel if name.endswith(".pyc")]


def test_a_clone_finds_the_shipped_files_where_an_installation_does() -> None:
    assert (ROOT / "gtm/shipped/geodata/regions.mmdb").samefile(ROOT / "geodata/regions.mmdb")
    assert (ROOT / "gtm/shipped/zones").samefile(ROOT / "zones")


def _copy_sources(target: Path) -> None:
    target.mkdir()
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, target / name)
