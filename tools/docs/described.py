"""Attribute docstrings: what the code says of each member of a class, read from its source.

What comes in: the source of a module. What goes out: by class and member, the string below the member. Python keeps
these strings nowhere, and to have pydantic read them would slow down every start.
"""

import ast
from collections.abc import Mapping
from itertools import pairwise


def members(source: str) -> Mapping[str, Mapping[str, str]]:
    """Returns the descriptions of a module's classes, by class and member."""
    classes = [node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)]
    return {node.name: dict(_described(node)) for node in classes}


def _described(node: ast.ClassDef) -> list[tuple[str, str]]:
    found = []
    for member, text in pairwise(node.body):
        match member, text:
            case (
                ast.AnnAssign(target=ast.Name(name)) | ast.Assign(targets=[ast.Name(name)]),
                ast.Expr(ast.Constant(str() as said)),
            ):
                found.append((name, " ".join(said.split())))
    return found
