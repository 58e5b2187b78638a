"""What a pure floor must not do: touch a socket, a file, a process, a thread, the clock or chance.

What comes in: the source of one file. What goes out: a line for each thing in it that reaches outside. It reads the
syntax tree and runs nothing, so it sees what is written, not what a library does when called.
"""

import ast
from collections.abc import Iterator

FORBIDDEN_MODULES = {
    "the network": "aiohttp asyncio dns.asyncquery dns.asyncresolver dns.query dns.resolver ftplib http requests "
    "select selectors smtplib socket socketserver ssl urllib xmlrpc",
    "files": "fileinput glob io mmap os pathlib shutil sqlite3 tempfile",
    "processes and threads": "_thread concurrent multiprocessing queue signal subprocess threading",
    "the clock": "datetime sched time",
    "chance": "numpy.random random secrets uuid",
    "people": "argparse click getpass logging rich typer warnings",
    "code that is not written here": "importlib pkgutil runpy",
}
FORBIDDEN_CALLS = frozenset({"open", "input", "print", "exec", "eval", "breakpoint", "__import__"})
FORBIDDEN_ATTRIBUTES = {
    "numpy": frozenset({"fromfile", "load", "loadtxt", "memmap", "random", "save", "savetxt"}),
    "maxminddb": frozenset({"open_database"}),
    "dns": frozenset({"asyncquery", "asyncresolver", "query", "resolver"}),
}


def impurities(source: str) -> list[str]:
    """Returns `LINE: what it does` for everything in this source that reaches outside, in order."""
    tree = ast.parse(source)
    found = [*_forbidden_imports(tree), *_forbidden_calls(tree), *_forbidden_attributes(tree)]
    return [f"{line}: {what}" for line, what in sorted(found)]


def _forbidden_imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    reasons = {module: reason for reason, modules in FORBIDDEN_MODULES.items() for module in modules.split()}
    for line, name in _imported(tree):
        for module, reason in reasons.items():
            if f"{name}.".startswith(f"{module}."):
                yield line, f"imports {name} ({reason})"


def _imported(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yields the dotted name of everything imported: `from dns import name` may load dns.name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def _forbidden_calls(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in FORBIDDEN_CALLS:
            yield node.lineno, f"calls {node.func.id}()"


def _forbidden_attributes(tree: ast.AST) -> Iterator[tuple[int, str]]:
    names = _aliases(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            module = names.get(node.value.id, "")
            if node.attr in FORBIDDEN_ATTRIBUTES.get(module, frozenset()):
                yield node.lineno, f"uses {module}.{node.attr}"


def _aliases(tree: ast.AST) -> dict[str, str]:
    """Returns what each imported module is called here: `np` -> `numpy`."""
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import)]
    return {
        alias.asname or alias.name.partition(".")[0]: alias.name.partition(".")[0]
        for node in imports
        for alias in node.names
    }
