"""Inconclusive checks: which probes cannot make which checks, and why, for people at any node.

What comes in: the book of reports, the plan and the status. What goes out: views, few for each probe. A vote has the
cause in its detail when its last reading is too old to count, or when there never was one
(gtm/health/report/report.py).
"""

from gtm.admin.views import UnreadView
from gtm.health.consensus.status import Status
from gtm.health.report.book import Book
from gtm.plan.model import Plan
from gtm.probe.withheld import summed
from gtm.zone.model import Service


def unread_views(book: Book, plan: Plan, status: Status) -> tuple[UnreadView, ...]:
    """Returns views of the checks that probes cannot make, and why; for each probe the most common cause first.

    Leaves out checks that only wait for others (monitors `push` and `calculated`): a probe is not at fault there.
    """
    by_node = {
        node: {check: vote.detail for check, vote in heard.report.votes.items() if not vote.is_cast and vote.detail}
        for node, heard in sorted(book.by_node.items())
    }
    if not any(by_node.values()):
        return ()
    telling = {check for service in plan.services.values() if not _asks(service.service) for check in service.checks}
    views = []
    for node, reasons in by_node.items():
        own = {check: why for check, why in reasons.items() if check in status.checks and check not in telling}
        views += [UnreadView(node, withheld.reason, withheld.checks, withheld.example) for withheld in summed(own)]
    return tuple(views)


def _asks(service: Service) -> bool:
    return service.monitor is not None and service.monitor.type.asks
