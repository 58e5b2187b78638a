"""`gtm demo`: three toy regions, three probes and a DNS node on the loopback, and a way to break the regions.

The toy regions run from this package as processes of their own, and start in half the time without the command line:
so `demo_app` is imported when it is first asked for (PEP 562).
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gtm.cli.demo.app import demo_app as demo_app


def __getattr__(name: str) -> object:
    if name != "demo_app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from gtm.cli.demo.app import demo_app  # noqa: PLC0415  # see above

    return demo_app
