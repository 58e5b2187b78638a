"""Files that come with the program: the default geo database and the example zones.

They stand in the package when it was installed from a wheel, and at the top of the repository in a checkout.
"""

from pathlib import Path

import gtm

_PACKAGE = Path(gtm.__file__).parent


def shipped(name: str) -> Path:
    """Returns the folder `geodata` or `zones` as shipped."""
    packaged = _PACKAGE / "shipped" / name
    return packaged if packaged.is_dir() else _PACKAGE.parent / name
