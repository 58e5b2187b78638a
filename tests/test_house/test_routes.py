"""The table of routes is the only place that serves a path of the admin API, and its page of the docs has each row."""

import re
from pathlib import Path

import pytest

from gtm.admin.routes import AdminListener, Route
from tests.fakes.routes import routes

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/reference/admin-api.md"
OTHER_SERVERS = {"gtm/cli/demo/region.py", "gtm/cli/demo/control.py"}
"""The regions of the demo, and what fells them: no part of a node."""
REGISTERING = re.compile(
    r"\.add_(?:get|post|put|delete|patch|head|view|route|routes|resource)\(|\bweb\.(?:get|post|put)\("
)


def registering(source: str) -> bool:
    """Returns whether a file has a router take a path."""
    return REGISTERING.search(source) is not None


def test_no_other_file_has_a_router_take_a_path() -> None:
    found = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "gtm").rglob("*.py")
        if registering(path.read_text(encoding="utf-8"))
    }
    assert found == {"gtm/admin/routes.py", *OTHER_SERVERS}


@pytest.mark.parametrize("line", ["app.add_routes([])", 'app.router.add_get("/x", x)', 'web.post("/x", x)'])
def test_a_path_that_is_served_elsewhere_is_found(line: str) -> None:
    assert registering(line)


def shown(row: Route) -> tuple[str, ...]:
    """Returns the cells of a row, as the page has them."""
    path = re.sub(r"\{(\w+)[^}]*\}", lambda found: found[1].upper(), row.path)
    places = ", ".join(listener.value for listener in AdminListener if listener in row.listeners)
    return f"`{row.method} {path}`", row.access.words, places, row.pace.value if row.method == "GET" else "at once"


def test_the_page_has_the_rows_of_the_table_and_no_other() -> None:
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if re.match(r"\| `[A-Z]+ /", line)]
    cells = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines]
    assert [(path, *rest) for path, _what, *rest in cells] == [shown(row) for row in routes(str)]
