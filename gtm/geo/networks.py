"""The custom networks file: what an operator knows of networks, better than any database.

What comes in: the text of geodata/networks.yaml. What goes out: each network with its place, or every mistake of the
file at once as NetworksInvalid. Values are read as the file spells them: a city may be called `007`.

    networks:
      10.0.0.0/8: {country: DE, at: [50.1, 8.7], tag: office}     # a place and a tag
      "2001:db8::/32": {tags: [lab, test]}                        # tags alone: the place stays the database's
      "2001:db8:64::/96": {nat64: true}                           # IPv4 clients, where their IPv4 addresses are
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv6Network, ip_network
from types import MappingProxyType

from gtm.config import document
from gtm.config.document import Node, Scalar, Sequence
from gtm.config.reader import FileKind, read_document
from gtm.config.suggestions import suggestion
from gtm.errors import NetworksInvalid, Problem, Problems
from gtm.geo.countries import CONTINENTS, COUNTRIES
from gtm.geo.database_row import coordinates
from gtm.geo.place import NOWHERE, Place
from gtm.geo.special import Embedding
from gtm.ids import Network

MAX_CHARACTERS = 16 * 1024**2
"""Some 500,000 networks."""
NETWORKS_FILE = FileKind(
    NetworksInvalid,
    max_characters=MAX_CHARACTERS,
    too_long="write networks beside each other that have the same place as one",
    max_values=MAX_CHARACTERS,  # each has a character: this bounds aliases alone
    max_from_aliases=MAX_CHARACTERS,
    may_be_empty=True,
)


@dataclass(frozen=True, slots=True)
class CustomNetwork:
    """One network of the custom networks file with its place; fields that the file does not give are unknown."""

    network: Network
    place: Place
    embedding: Embedding | None = None
    """How its addresses embed those of IPv4 clients, if they do; they are where these are."""


def parse(text: str, file: str) -> tuple[CustomNetwork, ...]:
    """Returns the networks of a file in its order; raises NetworksInvalid with every mistake in it."""
    tree, problems = read_document(text, file, NETWORKS_FILE)
    networks = tuple(_Parser(file, problems).networks(tree.root))
    if problems:
        raise NetworksInvalid(problems.all)
    return networks


class _Parser:
    """Walks the tree of one file and collects problems on the way."""

    def __init__(self, file: str, problems: Problems) -> None:
        self.file = file
        self.problems = problems

    def networks(self, root: document.Mapping) -> Iterator[CustomNetwork]:
        line_of: dict[Network, int] = {}
        for _, networks in self._pairs(root, ("networks",)):
            for cidr, fields in self._pairs(networks, None):
                network = self._network(cidr)
                custom = self._custom(network, cidr, fields)
                if network in line_of:
                    self._problem(cidr, f"{network} is already on line {line_of[network]}")
                elif custom is not None:
                    line_of[custom.network] = cidr.line
                    yield custom

    def _network(self, node: Scalar) -> Network | None:
        text = node.text
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

    def _custom(self, network: Network | None, cidr: Scalar, node: Node) -> CustomNetwork | None:
        """Returns the custom network from its fields, or None when something in them, or the network, is wrong."""
        before = len(self.problems)
        place, is_nat64 = NOWHERE, False
        for key, value in self._pairs(node, _KEYS):
            try:
                if key.text == NAT64:
                    is_nat64 = _switch(value)
                else:
                    place = FIELDS[key.text](place, value)
            except ValueError as exc:
                self._problem(value, str(exc))
        if len(self.problems) > before:
            return None
        if is_nat64:
            return self._translator(network, cidr, node, place)
        problem = _problem_of(place)
        if problem:
            is_empty = isinstance(node, Scalar)  # and its place depends on how PyYAML was built
            self._problem(cidr if is_empty else node, problem)
        return None if problem or network is None else CustomNetwork(network, _completed(place))

    def _translator(self, network: Network | None, cidr: Scalar, node: Node, place: Place) -> CustomNetwork | None:
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

    def _pairs(self, node: Node, allowed: Collection[str] | None) -> Iterator[tuple[Scalar, Node]]:
        """Yields the keys and values of a mapping, no value being an empty mapping; misplaced keys are problems."""
        if isinstance(node, Scalar) and node.value is None:
            return
        if not isinstance(node, document.Mapping):
            self._problem(node, "must be a mapping")
            return
        for name, (key, value) in node.entries.items():
            if allowed is None or name in allowed:
                yield key, value
            else:
                self._problem(key, f'unknown key "{name}"{suggestion(name, allowed)}')

    def _problem(self, node: Node, message: str) -> None:
        self.problems.add(Problem(self.file, node.line, node.column, message))


def _has_host_bits(text: str) -> bool:
    try:
        ip_network(text)
    except ValueError:
        return True
    return False


def _problem_of(place: Place) -> str:
    """Returns a message about what is wrong with a place in the custom networks file; empty if nothing is."""
    if place == NOWHERE:
        return f"says nothing; give it some of {', '.join(FIELDS)}"
    if place.country and place.subdivision and not place.subdivision.startswith(place.country):
        return f"{place.subdivision} is not a subdivision of {place.country}"
    return ""


def _completed(place: Place) -> Place:
    """Returns the place with its unknown country, continent and point filled in from its country or subdivision."""
    country = COUNTRIES.get(place.country or place.subdivision[:2])
    if country is None:
        return place
    return place._replace(
        country=place.country or place.subdivision[:2],
        continent=place.continent or country.continent,
        at=place.at or country.at,
    )


def _continent(place: Place, node: Node) -> Place:
    if _text(node) not in CONTINENTS:
        raise ValueError(f'"{_text(node)}" is not a continent; they are {" ".join(sorted(CONTINENTS))}')
    return place._replace(continent=_text(node))


def _country(place: Place, node: Node) -> Place:
    if _text(node) not in COUNTRIES:
        raise ValueError(f'"{_text(node)}" is not a country; write its ISO 3166-1 alpha-2 code, such as DE')
    return place._replace(country=_text(node))


def _subdivision(place: Place, node: Node) -> Place:
    if not re.fullmatch("[A-Z]{2}-[A-Z0-9]{1,3}", _text(node)) or _text(node)[:2] not in COUNTRIES:
        raise ValueError(f'"{_text(node)}" is not a subdivision; write its ISO 3166-2 code, such as US-CA')
    return place._replace(subdivision=_text(node))


def _at(place: Place, node: Node) -> Place:
    numbers = [_float(_text(item)) for item in _items(node)]
    point = coordinates(*numbers) if len(numbers) == 2 else None
    if point is None:
        raise ValueError("must be [latitude, longitude] in degrees, such as [50.11, 8.68]")
    return place._replace(at=point)


def _asn(place: Place, node: Node) -> Place:
    text = _text(node)
    if not re.fullmatch("[0-9]{1,10}", text) or not 0 < int(text) < 2**32:
        raise ValueError(f'"{text}" is not the number of an autonomous system')
    return place._replace(asn=int(text))


def _tags(place: Place, node: Node) -> Place:
    tags = [_text(item) for item in (_items(node) or (node,))]
    for tag in tags:
        if not re.fullmatch("[A-Za-z0-9][A-Za-z0-9_.-]{0,62}", tag):
            raise ValueError(f'"{tag}" is not a tag; use letters, digits, "-", "_" and "."')
    return place._replace(tags=tuple(sorted({*place.tags, *tags})))


def _city(place: Place, node: Node) -> Place:
    return place._replace(city=_label(node))


def _organization(place: Place, node: Node) -> Place:
    return place._replace(organization=_label(node))


FIELDS: Mapping[str, Callable[[Place, Node], Place]] = MappingProxyType(
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
_KEYS = (*FIELDS, NAT64)


def _switch(node: Node) -> bool:
    if _text(node) not in {"true", "false"}:
        raise ValueError("must be true or false")
    return _text(node) == "true"


def _label(node: Node) -> str:
    if not _text(node):
        raise ValueError("must be a text")
    return _text(node)


def _text(node: Node) -> str:
    """Returns a scalar as the file spells it; empty for anything else."""
    return node.text if isinstance(node, Scalar) else ""


def _items(node: Node) -> tuple[Node, ...]:
    return node.items if isinstance(node, Sequence) else ()


def _float(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
