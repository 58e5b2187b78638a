#!/usr/bin/env bash
# Guess: libraries of JSON pointers (RFC 6901) find what a pointer names, and nothing else.
# Seen: python-jsonpath 2.2.2 decodes escapes of Python in a pointer, so that it misses a key with a backslash, and
# reads a document that is a text as JSON; jsonpointer 3.1.0 takes a character of a text for an element of an array, and
# raises ValueError for a token that begins with 0. jsonpointer 3.12 does neither.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check python-jsonpath==2.2.2
for version in 3.1.0 3.12; do
    "$folder/venv/bin/pip" install --quiet --disable-pip-version-check --target "$folder/$version" "jsonpointer==$version"
done
cat >"$folder/point.py" <<'PYTHON'
import sys

if sys.argv[1] == "jsonpath":
    from jsonpath import JSONPointer as Pointer
else:
    from jsonpointer import JsonPointer as Pointer

CASES = [({r"a\nb": 1}, r"/a\nb"), ("[1]", ""), ({"a": "ok"}, "/a/0"), ([1, 2], "/0a")]
told = []
for document, pointer in CASES:
    try:
        told.append(repr(Pointer(pointer).resolve(document)))
    except Exception as error:
        told.append(type(error).__name__)
print("; ".join(told))
PYTHON
told=$(
    "$folder/venv/bin/python" "$folder/point.py" jsonpath
    for version in 3.1.0 3.12; do PYTHONPATH="$folder/$version" "$folder/venv/bin/python" "$folder/point.py" jsonpointer; done
)
echo "$told"
[ "$told" = "JSONPointerKeyError; [1]; JSONPointerTypeError; JSONPointerTypeError
1; '[1]'; 'o'; ValueError
1; '[1]'; JsonPointerException; JsonPointerException" ]
