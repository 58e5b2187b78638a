"""The wheel: `pip install gtm` has every folder, the types, the geo database, the example zones and the licences.

It is built without dataplane/, which would take a minute of the compiler: what the extension is called is asked of the
same build tools.
"""

import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = ("pyproject.toml", "README.md", "LICENSE", "gtm", "geodata", "zones")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(180), pytest.mark.xdist_group("wheel")]


NAME_OF_EXTENSION = """
import setuptools
distribution = setuptools.Distribution()
distribution.parse_config_files(["pyproject.toml"])
distribution.get_command_obj("bdist_wheel").ensure_finalized()
build = distribution.get_command_obj("build_rust")
build.ensure_finalized()
for extension in distribution.rust_extensions:
    print(extension.name, build.get_dylib_ext_path(extension, extension.name))
"""
"""Prints the module of each extension and the file that it is built as."""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns the path of a wheel built from this tree, without the network."""
    folder = tmp_path_factory.mktemp("wheel")
    _copy_sources(folder / "source")
    options = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--disable-pip-version-check"]
    build = [sys.executable, "-m", "pip", "wheel", *options, "--wheel-dir", str(folder), str(folder / "source")]
    subprocess.run(build, check=True, cwd=folder, capture_output=True, text=True)
    (file,) = folder.glob("*.whl")
    return file


@pytest.fixture(scope="module")
def wheel(built: Path) -> set[str]:
    """Returns the names of the files in the wheel."""
    with zipfile.ZipFile(built) as archive:
        return set(archive.namelist())


def test_one_wheel_is_for_all_pythons(built: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    oldest = project["requires-python"].removeprefix(">=").replace(".", "")
    assert re.search(rf"-cp{oldest}-abi3-linux_\w+\.whl$", built.name), built.name
    module = tomllib.loads((ROOT / "dataplane/Cargo.toml").read_text())["dependencies"]["pyo3"]
    assert f"abi3-py{oldest}" in module["features"]


def test_the_extension_is_built_for_all_pythons() -> None:
    command = [sys.executable, "-W", "ignore", "-c", NAME_OF_EXTENSION]
    printed = subprocess.run(command, check=True, cwd=ROOT, capture_output=True, text=True).stdout
    ((module, path),) = [line.split() for line in printed.splitlines()]
    assert path.endswith(f"/{module.replace('.', '/')}.abi3.so")


def test_the_source_distribution_has_what_the_extension_is_built_from(tmp_path: Path) -> None:
    _copy_sources(tmp_path / "source", more=("MANIFEST.in", "dataplane", "docker", "packaging"))
    build = "from setuptools import build_meta; build_meta.build_sdist('..')"
    command = [sys.executable, "-W", "ignore", "-c", build]
    subprocess.run(command, check=True, cwd=tmp_path / "source", capture_output=True, text=True)
    (file,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(file) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    copied = [path.relative_to(tmp_path / "source") for path in (tmp_path / "source").rglob("*") if path.is_file()]
    crates = {path.as_posix() for path in copied if path.is_relative_to("dataplane")}
    assert "dataplane/Cargo.lock" in crates
    assert crates - names == set()
    assert {"gtm/shipped/geodata/regions.mmdb", "geodata/LICENSE.md", "docker/Dockerfile"} - names == set()


def test_an_extension_for_one_python_does_not_stay_beside_it() -> None:
    """Python would load the older one, in silence."""
    names = [file.name for file in (ROOT / "gtm").rglob("*.so")]
    abi3 = {name.partition(".")[0] for name in names if name.endswith(".abi3.so")}
    assert [name for name in names if name.partition(".")[0] in abi3 and not name.endswith(".abi3.so")] == []


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


def _copy_sources(target: Path, more: tuple[str, ...] = ()) -> None:
    target.mkdir()
    for name in (*SOURCES, *more):
        if (ROOT / name).is_dir():
            made = shutil.ignore_patterns("__pycache__", "target", "corpus", "artifacts", "*.so")
            shutil.copytree(ROOT / name, target / name, symlinks=True, ignore=made)
        else:
            shutil.copy(ROOT / name, target / name)
