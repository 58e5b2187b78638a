"""Reads the rules for Prometheus: what each looks at, and what it promises.

What comes in: the text of a rule file. What goes out: plain values for tests to hold against the metrics and the pages.
"""

import re
from dataclasses import dataclass
from typing import Any

import yaml

_STRING = re.compile(r'"[^"]*"')
_SELECTED = re.compile(r"(gtm_\w+)(?:\{([^}]*)\})?")
_MATCHER = re.compile(r'(\w+)\s*(?:=~|!=|!~|=)\s*"([^"]*)"')
_GROUPED = re.compile(r"\b(?:by|without|on|ignoring)\s*\(([^)]*)\)")
_SHOWN = re.compile(r"\$labels\.(\w+)")


@dataclass(frozen=True, slots=True)
class Rule:
    """One alert."""

    name: str
    expression: str
    waits_for: str
    severity: str
    summary: str
    runbook: str
    keys: frozenset[str]
    """Of everything that the file says of it."""

    @property
    def metrics(self) -> frozenset[str]:
        """Returns the names of the series that it looks at."""
        return frozenset(name for name, _ in _SELECTED.findall(self.expression))

    @property
    def matched(self) -> frozenset[tuple[str, str, str]]:
        """Returns the labels and values that it selects series by: `("gtm_x_total", "rule", "at_least")`."""
        found = [
            (name, each) for name, inside in _SELECTED.findall(self.expression) for each in _MATCHER.findall(inside)
        ]
        return frozenset((name, label, value) for name, (label, several) in found for value in several.split("|"))

    @property
    def named(self) -> frozenset[str]:
        """Returns the labels that it groups by, or shows."""
        grouped = {label.strip() for inside in _GROUPED.findall(self.expression) for label in inside.split(",")}
        return frozenset(grouped | set(_SHOWN.findall(self.summary)))

    @property
    def is_balanced(self) -> bool:
        """Returns whether each bracket is closed by its own kind."""
        waiting: list[str] = []
        for letter in _STRING.sub("", self.expression):
            if letter in "({[":
                waiting.append({"(": ")", "{": "}", "[": "]"}[letter])
            elif letter in ")}]" and (not waiting or waiting.pop() != letter):
                return False
        return not waiting


def rules(text: str) -> tuple[Rule, ...]:
    """Returns the alerts of a rule file, in order."""
    groups: list[dict[str, Any]] = yaml.safe_load(text)["groups"]
    return tuple(_rule(raw) for group in groups for raw in group["rules"])


def _rule(raw: dict[str, Any]) -> Rule:
    labels, annotations = raw["labels"], raw["annotations"]
    keys = frozenset([*raw, *(f"labels.{key}" for key in labels), *(f"annotations.{key}" for key in annotations)])
    return Rule(
        raw["alert"],
        raw["expr"],
        raw["for"],
        labels["severity"],
        annotations["summary"],
        annotations["runbook_url"],
        keys,
    )
