"""The custom networks file: what an operator knows of networks, better than any database.

What comes in: the text of geodata/networks.yaml. What goes out: each network with its place, or every mistake of the
file at once as NetworksInvalid. Values are read as the file spells them, not as YAML 1.1 understands them, so that
Norway (`NO`) is a country and not false.

    networks:
      10.0.0.0/8: {country: DE, at: [50.1, 8.7], tag: office}     # a place and a tag
      "2001:db8::/32": {tags: [lab, test]}                        # tags alone: the place stays the database's
      "2001:db8:64::/96": {nat64: true}                           # IPv4 clients, where their IPv4 addresses are
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from ipaddress import IPv6Network, ip_network
from types import MappingProxyType

import yaml

from gtm.errors import NetworksInvalid, Problem, Problems
from gtm.geo.countries import CONTINENTS, COUNTRIES
from gtm.geo.database_row import coordinates
from gtm.geo.place import NOWHERE, Place
from gtm.geo.special import Embedding
from gtm.ids import Network


@dataclass(frozen=True, slots=True)
class CustomNetwork:
    """What the file says of one network; what it does not say is unknown in `place`."""

    network: Network
    place: Place
    embedding: Embedding | None = None
    """How its addresses embed those of IPv4 clients, if they do; they are where these are."""


def parse(text: str, file: str) -> tuple[CustomNetwork, ...]:
    """Returns the networks of a file in its order; raises NetworksInvalid with every mistake in it."""
    parser = _Parser(file)
    networks = tuple(parser.networks(parser.document(text)))
    if parser.problems:
        raise NetworksInvalid(parser.problems.all)
    return networks


class _Parser:
    """Walks the nodes of one document and collects problems on the way."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems = Problems()

    def document(self, text: str) -> yaml.Node | None:
        try:
            return yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as exc:
            self._at_mark(exc.problem_mark or exc.context_mark, exc.problem or "not YAML")
        except yaml.YAMLError as exc:
            self._at_mark(None, str(exc).splitlines()[0])
        except RecursionError:
            self._at_mark(None, "nested too deeply")
        return None

    def networks(self, document: yaml.Node | None) -> Iterator[CustomNetwork]:
        seen: dict[Network, int] = {}
        for key, value in self._pairs(document, {"networks"}):
            del key
            for cidr, fields in self._pairs(value, None):
                network = self._network(cidr)
                custom = self._custom(network, cidr, fields)
                if network in seen:
                    self._problem(cidr, f"{network} is already on line {seen[network]}")
                elif custom is not None:
                    seen[custom.network] = cidr.start_mark.line + 1
                    yield custom

    def _network(self, node: yaml.Node) -> Network | None:
        text = _text(node)
        try:
            network = ip_network(text, strict=False)
        except ValueError:
            self._problem(node, f'"{text}" is not a network; write it as 192.0.2.0/24 or "2001:db8::/32"')
            return None
        if "%" in text:
            self._problem(node, f'"{text}" has a zone index; write the network without it')
        elif isinstance(network, IPv6Network) and network.network_address.ipv4_mapped and network.prefixlen >= 96:
            plain = f"{network.network_address.ipv4_mapped}/{network.prefixlen - 96}"
            self._problem(node, f"{text} is an IPv4 network in IPv6 notation; write {plain}")
        elif _has_host_bits(text):
            self._problem(node, f"{text} has host bits set; write {network}")
        else:
            return network
        return None

    def _custom(self, network: Network | None, cidr: yaml.Node, node: yaml.Node) -> CustomNetwork | None:
        """Returns the custom network from its fields, or None when something in them, or the network, is wrong."""
        before = len(self.problems)
        place, is_nat64 = NOWHERE, False
        for key, value in self._pairs(node, {*FIELDS, NAT64}):
            try:
                if _text(key) == NAT64:
                    is_nat64 = _switch(value)
                else:
                    place = FIELDS[_text(key)](place, value)
            except ValueError as exc:
                self._problem(value, str(exc))
        if len(self.problems) > before:
            return None
        if is_nat64:
            return self._translator(network, cidr, node, place)
        problem = _problem_of(place)
        if problem:
            self._problem(node, problem)
        return None if problem or network is None else CustomNetwork(network, _completed(place))

    def _translator(
        self, network: Network | None, cidr: yaml.Node, node: yaml.Node, place: Place
    ) -> CustomNetwork | None:
        """Returns a network whose addresses a NAT64 made of IPv4 addresses."""
        if place != NOWHERE:
            self._problem(node, "its clients are where their IPv4 addresses are: give it a place or nat64, not both")
        elif not isinstance(network, IPv6Network):
            if network is not None:
                self._problem(cidr, f"{network} is no NAT64 prefix; those are IPv6")
        else:
            try:
                return CustomNetwork(network, NOWHERE, Embedding.nat64(network))
            except ValueError as exc:
                self._problem(cidr, str(exc))
        return None

    def _pairs(self, node: yaml.Node | None, allowed: set[str] | None) -> Iterator[tuple[yaml.Node, yaml.Node]]:
        """Returns keys and values of a mapping, an empty value being an empty mapping; misplaced keys are problems."""
        if node is None or (isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"):
            return
        if not isinstance(node, yaml.MappingNode):
            self._problem(node, "must be a mapping")
            return
        seen: set[str] = set()
        for key, value in node.value:
            name = _text(key)
            if name in seen:
                self._problem(key, f'"{name}" stands here twice')
            elif allowed is not None and name not in allowed:
                near = get_close_matches(name, allowed, 1)
                self._problem(key, f'unknown key "{name}"' + (f'; did you mean "{near[0]}"?' if near else ""))
            else:
                yield key, value
            seen.add(name)

    def _problem(self, node: yaml.Node, message: str) -> None:
        self._at_mark(node.start_mark, message)

    def _at_mark(self, mark: yaml.Mark | None, message: str) -> None:
        line, column = (mark.line, mark.column) if mark else (0, 0)
        self.problems.add(Problem(self.file, line + 1, column + 1, message))


def _has_host_bits(text: str) -> bool:
    try:
        ip_network(text)
    except ValueError:
        return True
    return False


def _problem_of(place: Place) -> str:
    """Returns the fault of a place; empty when nothing is."""
    if place == NOWHERE:
        return f"says nothing; give it some of {', '.join(FIELDS)}"
    if place.country and place.subdivision and not place.subdivision.startswith(place.country):
        return f"{place.subdivision} is not a subdivision of {place.country}"
    return ""


def _completed(place: Place) -> Place:
    """Returns the place with what follows from the country, as for a record of a database."""
    country = COUNTRIES.get(place.country or place.subdivision[:2])
    if country is None:
        return place
    return place._replace(
        country=place.country or place.subdivision[:2],
        continent=place.continent or country.continent,
        at=place.at or country.at,
    )


def _continent(place: Place, node: yaml.Node) -> Place:
    if _text(node) not in CONTINENTS:
        raise ValueError(f'"{_text(node)}" is not a continent; they are {" ".join(sorted(CONTINENTS))}')
    return place._replace(continent=_text(node))


def _country(place: Place, node: yaml.Node) -> Place:
    if _text(node) not in COUNTRIES:
        raise ValueError(f'"{_text(node)}" is not a country; write its ISO 3166-1 alpha-2 code, such as DE')
    return place._replace(country=_text(node))


def _subdivision(place: Place, node: yaml.Node) -> Place:
    if not re.fullmatch("[A-Z]{2}-[A-Z0-9]{1,3}", _text(node)) or _text(node)[:2] not in COUNTRIES:
        raise ValueError(f'"{_text(node)}" is not a subdivision; write its ISO 3166-2 code, such as US-CA')
    return place._replace(subdivision=_text(node))


def _at(place: Place, node: yaml.Node) -> Place:
    numbers = [_float(_text(item)) for item in _items(node)]
    point = coordinates(*numbers) if len(numbers) == 2 else None
    if point is None:
        raise ValueError("must be [latitude, longitude] in degrees, such as [50.11, 8.68]")
    return place._replace(at=point)


def _asn(place: Place, node: yaml.Node) -> Place:
    text = _text(node)
    if not re.fullmatch("[0-9]{1,10}", text) or not 0 < int(text) < 2**32:
        raise ValueError(f'"{text}" is not the number of an autonomous system')
    return place._replace(asn=int(text))


def _tags(place: Place, node: yaml.Node) -> Place:
    tags = [_text(item) for item in (_items(node) or [node])]
    for tag in tags:
        if not re.fullmatch("[A-Za-z0-9][A-Za-z0-9_.-]{0,62}", tag):
            raise ValueError(f'"{tag}" is not a tag; use letters, digits, "-", "_" and "."')
    return place._replace(tags=tuple(sorted({*place.tags, *tags})))


def _city(place: Place, node: yaml.Node) -> Place:
    return place._replace(city=_label(node))


def _organization(place: Place, node: yaml.Node) -> Place:
    return place._replace(organization=_label(node))


FIELDS: Mapping[str, Callable[[Place, yaml.Node], Place]] = MappingProxyType(
    {
        "country": _country,
        "continent": _continent,
        "subdivision": _subdivision,
        "city": _city,
        "at": _at,
        "asn": _asn,
        "organization": _organization,
        "tag": _tags,
        "tags": _tags,
    }
)
"""What may be said of a network: each adds its value to a place, or raises ValueError."""

NAT64 = "nat64"
"""What may be said of a network instead of its place."""


def _switch(node: yaml.Node) -> bool:
    if _text(node) not in {"true", "false"}:
        raise ValueError("must be true or false")
    return _text(node) == "true"


def _label(node: yaml.Node) -> str:
    if not _text(node):
        raise ValueError("must be a text")
    return _text(node)


def _text(node: yaml.Node) -> str:
    """Returns a scalar as the file spells it; empty for anything else."""
    return str(node.value) if isinstance(node, yaml.ScalarNode) else ""


def _items(node: yaml.Node) -> list[yaml.Node]:
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _float(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
