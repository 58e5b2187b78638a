"""An independent model of the whole answer: dnspython for names and records, geoip2 for places, plain YAML for files.

It shares no code with the program, and is slow and simple on purpose: names are looked up in a set, distances are
computed for each query, and instead of drawing with a coin it lists every answer that may be given.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from itertools import combinations
from math import atan2, cos, radians, sin, sqrt
from typing import Any

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import geoip2.database
import geoip2.errors
import yaml
from dns.rdatatype import RdataType

SOA_TIMES = {"refresh": 3600, "retry": 600, "expire": 604_800}
NOERROR, SERVFAIL, NXDOMAIN, REFUSED = 0, 2, 3, 5

Address = IPv4Address | IPv6Address
Point = tuple[float, float] | None
Order = tuple[str, ...]
"""Regions, the nearest first: all that an answer depends on of a place."""
Row = tuple[dns.name.Name, int, dns.rdata.Rdata]
"""Owner, TTL, value; names compare without case."""

EMBEDDING_IPV4 = [
    IPv6Network(each)
    for each in ("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96", "2001::/32", "2002::/16")
]
OF_NO_PLACE = [
    ip_network(each)
    for each in (
        *("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4"),
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"),
        *("fe80::/10", "fec0::/10", "fc00::/7", "ff00::/8", "64:ff9b:1::/48"),
    )
]


@dataclass(frozen=True)
class Possible:
    """One answer that may be given."""

    rcode: int
    authoritative: bool = True
    answer: frozenset[Row] = frozenset()
    authority: frozenset[Row] = frozenset()
    additional: frozenset[Row] = frozenset()


class World:
    """Where addresses are: custom networks before the database."""

    def __init__(self, database: str, networks: str) -> None:
        self._reader = geoip2.database.Reader(database)
        said = yaml.safe_load(networks)["networks"]
        self._networks = [(ip_network(cidr), tuple(place["at"])) for cidr, place in said.items() if "at" in place]
        nat64 = [IPv6Network(cidr) for cidr, place in said.items() if "nat64" in place]
        self._embedding = [*EMBEDDING_IPV4, *nat64]

    def close(self) -> None:
        self._reader.close()

    @property
    def custom(self) -> list[str]:
        return [str(network) for network in (*(each for each, _ in self._networks), *self._embedding)]

    def point(self, client: Address, resolver: Address) -> Point:
        """Where an answer goes: to the client's place, or its resolver's where the client's address says nothing."""
        for address in map(self._inner, (client, resolver)):
            holding = [(each.prefixlen, at) for each, at in self._networks if address in each]
            if holding:
                return max(holding)[1]
            if not any(address in each for each in OF_NO_PLACE):
                return self._in_database(address)
        return None

    def _inner(self, address: Address) -> Address:
        """The IPv4 address in an IPv6 address, if there is one that no custom network has by itself."""
        around = [each for each in self._embedding if address in each]
        placed = [each.prefixlen for each, _ in self._networks if address in each]
        if not around or max(placed, default=-1) >= around[0].prefixlen:
            return address
        digits = f"{int(address):032x}"
        if around[0] == IPv6Network("2002::/16"):
            return IPv4Address(bytes.fromhex(digits[4:12]))
        if around[0] == IPv6Network("2001::/32"):
            return IPv4Address(bytes(octet ^ 255 for octet in bytes.fromhex(digits[24:])))
        length = around[0].prefixlen
        used = digits[:16] + digits[18:] if length <= 64 else digits  # without the octet u, RFC 6052 2.2
        return IPv4Address(bytes.fromhex(used[length // 4 : length // 4 + 8]))

    def _in_database(self, address: Address) -> Point:
        try:
            location = self._reader.city(address).location
        except geoip2.errors.AddressNotFoundError:
            return None
        if location.latitude is None or location.longitude is None:
            return None
        return location.latitude, location.longitude


def kilometres(a: tuple[float, float], b: tuple[float, float]) -> float:
    """The great-circle distance, by way of the tangent."""
    up = sin(radians(b[0] - a[0]) / 2) ** 2
    side = sin(radians(b[1] - a[1]) / 2) ** 2
    part = up + cos(radians(a[0])) * cos(radians(b[0])) * side
    return 2 * 6371.0088 * atan2(sqrt(part), sqrt(1 - part))


@dataclass
class Model:
    """A zone, and what is believed of its endpoints: UP, DOWN or UNKNOWN by address or target."""

    text: str
    serial: int
    beliefs: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.file: Any = yaml.safe_load(self.text)
        self.origin = dns.name.from_text(self.file["zone"])
        self.ttl = self.file["ttl"]
        soa = self.file.get("soa", {})
        minimum = soa.get("minimum", 300)
        self.soa_ttl = soa.get("ttl", minimum)
        self.negative_ttl = min(self.soa_ttl, minimum)
        self.services = {self._name(key): value for key, value in self.file["services"].items()}
        self.records: dict[dns.name.Name, dict[int, list[dns.rdata.Rdata]]] = {}
        for key, by_type in self.file["records"].items():
            for rtype, said in by_type.items():
                texts = said if isinstance(said, list) else [said]
                self._add(self._name(key), rtype, texts)
        self._add(self.origin, "NS", [f"{each}." for each in self.file["nameservers"]])
        mailbox = self.file["hostmaster"].replace("@", ".")
        first = self.file["nameservers"][0]
        times = " ".join(str(soa.get(key, default)) for key, default in SOA_TIMES.items())
        self._add(self.origin, "SOA", [f"{first}. {mailbox}. {self.serial} {times} {minimum}"])
        self.regions = tuple((name, *each["at"], each.get("bias", 0)) for name, each in self.file["regions"].items())
        self._made: dict[tuple[dns.name.Name, int, Order], frozenset[Possible]] = {}
        self.names = {self.origin}
        for name in [*self.records, *self.services]:
            while name != self.origin:
                self.names.add(name)
                name = name.parent()  # noqa: PLW2901  # up to the origin, with every empty non-terminal

    def possible(self, name: dns.name.Name, rtype: int, point: Point) -> frozenset[Possible]:
        """Every answer that a client at this point may get."""
        if not name.is_subdomain(self.origin):
            return frozenset({Possible(REFUSED, authoritative=False)})
        key = name, rtype, _order(self.regions, point)
        if key not in self._made:
            self._made[key] = frozenset(self._possible(*key, frozenset()))
        return self._made[key]

    def _possible(self, name: dns.name.Name, rtype: int, order: Order, before: frozenset[Row]) -> Iterator[Possible]:
        if not name.is_subdomain(self.origin):
            yield Possible(NOERROR, answer=before)
            return
        cut = self._cut(name, rtype)
        if cut is not None:
            yield self._referral(cut, before)
            return
        source = self._source(name)
        if source is None:
            yield self._negative(NXDOMAIN, before)
            return
        here = self.records.get(source, {})
        service = self.services.get(source)
        if service is not None and (rows := self._steered(service, name, rtype, order)) is not None:
            yield from self._of_service(rows, service, name, rtype, order, before)
        elif rtype == RdataType.ANY and (here or service) and RdataType.CNAME not in here:
            ttl = self.ttl if here else self.negative_ttl
            if source == self.origin:
                ttl = min(self.ttl, self.soa_ttl)
            yield Possible(NOERROR, answer=before | {(name, ttl, self._rdata("HINFO", '"RFC8482" ""'))})
        elif rtype in here or (rtype == RdataType.ANY and here):
            wanted = RdataType.CNAME if rtype == RdataType.ANY else rtype
            rows_ttl = self.soa_ttl if wanted == RdataType.SOA else self.ttl
            yield Possible(NOERROR, answer=before | {(name, rows_ttl, each) for each in here[wanted]})
        elif RdataType.CNAME in here:
            [alias] = here[RdataType.CNAME]
            yield from self._possible(alias.target, rtype, order, before | {(name, self.ttl, alias)})  # type: ignore[attr-defined]
        else:
            yield self._negative(NOERROR, before)

    def _of_service(  # noqa: PLR0917  # the state of one walk
        self,
        sets: list[list[Any]],
        service: Any,
        name: dns.name.Name,
        rtype: int,
        order: Order,
        before: frozenset[Row],
    ) -> Iterator[Possible]:
        ttl = service.get("ttl", self.ttl)
        if not self._is_steady(service, order):
            ttl = min(ttl, max(5, ttl // 2))
        if not sets:
            if service["on_all_down"] == "servfail":
                yield Possible(SERVFAIL, authoritative=False)
            else:
                yield self._negative(NOERROR, before, ttl=min(ttl, self.negative_ttl))
        for chosen in sets:
            rows = frozenset((name, ttl, self._answer(each)) for each in chosen)
            target = chosen[0].get("target")
            if target is None or rtype in {RdataType.CNAME, RdataType.ANY}:
                yield Possible(NOERROR, answer=before | rows)
            else:
                yield from self._possible(self._name(target), rtype, order, before | rows)

    def _steered(self, service: Any, name: dns.name.Name, rtype: int, order: Order) -> list[list[Any]] | None:
        """The sets of endpoints that may be answered; empty when all are down; None for a type it does not have."""
        endpoints = self._of_type(service, rtype)
        if not endpoints:
            return None
        regular = [endpoint for endpoint in endpoints if not endpoint.get("last_resort")]
        everybody = service["endpoints"]
        alive = self._alive(service, regular)
        if alive:
            return list(self._sets(service, alive, everybody, order))
        policy = service.get("on_all_down", "serve_all")
        if policy in {"nodata", "servfail"}:
            return []
        spare = [endpoint for endpoint in endpoints if endpoint.get("last_resort")]
        pool = spare if policy == "last_resort" and spare else regular
        some = [each for each in pool if each.get("weight", 1)] or pool
        return list(self._sets(service, some, everybody, order))

    @staticmethod
    def _of_type(service: Any, rtype: int) -> list[Any]:
        endpoints: list[Any] = service["endpoints"]
        if all("target" in endpoint for endpoint in endpoints):
            return endpoints
        family = {RdataType.A: 4, RdataType.AAAA: 6}.get(RdataType(rtype))
        return [endpoint for endpoint in endpoints if ip_address(endpoint["address"]).version == family]

    def _is_steady(self, service: Any, order: Order) -> bool:
        """Whether both families get what they would get if all were up."""
        for rtype in (RdataType.A, RdataType.AAAA):
            regular = [each for each in self._of_type(service, rtype) if not each.get("last_resort")]
            alive = self._alive(service, regular)
            well = self._alive(service, regular, all_up=True)
            if regular and not alive:
                return False
            sets = [list(self._sets(service, some, service["endpoints"], order)) for some in (alive, well) if some]
            if regular and sets[0] != sets[1]:
                return False
        return True

    def _alive(self, service: Any, endpoints: list[Any], *, all_up: bool = False) -> list[Any]:
        def belief(endpoint: Any) -> str:
            if all_up or "monitor" not in service:
                return "UP"
            target = endpoint.get("address") or self._name(endpoint["target"]).to_text(omit_final_dot=True)
            return self.beliefs.get(target, "UNKNOWN")

        for weighty in (True, False):
            for wanted in ("UP", "UNKNOWN"):
                group = [
                    each for each in endpoints if (each.get("weight", 1) > 0) is weighty and belief(each) == wanted
                ]
                if group:
                    return group
        return []

    def _sets(self, service: Any, alive: list[Any], everybody: list[Any], order: Order) -> Iterator[list[Any]]:
        match service["steer"]:
            case "nearest":
                used = {each["region"] for each in everybody}
                ranks = [region for region in order if region in used]
                best = min(ranks.index(each["region"]) for each in alive)
                yield from ([each] for each in alive if ranks.index(each["region"]) == best)
            case "failover":
                ranks = list(dict.fromkeys(each["region"] for each in everybody))
                best = min(each.get("priority", ranks.index(each["region"]) + 1) for each in alive)
                for each in alive:
                    if each.get("priority", ranks.index(each["region"]) + 1) == best:
                        yield [each]
            case "weighted":
                yield from ([each] for each in alive)
            case "round-robin":
                yield alive
            case "multivalue":
                yield from (list(some) for some in combinations(alive, min(8, len(alive))))

    def _cut(self, name: dns.name.Name, rtype: int) -> dns.name.Name | None:
        """The highest delegation at or above a name; DS at the cut is not below it."""
        found = None
        below = name
        while name != self.origin:
            if RdataType.NS in self.records.get(name, {}) and not (rtype == RdataType.DS and name == below):
                found = name
            name = name.parent()
        return found

    def _source(self, name: dns.name.Name) -> dns.name.Name | None:
        """The name whose records answer: itself, the wildcard, or none."""
        if name in self.names:
            return name
        while name not in self.names:
            name = name.parent()
        wildcard = dns.name.Name((b"*", *name.labels))
        return wildcard if wildcard in self.names else None

    def _referral(self, cut: dns.name.Name, before: frozenset[Row]) -> Possible:
        """The delegation, behind the aliases that lead there; AA is about the first of these."""
        servers = self.records[cut][RdataType.NS]
        glue = frozenset(
            (server.target, self.ttl, address)  # type: ignore[attr-defined]
            for server in servers
            for rtype in (RdataType.A, RdataType.AAAA)
            for address in self.records.get(server.target, {}).get(rtype, [])  # type: ignore[attr-defined]
        )
        authority = frozenset((cut, self.ttl, server) for server in servers)
        return Possible(NOERROR, authoritative=bool(before), answer=before, authority=authority, additional=glue)

    def _negative(self, rcode: int, before: frozenset[Row], *, ttl: int | None = None) -> Possible:
        [soa] = self.records[self.origin][RdataType.SOA]
        return Possible(rcode, answer=before, authority=frozenset({(self.origin, ttl or self.negative_ttl, soa)}))

    def _answer(self, endpoint: Any) -> dns.rdata.Rdata:
        if "target" in endpoint:
            return self._rdata("CNAME", endpoint["target"])
        address = ip_address(endpoint["address"])
        return self._rdata("A" if address.version == 4 else "AAAA", str(address))

    def _name(self, text: str) -> dns.name.Name:
        return dns.name.from_text(text, self.origin)

    def _rdata(self, rtype: str, text: str) -> dns.rdata.Rdata:
        if rtype == "TXT" and not text.startswith('"'):
            text = f'"{text}"'
        return _parsed(rtype, text, self.origin)

    def _add(self, name: dns.name.Name, rtype: str, texts: Iterable[str]) -> None:
        found = [self._rdata(rtype, text) for text in texts]
        self.records.setdefault(name, {})[dns.rdatatype.from_text(rtype)] = found


@cache
def _order(regions: tuple[tuple[str, float, float, int], ...], point: Point) -> Order:
    if point is None:
        return tuple(name for name, *_ in regions)

    def far(region: tuple[str, float, float, int]) -> tuple[float, str]:
        name, latitude, longitude, bias = region
        distance = kilometres(point, (latitude, longitude))
        return (distance * (100 - bias) / 100 if bias > 0 else distance * 100 / (100 + bias), name)

    return tuple(name for name, *_ in sorted(regions, key=far))


@cache
def _parsed(rtype: str, text: str, origin: dns.name.Name) -> dns.rdata.Rdata:
    return dns.rdata.from_text("IN", rtype, text, origin=origin, relativize=False)
