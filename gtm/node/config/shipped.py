"""Files that come with the program: the default geo database and the example zones.

They are in the package after an installation from a wheel, and at the top of the repository in a checkout.
"""

from pathlib import Path

import gtm

_PACKAGE = Path(gtm.__file__).parent


def shipped(name: str) -> Path:
    """Returns the path of a folder that comes with the program; `name` is `geodata` or `zones`."""
    packaged = _PACKAGE / "shipped" / name
    return packaged if packaged.is_dir() else _PACKAGE.parent / name
