"""`python -m tools.docs`: writes every generated page where it belongs; `make docs` calls it."""

import sys
from pathlib import Path

from tools.docs.pages import generated, stale


def main() -> int:
    """Writes what is out of date, removes man pages of commands that are gone, and prints both."""
    root = Path(__file__).parents[2]
    pages = generated(root)
    old = stale(root, pages)
    for path in old:
        if path in pages:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(pages[path], encoding="utf-8")
        else:
            (root / path).unlink()
        sys.stdout.write(f"{path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
