#!/usr/bin/env bash
# Guess: `pytest -n 2 --dist loadgroup` keeps the tests of one xdist_group on one worker, with each pytest that pip
# installs beside pytest-xdist 3.8.0 (which asks for pytest >= 7).
# Seen: it does with pytest 9.1.1. With pytest 9.2.0 the mark has no effect, and nothing warns: both tests of a group of
# two run at once, on two workers. pytest-xdist adds the group to the private `_nodeid` of an item, and pytest 9.2 makes
# the id from another attribute.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat >test_group.py <<'PY'
import os, pytest
pytestmark = pytest.mark.xdist_group("one")
@pytest.mark.parametrize("number", range(8))
def test_worker(number):
    print("worker", os.environ["PYTEST_XDIST_WORKER"])
PY
told=''
for version in 9.1.1 9.2.0; do
    python3 -m venv "$version"
    "$version/bin/pip" install --quiet --disable-pip-version-check "pytest==$version" pytest-xdist==3.8.0
    workers=$("$version/bin/python" -m pytest -n 2 --dist loadgroup -rP -p no:cacheprovider . \
        | grep '^worker ' | sort -u | wc -l)
    told+="pytest $version: one group on $workers workers"$'\n'
done
printf '%s' "$told"
[ "$told" = 'pytest 9.1.1: one group on 1 workers
pytest 9.2.0: one group on 2 workers
' ]
