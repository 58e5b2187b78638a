"""What the records of one zone come from: the records file, the files that it includes, and what $GENERATE makes.

    $INCLUDE FILE [ORIGIN]      RFC 1035 5.1; FILE is relative to the file that has the line, and in the folder of zone
                                files or below, for they say no more than that has
    $GENERATE RANGE ..          BIND's; it becomes as many lines, of which every one is the line of the directive

Lines are numbered through: those of the file come first, then those of each file that it includes, as often as that is.
So a record knows where it is by one number, and `place` says which file and line that is. It must not open files:
whoever reads the folder hands in what fetches one.
"""

import re
from bisect import bisect_right
from collections.abc import Callable
from posixpath import dirname, join, normpath

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

MAX_NAME = 1_000
"""Characters of the name of a file, as it is written."""

_STEP = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,120}"
_FILE_NAME = re.compile(rf"(?:{_STEP}/){{0,7}}(?!{_STEP}\.ya?ml$){_STEP}")
"""Within the folder: no name that begins with a dot, so none above the folder, and no zone file."""


def no_files(name: str) -> bytes:
    """Includes nothing: a text that is read without its folder."""
    raise TextInvalid(f"{name} is not here: this text is read without the folder of its file")


class Sources:
    """The contents of one reading. Its state is what was read so far, and how much of it."""

    def __init__(self, file: str, content: bytes, include: Include, *, folder: str = "", name: str = "") -> None:
        """`folder` is the whole path of the folder: a file in it may be included by its own.

        `name` is that of the file within the folder; what it is in for messages ends with that.
        """
        self.main = normal(content)
        self._include = include
        self._folder = folder
        name = name or file.rpartition("/")[2]
        self._shown = file.removesuffix(name)
        """The folder, as it was given."""
        self._starts = [1]
        self._names = [name]
        """Of files within the folder."""
        self._next_line = 1 + _lines(self.main)
        self._contents: dict[str, bytes] = {}
        self._bytes = len(self.main)
        self._generated = self._generated_bytes = 0

    def more(self, directive: str, argument: str, line: int, depth: int) -> tuple[bytes, int]:
        """Returns the lines that a directive stands for, and the number of its first line. Raises TextInvalid."""
        if directive == "$GENERATE":
            return self._generate(argument), line
        return self._included(argument, line, depth)

    @property
    def size_bytes(self) -> int:
        """Returns the number of bytes that were read: files as often as they were included, and what was generated."""
        return self._bytes

    def place(self, line: int) -> tuple[str, int]:
        """Returns the file of a line, and its number there."""
        at = bisect_right(self._starts, line) - 1
        return f"{self._shown}{self._names[at]}", line - self._starts[at] + 1

    def _included(self, name: str, line: int, depth: int) -> tuple[bytes, int]:
        own = self._name_of(name, line)
        if depth >= MAX_INCLUDE_DEPTH:
            raise TextInvalid(f"$INCLUDE {name}: files are included {MAX_INCLUDE_DEPTH} deep; does one include itself?")
        if len(self._names) > MAX_INCLUDES:
            raise TextInvalid(f"$INCLUDE {name}: {MAX_INCLUDES} files were included before it, and that is the limit")
        content = self._contents.get(own)
        if content is None:
            content = self._contents[own] = normal(self._include(own))
        self._count(f"$INCLUDE {name}", content)
        first_line, self._next_line = self._next_line, self._next_line + _lines(content)
        self._starts.append(first_line)
        self._names.append(own)
        return content, first_line

    def _name_of(self, name: str, line: int) -> str:
        """Returns the name within the folder of what a line names. Raises TextInvalid."""
        if self._folder and name.startswith(f"{self._folder}/"):
            own = name.removeprefix(f"{self._folder}/")
        else:
            own = join(dirname(self._names[bisect_right(self._starts, line) - 1]), name)
        is_plain = len(own) <= MAX_NAME and "//" not in own and not own.endswith("/")
        own = normpath(own) if is_plain else ""
        if not _FILE_NAME.fullmatch(own):
            message = "a file of the folder of zone files, or below it, can be included, by a name such as more.zone"
            raise TextInvalid(f'$INCLUDE "{name}": {message}')
        return own

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
