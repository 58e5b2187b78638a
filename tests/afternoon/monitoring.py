"""Prometheus with the rules of docs/guides/alerts.yaml, Alertmanager, and who it tells.

What comes in: a folder, and the nodes to scrape. What goes out: the commands that run both, and the alerts as the
receiver got them. Nobody waits five minutes here: each duration of the rules is QUICKER times shorter, what they wait
for and how far they look back, so which alert comes first stays as it is.
"""

import json
import re
import threading
import time
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import yaml

from tests.fakes.cluster import ADMIN_PORT

RULES = Path(__file__).parents[2] / "docs" / "guides" / "alerts.yaml"
PACE = "500ms"
QUICKER = 120
"""What a minute is for people is half a second here."""

ALERTMANAGER_PORT, PROMETHEUS_PORT, RECEIVER_PORT = 9093, 9090, 9099
HERE = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Alert:
    """One message to who is on call."""

    at: float
    """Monotonic seconds, when it came."""
    labels: str
    """What tells it from others, as Alertmanager writes it: a fingerprint."""
    name: str
    severity: str
    summary: str
    fires: bool


def prometheus_command(folder: Path, nodes: Mapping[str, str]) -> tuple[str, ...]:
    """Writes the configuration and the rules; returns the command that runs Prometheus."""
    targets = [
        {"targets": [f"{address}:{ADMIN_PORT}"], "labels": {"instance": name}} for name, address in nodes.items()
    ]
    configuration = {
        "global": {"scrape_interval": PACE, "scrape_timeout": PACE, "evaluation_interval": PACE},
        "rule_files": ["rules.yaml"],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [f"{HERE}:{ALERTMANAGER_PORT}"]}]}]},
        "scrape_configs": [{"job_name": "gtm", "static_configs": targets}],
    }
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(configuration), encoding="utf-8")
    (folder / "rules.yaml").write_text(quickened(RULES.read_text(encoding="utf-8")), encoding="utf-8")
    return (
        "/usr/bin/prometheus",
        f"--config.file={folder / 'prometheus.yaml'}",
        f"--storage.tsdb.path={folder / 'prometheus'}",
        f"--web.listen-address={HERE}:{PROMETHEUS_PORT}",
        "--rules.alert.resend-delay=1s",
        "--log.level=warn",
    )


def alertmanager_command(folder: Path) -> tuple[str, ...]:
    """Writes the configuration; returns the command that runs Alertmanager."""
    configuration = {
        "route": {
            "receiver": "hook",
            "group_by": ["..."],
            "group_wait": "0s",
            "group_interval": "1s",
            "repeat_interval": "1h",
        },
        "receivers": [{"name": "hook", "webhook_configs": [{"url": f"http://{HERE}:{RECEIVER_PORT}/"}]}],
    }
    (folder / "alertmanager.yaml").write_text(yaml.safe_dump(configuration), encoding="utf-8")
    return (
        "/usr/bin/prometheus-alertmanager",
        f"--config.file={folder / 'alertmanager.yaml'}",
        f"--storage.path={folder / 'alertmanager'}",
        f"--web.listen-address={HERE}:{ALERTMANAGER_PORT}",
        "--cluster.listen-address=",
        "--log.level=warn",
    )


def quickened(rules: str) -> str:
    """Returns the rules with durations that an afternoon of minutes can wait for."""
    read = yaml.safe_load(rules)
    for rule in (rule for group in read["groups"] for rule in group["rules"]):
        rule["for"] = _shorter(rule["for"])
        rule["expr"] = re.sub(r"(?<=\[)\w+(?=\])", lambda window: _shorter(window[0]), rule["expr"])
        rule["expr"] = re.sub(r"(?<=time\(\) - )\d+$", lambda age: str(int(age[0]) / QUICKER), rule["expr"])
    text: str = yaml.safe_dump(read, sort_keys=False)
    return text


def _shorter(duration: str) -> str:
    seconds = int(duration[:-1]) * {"s": 1, "m": 60, "h": 3600, "d": 86_400}[duration[-1]]
    return f"{seconds * 1000 // QUICKER}ms"


class Receiver:
    """Takes what Alertmanager sends. Its state is the alerts so far."""

    def __init__(self) -> None:
        self.alerts: list[Alert] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                receiver.alerts += [_alert(each) for each in body["alerts"]]
                self.send_response(200)
                self.end_headers()

            def log_message(self, *arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer((HERE, RECEIVER_PORT), Handler, bind_and_activate=True)
        self._thread = threading.Thread(target=self._server.serve_forever, name="receiver")

    def start(self) -> None:
        """Begins to listen; in any thread, whose namespace the socket has had since it was made."""
        self._thread.start()

    def end(self) -> None:
        """Listens no more."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def fired(self, *, since: float) -> Sequence[Alert]:
        """Returns what began to fire from a moment on."""
        return [alert for alert in self.alerts if alert.fires and alert.at >= since]

    def firing(self) -> Sequence[Alert]:
        """Returns what began to fire and has not ended, as far as anybody was told."""
        last = {alert.labels: alert for alert in self.alerts}
        return [alert for alert in last.values() if alert.fires]


def _alert(told: Mapping[str, Mapping[str, str]]) -> Alert:
    labels, annotations = told["labels"], told["annotations"]
    return Alert(
        time.monotonic(),
        str(told["fingerprint"]),
        labels["alertname"],
        labels.get("severity", ""),
        annotations.get("summary", ""),
        str(told["status"]) == "firing",
    )


def scraped() -> int:
    """Returns how many nodes Prometheus has scraped, asked in its own namespace; 0 while it does not say."""
    try:
        return len(_asked("gtm_ready"))
    except OSError:
        return 0


def is_calm() -> bool:
    """Returns whether no alert fires or is about to, but for those that look back; asked likewise."""
    return not any(each["metric"]["alertname"] not in LOOKING_BACK for each in _asked("ALERTS"))


LOOKING_BACK = frozenset(
    rule["alert"]
    for group in yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
    if re.search(r"increase\(|> time\(\) -", rule["expr"])
)
"""The alerts that go on for a while after what they tell of."""


def _asked(query: str) -> list[dict[str, dict[str, str]]]:
    url = f"http://{HERE}:{PROMETHEUS_PORT}/api/v1/query?query={query}"
    with urllib.request.urlopen(url, timeout=2) as got:
        result: list[dict[str, dict[str, str]]] = json.load(got)["data"]["result"]
    return result
