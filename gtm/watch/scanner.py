"""The scanner of records files that the extension has, or None where it is not built: then Python reads them."""

from gtm.zone.records_file.parse import Scan


def native_scanner() -> Scan | None:
    """Returns the scanner of the Rust extension, or None where the extension is not built."""
    try:
        from gtm._native import scan_zone_file  # noqa: PLC0415  # it may not be built
    except ImportError:
        return None
    return scan_zone_file
