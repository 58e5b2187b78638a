"""Exceptions of PyYAML -> problems: where a text is not YAML, and what to do.

In comes PyYAML's exception, out goes one Problem. It must not raise: a message that the table lacks is passed on.
"""

import yaml

from gtm.errors import Problem

_WORDS = (
    ("character '\\t'", "a tab; YAML is indented with spaces"),
    ("mapping values are not allowed", 'a ":" where no value can stand; is a quote missing, or the indentation wrong?'),
    ("could not find expected ':'", 'a line without ":"; every key needs one, with a space behind it'),
    ("expected ',' or ']'", 'a "[" that is not closed; expected "," or "]"'),
    ("expected ',' or '}'", 'a "{" that is not closed; expected "," or "}"'),
    ("expected <block end>", "the indentation does not fit the lines above"),
    ("unexpected end of stream", "the file ends inside quotes"),
    ("unknown escape character", r"an unknown escape in double quotes; write \\, or use single quotes"),
    ("expected the node content, but found ':'", 'a value that starts with ":"; put it in quotes'),
    ("that cannot start any token", "a character that no value can start with; put the text in quotes"),
    ("alphabetic or numeric character", 'a "*" or "&" that is meant as text; put it in quotes'),
    ("a comment or a line break", 'a "|" or ">" that is meant as text; put it in quotes'),
    ("chomping or indentation", 'a "|" or ">" that is meant as text; put it in quotes'),
    ("sequence entries are not allowed", 'a "- " where no list can stand; is the indentation wrong?'),
    ("'<document start>'", "something stands beside the keys of the file; is the indentation wrong?"),
    ("the node content", "a value is missing here"),
    ("special characters are not allowed", "a control character, which YAML does not allow"),
)
"""Parts of PyYAML's messages -> our messages; the first part that occurs in a message is used."""


def in_our_words(error: yaml.YAMLError, text: str, file: str) -> Problem:
    """Returns an exception of PyYAML as a problem, with its line, its column and our words."""
    line, column = _position(error, text)
    phrase = getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be read"
    phrase = str(phrase)
    ours = next((message for theirs, message in _WORDS if theirs in phrase), phrase)
    return Problem(file, line, column, f"not YAML: {ours}")


def _position(error: yaml.YAMLError, text: str) -> tuple[int, int]:
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        if mark is not None:
            return (mark.line + 1, mark.column + 1)
    before = text[: getattr(error, "position", 0)]
    return (before.count("\n") + 1, len(before) - before.rfind("\n"))
