"""Explanations, held against the answers of any engine."""

from ipaddress import ip_address

import dns.message
import dns.name
from dns.name import Name
from dns.rdatatype import RdataType

from gtm.engine.protocol import Engine, Transport
from gtm.explain.explain import Explanation, explain, lines_of, question_of
from gtm.health.consensus.status import Status
from gtm.plan.model import Plan
from tests.fakes import world


def explained_as(
    engine: Engine, name: Name, client: str, rtype: RdataType = RdataType.A, *, plan: Plan, status: Status
) -> Explanation:
    """Returns the explanation of a question; its answer is that of this engine, which serves the plan from now on."""
    engine.swap(plan)
    told = explain(name, rtype, ip_address(client), plan=plan, status=status, geography=world.geography())
    asked = dns.name.from_text(told.name)
    answered = engine.respond(question_of(asked, rtype, told.client), told.client, Transport.TCP, 0)
    reply = None if answered is None else dns.message.from_wire(answered.wire, continue_on_error=True)
    assert told.answer == lines_of(reply)
    return told
