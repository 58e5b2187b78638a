"""The scanner of master files that the extension has, or None where it is not built: then they are read in Python."""

from gtm.zone.records_file.parse import Scan


def native_scan() -> Scan | None:
    """Returns the extension's scanner."""
    try:
        from gtm.engine.rust import scan_master  # noqa: PLC0415  # it may not be built
    except ImportError:
        return None
    return scan_master
