"""Reads the Markdown pages: their links, their headings, and the commands that they tell people to type.

What comes in: the text of a page. What goes out: plain values for the tests to hold against the tree and the CLI.
"""

import re
import shlex
from dataclasses import dataclass

_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_INLINE_CODE = re.compile(r"(?<!`)`([^`]+)`(?!`)")
_PROMPT = re.compile(r"^\s*(?:[$#] )?(?:sudo )?(?:\S*/)?gtm\s+([a-z-].*)$")
"""A command starts in lower case; `gtm NS ns1.example.com.` is a record."""
_PLACEHOLDER = re.compile(r"[\[\]{}<>|…]|\.\.\.")


@dataclass(frozen=True, slots=True)
class Command:
    """One `gtm` command of a page, as words."""

    words: tuple[str, ...]
    """`("demo", "stop", "eu-west")`: what comes before any option."""
    options: tuple[str, ...]
    """`("--json",)`: names alone."""


def relative_links(text: str) -> list[str]:
    """Returns the targets of a page's links that lead to files of this tree, in order."""
    targets = _LINK.findall(_FENCE.sub("", text))
    return [target for target in targets if not re.match(r"[a-z]+:", target)]


def anchors(text: str) -> set[str]:
    """Returns the anchors of a page's headings, as GitHub makes them."""
    return {_anchor(heading) for heading in _HEADING.findall(_FENCE.sub("", text))}


def commands(text: str) -> list[Command]:
    """Returns every `gtm ...` in the code of a page, in a fence or in line, fences first."""
    fenced = [line for block in _FENCE.findall(text) for line in block.splitlines()[1:-1]]
    lines = [*fenced, *_INLINE_CODE.findall(_FENCE.sub("", text))]
    found = (_PROMPT.match(line) for line in lines)
    return [_command(match.group(1)) for match in found if match]


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def _command(rest: str) -> Command:
    spoken = _PLACEHOLDER.sub(" ", re.split(r"\s+#|\s*&\s*$|;|\s\|\s", rest)[0])
    words = shlex.split(spoken.replace("'", " "))
    options = tuple(word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word))
    first_option = next((index for index, word in enumerate(words) if word.startswith("-")), len(words))
    return Command(tuple(words[:first_option]), options)
