"""What the records of one zone come from: the records file, the files that it includes, and what $GENERATE makes.

    $INCLUDE FILE [ORIGIN]      RFC 1035 5.1; in the folder of zone files or below, for they say no more than that has
    $GENERATE RANGE ..          BIND's; it becomes as many lines, of which every one is the line of the directive

Lines are numbered through: those of the file come first, then those of each file that it includes, as often as that is.
So a record knows where it is by one number, and `place` says which file and line that is. It must not open files:
whoever reads the folder hands in what fetches one.
"""

import re
from bisect import bisect_right
from collections.abc import Callable

from gtm.dns.generate import expand
from gtm.errors import TextInvalid

MAX_MASTER_BYTES = 512 * 1024 * 1024
"""Of one zone's: more than ten million records, about two gigabytes of memory; more is a mistake."""
MAX_INCLUDES = 1_000
"""Of one zone, each as often as it is included: files may include others many times over."""
MAX_INCLUDE_DEPTH = 10
MAX_GENERATED = 262_144
"""Records of one zone: four networks of 16 bits. A line of thirty octets may ask for two thousand million."""
MAX_GENERATED_BYTES = 64 * 1024 * 1024
"""Of one zone: 256 for each of so many records. A thousand octets may ask for 200 times as many in each record."""

Include = Callable[[str], bytes]
"""The name of a file -> what is in it; raises TextInvalid where it cannot be read."""

_STEP = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,120}"
_FILE_NAME = re.compile(rf"(?:\./)?((?:{_STEP}/){{0,7}}(?!{_STEP}\.ya?ml$){_STEP})")
"""No name that begins with a dot, so none above the folder, and no zone file."""


def no_files(name: str) -> bytes:
    """Includes nothing: a text that is read without its folder."""
    raise TextInvalid(f"{name} is not here: this text is read without the folder of its file")


class Sources:
    """The contents of one reading. Its state is what was read so far, and how much of it."""

    def __init__(self, file: str, content: bytes, include: Include, *, folder: str = "") -> None:
        """`folder` is the whole path of the folder: a file in it may be included by its own."""
        self.main = normal(content)
        self._include = include
        self._folder = folder
        self._starts = [1]
        self._files = [file]
        self._next_line = 1 + _lines(self.main)
        self._contents: dict[str, bytes] = {}
        self._bytes = len(self.main)
        self._generated = self._generated_bytes = 0

    def more(self, directive: str, argument: str, line: int, depth: int) -> tuple[bytes, int]:
        """Returns what a directive stands for, and the number of its first line. Raises TextInvalid."""
        if directive == "$GENERATE":
            return self._generate(argument), line
        return self._included(argument, depth)

    @property
    def size_bytes(self) -> int:
        """Returns how much was read: files as often as they were included, and what was generated."""
        return self._bytes

    def place(self, line: int) -> tuple[str, int]:
        """Returns the file of a line, and its number there."""
        at = bisect_right(self._starts, line) - 1
        return self._files[at], line - self._starts[at] + 1

    def _included(self, name: str, depth: int) -> tuple[bytes, int]:
        match = _FILE_NAME.fullmatch(name.removeprefix(f"{self._folder}/") if self._folder else name)
        if match is None:
            words = "a file of the folder of zone files, or below it, can be included, by a name such as more.zone"
            raise TextInvalid(f'$INCLUDE "{name}": {words}')
        if depth >= MAX_INCLUDE_DEPTH:
            raise TextInvalid(f"$INCLUDE {name}: files are included {MAX_INCLUDE_DEPTH} deep; does one include itself?")
        if len(self._files) > MAX_INCLUDES:
            raise TextInvalid(f"$INCLUDE {name}: {MAX_INCLUDES} files were included before it, and that is the limit")
        content = self._contents.get(match[1])
        if content is None:
            content = self._contents[match[1]] = normal(self._include(match[1]))
        self._count(f"$INCLUDE {name}", content)
        first_line, self._next_line = self._next_line, self._next_line + _lines(content)
        self._starts.append(first_line)
        self._files.append(self._path(match[1]))
        return content, first_line

    def _path(self, name: str) -> str:
        folder, slash, _ = self._files[0].rpartition("/")
        return f"{folder}{slash}{name}"

    def _generate(self, argument: str) -> bytes:
        limit_bytes = MAX_GENERATED_BYTES - self._generated_bytes
        lines = expand(argument, limit=MAX_GENERATED - self._generated, limit_bytes=limit_bytes)
        self._generated += len(lines)
        content = "\n".join(lines).encode()
        self._generated_bytes += len(content)
        self._count("$GENERATE", content)
        return content

    def _count(self, what: str, content: bytes) -> None:
        self._bytes += len(content)
        if self._bytes > MAX_MASTER_BYTES:
            raise TextInvalid(f"{what}: with it the records of this zone have more than {MAX_MASTER_BYTES} bytes")


def normal(content: bytes) -> bytes:
    """Returns a content with the line ends of this system, and without the mark that Windows puts before UTF-8."""
    content = content.removeprefix(b"\xef\xbb\xbf")  # RFC 3629 6: at the beginning it is no character
    return content.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in content else content


def _lines(content: bytes) -> int:
    return content.count(b"\n") + 1
