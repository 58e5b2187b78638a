"""The commands of `gtm`: where each is, and what its help says first.

So `gtm --help`, and a shell that completes the first word, load none of them. That the words are those of the command
itself is tested.
"""

from collections.abc import Mapping
from typing import NamedTuple


class Command(NamedTuple):
    """The place and the summary of one command, or of a group of commands."""

    where: str
    """The function of the command, or the typer app of the group: module:name."""
    summary: str


COMMANDS: Mapping[str, Command] = {
    "serve": Command(
        "gtm.cli.run:serve",
        "Serve DNS, with health checks and the admin API: what the node file says, or one machine's defaults.",
    ),
    "probe": Command("gtm.cli.run:probe", "Run health checks and share what they say: the same node without DNS."),
    "check": Command(
        "gtm.cli.check:check",
        "Check zone files: print every mistake as file:line:column, and exit with 1 if there is one.",
    ),
    "bound": Command(
        "gtm.cli.bound:show_bound",
        "Tell the worst-case seconds from the death of an endpoint to the end of the last cached answer, term by term.",
    ),
    "explain": Command(
        "gtm.cli.explain:explain",
        "Explain an answer: the client's place and cell, what each filter did and why, and the answer itself.",
    ),
    "status": Command(
        "gtm.cli.status:status",
        "Show regions and endpoints as a running node sees them, with the votes of the probes.",
    ),
    "events": Command(
        "gtm.cli.events:events",
        "List state changes, oldest first, with their causes.",
    ),
    "failovers": Command(
        "gtm.cli.failovers:failovers",
        "List what went down after it was up: when, how soon it was detected and the answers followed, who moved, "
        "and why.",
    ),
    "down": Command("gtm.cli.overrides:down", "Force DOWN, ignoring the health checks."),
    "up": Command("gtm.cli.overrides:up", "Force UP, ignoring the health checks."),
    "drain": Command("gtm.cli.overrides:drain", "Remove from the answers, without counting it as a failure."),
    "obey": Command(
        "gtm.cli.overrides:obey",
        "Follow the health checks here, exempt from the overrides of wider scopes; `gtm clear` ends it.",
    ),
    "clear": Command("gtm.cli.overrides:clear", "End the overrides of these scopes."),
    "overrides": Command("gtm.cli.overrides:overrides", "List the overrides in force."),
    "reload": Command(
        "gtm.cli.reload:reload",
        "Make the running node read its node file and zone folder now, and say what changed; exit with 1 for mistakes.",
    ),
    "keygen": Command(
        "gtm.cli.keygen:keygen",
        "Make the key pair of a node: write the private key to a file, and print the public one for its peers.",
    ),
    "schema": Command("gtm.cli.schema:schema", "Print the JSON Schema of zone files, for editors and other tools."),
    "completion": Command(
        "gtm.cli.completion:completion",
        "Print what a shell reads to complete commands, options, and the names of what the node here serves.",
    ),
}
"""The commands by name, in the order of the help."""

GROUPS: Mapping[str, Command] = {
    "geodata": Command("gtm.cli.geodata:geodata_app", "Look at, verify and install geo databases."),
    "demo": Command(
        "gtm.cli.demo.app:demo_app",
        "Run three toy regions, three probes and a DNS node here until Ctrl-C; the commands break and mend a region.",
    ),
}
"""The groups of commands by name."""

ASKED = "_GTM_COMPLETE"
"""The environment variable that a shell sets to get completions, as typer names it for `gtm`."""
LINE = "_TYPER_COMPLETE_ARGS"
"""The environment variable with the line that is typed so far."""
