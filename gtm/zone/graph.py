"""Walks over graphs in which several ways lead to one node: each node is visited once, without recursion.

In come a node, and a function that gives the nodes below a node; out go nodes. The author of a zone file decides how
deep a graph is, and how many ways it has: 40 rows of two nodes have a million million ways. So nothing may walk it by
recursion, or way by way.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import TypeVar

Node = TypeVar("Node")

_MOST_SHOWN = 8
"""The most names of a path in a message; a path may be as long as the file."""


def outer_first(
    start: Node, below: Callable[[Node], Sequence[Node]], key: Callable[[Node], Hashable]
) -> Iterator[Node]:
    """Yields a node and all nodes below it, each once, and each after a node that it is below.

    `below` returns the nodes directly below a node. Nodes of the same `key` are the same node.
    """
    known = {key(start)}
    stack = [start]
    while stack:
        node = stack.pop()
        yield node
        fresh = []
        for each in below(node):
            if key(each) not in known:
                known.add(key(each))
                fresh.append(each)
        stack += reversed(fresh)


def inner_first(
    start: Node, below: Callable[[Node], Iterable[Node]], key: Callable[[Node], Hashable]
) -> Iterator[Node]:
    """Yields a node and all nodes below it, each once, and each after all nodes below it.

    `below` returns the nodes directly below a node. Nodes of the same `key` are the same node. The graph must have no
    cycles.
    """
    entered = {key(start)}
    stack = [(start, iter(below(start)))]
    while stack:
        node, rest = stack[-1]
        following = next(rest, None)
        if following is None:
            stack.pop()
            yield node
        elif key(following) not in entered:
            entered.add(key(following))
            stack.append((following, iter(below(following))))


def way_text(names: Sequence[Node], text: Callable[[Node], str] = str) -> str:
    """Returns a path as text for people: `a -> b -> c`; the middle of a long path is left out."""
    if len(names) <= _MOST_SHOWN:
        return " -> ".join(map(text, names))
    half = _MOST_SHOWN // 2
    between = f"({len(names) - 2 * half} more)"
    return " -> ".join((*map(text, names[:half]), between, *map(text, names[-half:])))
