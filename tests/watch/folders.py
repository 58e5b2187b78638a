"""Folders of zone files, and what a reading makes of them."""

from pathlib import Path

from gtm.steer.vocabulary import STEERING
from gtm.watch.folder import EMPTY, Catalogue
from gtm.watch.reading import read

HEAD = "zone: {}\nnameservers: [ns.example.net]\nhostmaster: hostmaster@example.com\n"


def write(folder: Path, **origins: str) -> None:
    """Writes files by name, each of a zone without records."""
    for name, origin in origins.items():
        (folder / f"{name}.yaml").write_text(HEAD.format(origin))


def load(folder: Path, previous: Catalogue = EMPTY) -> Catalogue:
    """Returns what a folder comes to, after what there was before."""
    return read(folder, previous, STEERING)


def names(catalogue: Catalogue) -> list[str]:
    """Returns the names of the files whose zones serve."""
    return [Path(zone.file).stem for zone in catalogue.zones]
