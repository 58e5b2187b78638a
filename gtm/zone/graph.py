"""Walks over graphs in which several ways lead to one node: each node is visited once, without recursion.

In come a node, and a function that gives the nodes below a node; out go nodes. The author of a zone file decides how
deep a graph is, and how many ways it has: 40 rows of two nodes have a million million ways. So nothing may walk it by
recursion, or way by way.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import TypeVar

Node = TypeVar("Node")

_MOST_SHOWN = 8
"""Names of a way in a message; a way may be as long as the file."""


def outer_first(
    start: Node, below: Callable[[Node], Sequence[Node]], key: Callable[[Node], Hashable]
) -> Iterator[Node]:
    """Yields a node and all below it, each once and after one that it is below; `key` says which are the same."""
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
    """Yields a node and all below it, each once and after all that is below itself. The graph has no circles."""
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
    """Returns a way from name to name, for people; of a long one the middle is left out."""
    if len(names) <= _MOST_SHOWN:
        return " -> ".join(map(text, names))
    half = _MOST_SHOWN // 2
    between = f"({len(names) - 2 * half} more)"
    return " -> ".join((*map(text, names[:half]), between, *map(text, names[-half:])))
