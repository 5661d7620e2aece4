"""Small changes to a module's source, each of which some test should notice."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from typing import NamedTuple

COMPARED: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.LtE), ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,), ast.NotIn: (ast.In,),
}  # fmt: skip
"""Equality moved to the other side, and the opposite."""
COMPUTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Add, ast.Pow: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.LShift: ast.RShift,
    ast.RShift: ast.LShift, ast.BitXor: ast.BitAnd,
}  # fmt: skip


class Place(NamedTuple):
    """Where a node hangs: a field of its parent, or a place in a list there."""

    parent: ast.AST
    field: str
    at: int | None

    def put(self, node: ast.AST) -> None:
        """Hang another node there."""
        if self.at is None:
            setattr(self.parent, self.field, node)
        else:
            getattr(self.parent, self.field)[self.at] = node


class Site(NamedTuple):
    """One change that can be made."""

    first: int
    last: int
    """The lines of the statement in which it is, in what was written."""
    within: str
    """The function or class, by its full name in the module; empty at its top."""
    kind: str
    was: str
    now: str
    place: Place
    node: ast.AST
    instead: ast.AST

    def source(self, tree: ast.Module) -> str:
        """Return the whole module, changed."""
        self.place.put(self.instead)
        try:
            return ast.unparse(ast.fix_missing_locations(tree))
        finally:
            self.place.put(self.node)


def sites(tree: ast.Module) -> list[Site]:
    """Return every change that can be made to a module, in the order of its lines."""
    return list(_walk(tree, (1, 1), ""))


def _walk(parent: ast.AST, lines: tuple[int, int], within: str) -> Iterator[Site]:
    for field, value in ast.iter_fields(parent):
        if field in ("annotation", "returns", "decorator_list", "bases", "names", "ops", "op", "ctx", "format_spec"):
            continue
        for index, node in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if not isinstance(node, ast.AST) or _silent(node):
                continue
            own = _lines(node) if isinstance(node, (ast.stmt, ast.comprehension, ast.ExceptHandler)) else lines
            place = Place(parent, field, index)
            for kind, instead in _instead(node, place):
                yield Site(*own, within, kind, ast.unparse(node), ast.unparse(ast.fix_missing_locations(instead)),
                           place, node, instead)  # fmt: skip
            name = node.name if isinstance(node, (ast.FunctionDef, ast.ClassDef)) else ""
            yield from _walk(node, own, ".".join(filter(None, (within, name))))


def _silent(node: ast.AST) -> bool:
    """Whether it is not part of what is done: a docstring, an import, an assertion, a type."""
    if isinstance(node, (ast.Import, ast.ImportFrom, ast.Assert)):
        return True
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True
    if isinstance(node, ast.Call) and ast.unparse(node.func) in ("cast", "TypeVar", "NewType"):
        return True
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def _lines(node: ast.AST) -> tuple[int, int]:
    """Return the lines of a statement, of one that has others in it those of its head."""
    first = getattr(node, "lineno", 1)
    body = getattr(node, "body", None)
    if isinstance(node, ast.comprehension):
        return node.target.lineno, node.iter.end_lineno or node.iter.lineno
    return first, max(first, body[0].lineno - 1) if isinstance(body, list) and body else node.end_lineno or first  # type: ignore[attr-defined]


def _instead(node: ast.AST, place: Place) -> Iterator[tuple[str, ast.AST]]:
    """Yield what may stand in a node's place, and the kind of change that it is."""
    changed: Callable[..., ast.AST] = lambda **fields: _copy(node, **fields)  # noqa: E731
    if isinstance(node, ast.Compare):
        for index, op in enumerate(node.ops):
            for other in COMPARED[type(op)]:
                yield "comparison", changed(ops=[*node.ops[:index], other(), *node.ops[index + 1 :]])
    elif isinstance(node, ast.BoolOp):
        yield "logic", changed(op=ast.And() if isinstance(node.op, ast.Or) else ast.Or())
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.Not, ast.USub)):
        yield "operator", node.operand
    elif (isinstance(node, ast.BinOp) and type(node.op) in COMPUTED) or (
        isinstance(node, ast.AugAssign) and type(node.op) in COMPUTED
    ):
        yield "operator", changed(op=COMPUTED[type(node.op)]())
    elif isinstance(node, ast.Constant):
        yield from (("constant", ast.Constant(each)) for each in _constants(node.value, place))  # type: ignore[arg-type]
    elif isinstance(node, (ast.If, ast.IfExp, ast.While)):
        if not isinstance(node, ast.While):
            yield "condition", changed(test=ast.Constant(True))
        yield "condition", changed(test=ast.Constant(False))
    elif isinstance(node, ast.comprehension):
        for index in range(len(node.ifs)):
            yield "condition", changed(ifs=[*node.ifs[:index], *node.ifs[index + 1 :]])
    elif isinstance(node, ast.Return) and node.value is not None and not _is_none(node.value):
        yield "statement", changed(value=ast.Constant(None))
    elif isinstance(node, (ast.Raise, ast.Continue, ast.Break)):
        yield "statement", ast.Pass()
    if isinstance(node, (ast.Expr, ast.AugAssign, ast.Delete)) or (
        isinstance(node, ast.Assign) and isinstance(node.targets[0], (ast.Attribute, ast.Subscript))
    ):
        yield "statement", ast.Pass()


def _constants(value: object, place: Place) -> Iterator[object]:
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield from (value + 1, *([value - 1] if value > 0 else []), *([value * 2, value // 2] if value > 3 else []))
    elif isinstance(value, float):
        yield from (value * 2, value / 2) if value else (1.0,)
    elif isinstance(value, str) and not (place.field == "slice" and not value.strip()):
        yield value + "~" if value else "~"


def _is_none(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _copy(node: ast.AST, **fields: object) -> ast.AST:
    twin = copy.copy(node)
    for name, value in fields.items():
        setattr(twin, name, value)
    return twin
