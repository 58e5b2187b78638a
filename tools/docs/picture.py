"""docs/three-rivers.svg: the three rivers and where they meet, drawn from docs/three-rivers.txt.

What comes in: the description, whose form its first lines tell. What goes out: an SVG with its own background, so that
it can be read in light and in dark surroundings. Rivers are rows; rivers that end in the same step share one box there,
and the target of a cross arrow stands below its source.
"""

import re
from dataclasses import dataclass
from itertools import pairwise
from xml.sax.saxutils import escape

WIDTH, HEIGHT, GAP, ROW = 138, 54, 26, 92
LEFT, TOP, MARGIN = 96, 34, 20
COLOURS = ("#1f6feb", "#1a7f37", "#9a6700")
_STEP = re.compile(r"(?P<name>[^()]+?)\s*(?:\((?P<note>[^)]*)\))?")


@dataclass(frozen=True, slots=True)
class Box:
    """A step where it is drawn."""

    name: str
    note: str
    x: int
    y: int
    height: int


def picture(description: str) -> str:
    """Returns the SVG of a description; raises ValueError for a line that it does not understand."""
    lines = [line for line in description.splitlines() if line and not line.startswith("#")]
    rivers = [_river(line) for line in lines if "=>" not in line]
    crosses = [_cross(line) for line in lines if "=>" in line]
    boxes = _laid_out(rivers, crosses)
    width = max(box.x for box in boxes.values()) + WIDTH + MARGIN
    height = TOP + ROW * (len(rivers) - 1) + HEIGHT + 12
    drawn = [part for row, river in enumerate(rivers) for part in _river_drawn(row, river, boxes)]
    drawn += [part for cross in crosses for part in _cross_drawn(cross, boxes)]
    drawn += [part for box in boxes.values() for part in _box_drawn(box)]
    label = "The zone river and the health river meet in the plan; the engine answers queries from it."
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'font-family="system-ui, sans-serif" role="img" aria-label="{label}">'
    )
    ground = f'<rect width="{width}" height="{height}" rx="8" fill="#ffffff"/>'
    return "\n".join([head, _MARKER, ground, *drawn, "</svg>"]) + "\n"


_MARKER = (
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    '<path d="M0 0L8 4L0 8z" fill="#57606a"/></marker></defs>'
)

River = tuple[str, list[tuple[str, str]]]
"""Its name, and its steps with their notes."""


def _river(line: str) -> River:
    name, colon, rest = line.partition(":")
    if not colon:
        raise ValueError(f"no river and no arrow: {line}")
    return name.strip(), [_step(step) for step in rest.split("->")]


def _step(text: str) -> tuple[str, str]:
    match = _STEP.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"no step: {text.strip()}")
    return match["name"], match["note"] or ""


def _cross(line: str) -> tuple[str, str, str]:
    steps, _, word = line.partition(":")
    source, target = (step.strip() for step in steps.split("=>"))
    return source, target, word.strip()


def _laid_out(rivers: list[River], crosses: list[tuple[str, str, str]]) -> dict[str, Box]:
    """Returns every box by the name of its step: what joins stands in one column, what it feeds below it."""
    joined = max(len(steps) for name, steps in rivers[:-1]) - 1
    aligned = {step for cross in crosses for step in cross[:2]}
    boxes: dict[str, Box] = {}
    for row, (_, steps) in enumerate(rivers):
        place = next(index for index, (name, _) in enumerate(steps) if name in aligned)
        for index, (name, note) in enumerate(steps):
            x = LEFT + (joined - place + index) * (WIDTH + GAP)
            y = TOP + row * ROW - 8
            if name in boxes:
                above = boxes[name]
                boxes[name] = Box(name, above.note or note, x, above.y, y + HEIGHT - above.y)
            else:
                boxes[name] = Box(name, note, x, y, HEIGHT)
    return boxes


def _river_drawn(row: int, river: River, boxes: dict[str, Box]) -> list[str]:
    name, steps = river
    y = TOP + row * ROW - 8 + HEIGHT // 2
    colour = COLOURS[row % len(COLOURS)]
    drawn = [
        f'<text x="{MARGIN}" y="{y + 5}" font-size="15" font-weight="600" fill="{colour}">{escape(name)}</text>',
    ]
    for (source, _), (target, _) in pairwise(steps):
        start, end = boxes[source].x + WIDTH, boxes[target].x - 2
        drawn.append(
            f'<path d="M{start} {y}H{end}" stroke="{colour}" stroke-width="2" fill="none" marker-end="url(#tip)"/>'
        )
    return drawn


def _cross_drawn(cross: tuple[str, str, str], boxes: dict[str, Box]) -> list[str]:
    source, target, word = cross
    x = boxes[source].x + WIDTH // 2
    start, end = boxes[source].y + boxes[source].height, boxes[target].y - 2
    return [
        f'<path d="M{x} {start}V{end}" stroke="#57606a" stroke-width="2" fill="none" marker-end="url(#tip)"/>',
        f'<text x="{x + 10}" y="{(start + end) // 2 + 4}" font-size="12" fill="#57606a">{escape(word)}</text>',
    ]


def _box_drawn(box: Box) -> list[str]:
    middle, centre = box.x + WIDTH // 2, box.y + box.height // 2
    place = f'x="{middle}" text-anchor="middle"'
    return [
        f'<rect x="{box.x}" y="{box.y}" width="{WIDTH}" height="{box.height}" rx="6" fill="#f6f8fa" stroke="#8c959f"/>',
        f'<text {place} y="{centre - 3}" font-size="14" font-weight="600" fill="#1f2328">{escape(box.name)}</text>',
        f'<text {place} y="{centre + 15}" font-size="11" fill="#57606a">{escape(box.note)}</text>',
    ]
