#!/usr/bin/env bash
# Guess: whatever msgspec cannot decode raises MsgspecError, as its documentation of errors says.
# Seen (0.23.0): a value of a key that the Struct does not name is skipped by recursion, and one that is nested deeper than the
# interpreter's limit raises RecursionError. Whoever catches MsgspecError alone lets it through.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check msgspec==0.23.0
cat >"$folder/decode.py" <<'PYTHON'
import msgspec


class Known(msgspec.Struct):
    a: int = 0


text = b'{"b":' + b"[" * 2000 + b"]" * 2000 + b"}"
try:
    msgspec.json.decode(text, type=Known)
except Exception as error:
    print(type(error).__name__, isinstance(error, msgspec.MsgspecError))
PYTHON
told=$("$folder/venv/bin/python" "$folder/decode.py")
echo "$told"
[ "$told" = "RecursionError False" ]
