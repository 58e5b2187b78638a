"""promtool: has Prometheus itself check the rules that are shipped, and evaluate them over series.

What comes in: series as promtool writes them (`0x10 1x5`), one value a minute or as said. What goes out: nothing, or an
AssertionError with what promtool says of alerts that fire otherwise than is expected.
"""

import subprocess
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

RULES = Path(__file__).parents[2] / "docs" / "guides" / "alerts.yaml"
LIMIT_S = 30.0


@dataclass(frozen=True)
class Expected:
    """One alert that fires."""

    summary: str
    labels: Mapping[str, str] = field(default_factory=dict)
    """Besides `severity`."""


def require_good_rules() -> None:
    """Has promtool check the rules."""
    _require("check", "rules", str(RULES))


def require_alerts(
    folder: Path,
    series: Mapping[str, str],
    expected: Mapping[str, Sequence[Expected]],
    *,
    at: str = "30m",
    interval: str = "1m",
) -> None:
    """Has promtool evaluate the rules over these series: of these alerts nothing may fire but what is expected."""
    asked = [
        {"eval_time": at, "alertname": alert, "exp_alerts": [_firing(alert, fire) for fire in fires]}
        for alert, fires in expected.items()
    ]
    test = {
        "interval": interval,
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "alert_rule_test": asked,
    }
    rules, file = folder / "rules.yaml", folder / "test.yaml"
    rules.write_text(yaml.safe_dump(_only(expected)), encoding="utf-8")
    content = {"rule_files": [str(rules)], "evaluation_interval": "10s", "tests": [test]}
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    _require("test", "rules", str(file))


def all_alerts() -> list[str]:
    """Returns the names of all shipped rules."""
    return [rule["alert"] for group in _groups() for rule in group["rules"]]


@cache
def _groups() -> list[dict[str, Any]]:
    return list(yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"])


def _only(alerts: Container[str]) -> dict[str, Any]:
    """Returns the shipped rules of these alerts: promtool takes as long as there are rules."""
    kept = [{**group, "rules": [rule for rule in group["rules"] if rule["alert"] in alerts]} for group in _groups()]
    return {"groups": [group for group in kept if group["rules"]]}


def _firing(alert: str, one: Expected) -> dict[str, Any]:
    rule = rule_of(alert)
    return {
        "exp_labels": {**one.labels, "severity": rule["labels"]["severity"]},
        "exp_annotations": {**rule["annotations"], "summary": one.summary},
    }


def rule_of(alert: str) -> dict[str, Any]:
    """Returns a shipped rule."""
    [found] = [rule for group in _groups() for rule in group["rules"] if rule["alert"] == alert]
    return dict(found)


def _require(*arguments: str) -> None:
    ran = subprocess.run(["promtool", *arguments], capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert ran.returncode == 0, f"{ran.stdout}{ran.stderr}"
