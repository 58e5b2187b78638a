"""Misfits: what a failed check says about the endpoint: clients may be served well by it, or surely are not.

answers     it gave an answer that the monitor does not want, and that clients may never see: a health path that is
            gone, another body; or an answer that is good, and it is not up yet
is dead     it gave none, or one that clients get as well: an answer of 500 or more is its own word that it fails,
            and a certificate that is no good is no good for anybody. What is calculated fails for others' reasons
"""

import re

from gtm.health.consensus.status import CheckStatus
from gtm.health.verdict.reading import Reason

_MISFITS = frozenset({Reason.BODY, Reason.HEADER, Reason.ALLOWED, Reason.TLS_CLIENT, Reason.CERT_EXPIRING})
_UNWANTED = re.compile(r"HTTP [1-4][0-9]{2}(?![0-9])")
"""An HTTP status below 500: by it the endpoint does not say that it fails."""


def is_misfit(known: CheckStatus) -> bool:
    """Returns whether a check failed by an answer that its monitor does not accept and that clients may never see."""
    if known.reason is Reason.STATUS:
        return _UNWANTED.match(known.detail) is not None
    return known.reason in _MISFITS


def is_dead(known: CheckStatus) -> bool:
    """Returns whether a check that is down says that the endpoint is dead.

    It is False for a check that is read as good again or is not read, and for a misfit.
    """
    return known.reason not in {Reason.OK, Reason.UNREAD} and not is_misfit(known)
