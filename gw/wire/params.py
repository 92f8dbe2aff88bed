"""Checks the shape of a method's params and says what is wrong in upstream's words and order.

Knows nothing of methods or scopes; the shapes (`data/params.json`) are handed in. Invariant: a shape that is not in
the table accepts any object, and no check costs more than linear time in the size of the params.

A shape is a JSON object: `is` (type), `fields`, `need` (required), `closed` (no other field), `values` (shape of the
other fields, `names` their pattern), `of` (shape of items), `min`/`max` (length, value or count, by type), `match`,
`enum`, `equals`, `unique`, and `any`/`one`/`all`/`not` of shapes.
"""

import re
from collections.abc import Callable, Container, Iterator, Mapping
from functools import lru_cache
from itertools import islice, pairwise
from typing import Final

from gw.ports import Json
from gw.wire import json

Shape = Mapping[str, Json]

# Longer text is not put through `re`: such a value fails an anchored pattern, and others look at this much of it.
MATCHED_CHARACTERS: Final = 1024

# Upstream stops looking after this many, before it drops repetitions.
MOST_PROBLEMS: Final = 8

TYPES: Final[Mapping[str, Callable[[Json], bool]]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "integer": lambda value: (
        (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, float) and value.is_integer())
    ),
}


def load_shapes(table: str, wanted: Container[str]) -> dict[str, Shape]:
    """The shapes of `wanted` methods out of the table's text, which has one `"method": shape` on each line."""
    shapes: dict[str, Shape] = {}
    for line in table.splitlines():
        if not line.startswith('"'):
            continue
        name, _, text = line[1:].rstrip(",").partition('": ')
        if name in wanted:
            shapes[name] = json.loads(text)
    return shapes


def problem(shape: Shape, value: Json) -> str | None:
    """Everything wrong with `value`, joined as upstream joins it; None when it fits."""
    return "; ".join(dict.fromkeys(islice(problems(shape, value, ""), MOST_PROBLEMS))) or None


def problems(shape: Shape, value: Json, at: str) -> Iterator[str]:
    """Each thing wrong with `value`; `at` is the path of the value, "" for the root."""
    kinds = shape.get("is", ())
    if isinstance(kinds, str):
        kinds = (kinds,)
    fits = not kinds or any(TYPES[kind](value) for kind in kinds)
    if not fits:
        yield f"{where(at)}must be {'either ' if len(kinds) > 1 else ''}{' or '.join(kinds)}"
    if TYPES["number"](value):
        if fits or "integer" in kinds:  # 1.5 is no integer and may be too small as well
            yield from _number_problems(shape, value, at)
    elif fits:
        if isinstance(value, dict):
            yield from _object_problems(shape, value, at)
        elif isinstance(value, list):
            yield from _array_problems(shape, value, at)
        elif isinstance(value, str):
            yield from _string_problems(shape, value, at)
    if "equals" in shape and not same(value, shape["equals"]):
        yield f"{where(at)}must be equal to constant"
    if "enum" in shape and not any(same(value, allowed) for allowed in shape["enum"]):
        yield f"{where(at)}must be equal to one of the allowed values"
    yield from _branch_problems(shape, value, at)


def _object_problems(shape: Shape, value: Mapping[str, Json], at: str) -> Iterator[str]:
    fields: Mapping[str, Shape] = shape.get("fields", {})
    missing = next((name for name in shape.get("need", ()) if name not in value), None)
    if missing is not None:
        yield f"{where(at)}must have required property '{missing}'"
    names = shape.get("names")
    others = [name for name in value if name not in fields]
    patterned = others if names is None else [name for name in others if matches(names, name)]
    if shape.get("closed"):
        unexpected = next((name for name in others if "values" not in shape or name not in patterned), None)
        if unexpected is not None:
            yield f"at {at or 'root'}: unexpected property '{unexpected}'"
    if len(value) < shape.get("min", 0):
        yield f"{where(at)}must not have fewer than {shape['min']} properties"
    if len(value) > shape.get("max", len(value)):
        yield f"{where(at)}must not have more than {shape['max']} properties"
    if "values" in shape:
        for name in patterned:
            yield from problems(shape["values"], value[name], f"{at}/{name}")
    for name, inner in fields.items():
        if name in value:
            yield from problems(inner, value[name], f"{at}/{name}")


def _array_problems(shape: Shape, value: list[Json], at: str) -> Iterator[str]:
    if "of" in shape:
        for index, item in enumerate(value):
            yield from problems(shape["of"], item, f"{at}/{index}")
    if len(value) > shape.get("max", len(value)):
        yield f"{where(at)}must not have more than {shape['max']} items"
    if len(value) < shape.get("min", 0):
        yield f"{where(at)}must not have fewer than {shape['min']} items"
    if shape.get("unique"):
        spelled = sorted(json.dumps(item) for item in value)
        if any(one == other for one, other in pairwise(spelled)):
            yield f"{where(at)}must not have duplicate items"


def _number_problems(shape: Shape, value: float, at: str) -> Iterator[str]:
    if value > shape.get("max", value):
        yield f"{where(at)}must be <= {shape['max']}"
    if value < shape.get("min", value):
        yield f"{where(at)}must be >= {shape['min']}"


def _string_problems(shape: Shape, value: str, at: str) -> Iterator[str]:
    if len(value) > shape.get("max", len(value)):
        yield f"{where(at)}must not have more than {shape['max']} characters"
    if len(value) < shape.get("min", 0):
        yield f"{where(at)}must not have fewer than {shape['min']} characters"
    if "match" in shape and not matches(shape["match"], value):
        yield f'{where(at)}must match pattern "{shape["match"]}"'


def _branch_problems(shape: Shape, value: Json, at: str) -> Iterator[str]:
    for inner in shape.get("all", ()):
        yield from problems(inner, value, at)
    if "any" in shape:
        found = [list(problems(inner, value, at)) for inner in shape["any"]]
        if all(found):
            for some in found:
                yield from some
            yield f"{where(at)}must match a schema in anyOf"
    if "one" in shape:
        found = [list(problems(inner, value, at)) for inner in shape["one"]]
        if sum(not some for some in found) != 1:
            for some in found:
                yield from some
            yield f"{where(at)}must match exactly one schema in oneOf"
    if "not" in shape and not any(True for _ in problems(shape["not"], value, at)):
        yield f"{where(at)}must not be valid"


def where(at: str) -> str:
    return f"at {at}: " if at else ""


def same(value: Json, other: Json) -> bool:
    """JSON equality: 1 is not true."""
    return isinstance(value, bool) == isinstance(other, bool) and value == other


def matches(pattern: str, text: str) -> bool:
    if len(text) > MATCHED_CHARACTERS and pattern.endswith("$"):
        return False
    return _compiled(pattern).search(text[:MATCHED_CHARACTERS]) is not None


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    # ECMAScript's `$` is the very end; Python's also stands before a last newline.
    return re.compile(re.sub(r"(?<!\\)\$$", r"\\Z", pattern), re.ASCII)
