"""Adds the default geo database and the example zones to the package, so that `pip install gtm` has them too.

Everything else is in pyproject.toml.
"""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["gtm", "gtm.*"]), "gtm.shipped.geodata", "gtm.shipped.zones"],
    package_dir={"gtm.shipped.geodata": "geodata", "gtm.shipped.zones": "zones"},
    package_data={
        "gtm": ["py.typed"],
        "gtm.shipped.geodata": ["*.mmdb", "*.md", "*.yaml"],
        "gtm.shipped.zones": ["*.yaml"],
    },
)
