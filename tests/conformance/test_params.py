"""Our parameter checker against the validators of the published package, on generated params of every shape."""

import json
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gw.modes.build import DATA
from gw.wire.params import load_shapes, problem
from tests.support.openclaw import modules, node

Json = Any

PER_METHOD = 30
SEED = 20_261_122

# Checked by the package beside its schema, or formats we do not check; none of these methods is served here.
BEYOND_THE_SCHEMA = {
    "environments.session.exec": "a rule in code",
    "sessions.github.confirm": "format uuid",
    "sessions.github.publish": "format uuid",
    "sessions.github.status": "format uuid",
    "transcripts.list": "format date-time",
    "users.github.authorize.cancel": "format uuid",
    "users.github.authorize.poll": "format uuid",
}

ORACLE = """
import readline from "node:readline";
const published = await import(process.argv[1]);
for await (const line of readline.createInterface({ input: process.stdin })) {
  const { method, params } = JSON.parse(line);
  const name = "validate" + method.split(/[.-]/).map((w) => w[0].toUpperCase() + w.slice(1)).join("") + "Params";
  const validate = published[name];
  const wrong = validate && (validate(params) ? null : published.formatValidationErrors(validate.errors));
  console.log(JSON.stringify(validate ? { wrong } : {}));
}
"""

ODD = [None, True, 0, -1, 1.5, "", "x", "agent:main:main", "a" * 600, [], ["x", "x"], [1], {}, {"x": 1}, 2**53 - 1]


class Maker:
    """Params that mostly fit a shape, with faults strewn in."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def value(self, shape: Json, depth: int = 0) -> Json:
        pick = self.random
        if depth > 6 or pick.random() < 0.12:
            return pick.choice(ODD)
        for branch in ("any", "one"):
            if branch in shape:
                rest = {key: inner for key, inner in shape.items() if key != branch} if "fields" in shape else {}
                return self.value({**rest, **pick.choice(shape[branch])}, depth + 1)
        if "equals" in shape or "enum" in shape:
            return pick.choice([shape["equals"]] if "equals" in shape else shape["enum"])
        kind = shape.get("is")
        if kind == "string":
            most = shape.get("max", 5)
            return pick.choice(
                ["", "x", "main", "2026-01-01", "a" * (most + pick.choice([0, 1])) if most < 3000 else ""]
            )
        if kind in ("integer", "number"):
            low, high = shape.get("min", 0), shape.get("max", 7)
            return pick.choice([0, 1, -1, 1.5, low, low - 1, high, high + 1])
        if kind == "array":
            count = pick.choice([0, 1, 2, min(shape.get("max", 3) + 1, 40)])
            return [self.value(shape.get("of", {}), depth + 1) for _ in range(count)]
        if kind == "object" or "fields" in shape:
            return self.fields(shape, depth)
        return pick.choice([True, False, None]) if kind in ("boolean", "null") else pick.choice(ODD)

    def fields(self, shape: Json, depth: int) -> dict[str, Json]:
        needed = shape.get("need", [])
        made = {
            name: self.value(inner, depth + 1)
            for name, inner in shape.get("fields", {}).items()
            if self.random.random() < (0.9 if name in needed else 0.25)
        }
        if "values" in shape:
            made |= {name: self.value(shape["values"], depth + 1) for name in ("k1", "k/2", "~x")}
        if self.random.random() < 0.1:
            made["zz"] = 1
        items = list(made.items())
        self.random.shuffle(items)
        return dict(items)


def asked(cases: list[tuple[str, Json]]) -> Iterator[dict[str, Json]]:
    entry = (modules() / "openclaw/dist/gateway/protocol/index.js").as_uri()
    lines = "".join(json.dumps({"method": method, "params": params}) + "\n" for method, params in cases)
    command = [str(node()), "--input-type=module", "-e", ORACLE, entry]
    done = subprocess.run(command, input=lines, capture_output=True, text=True, check=True, timeout=100)
    return map(json.loads, done.stdout.splitlines())


@pytest.mark.openclaw
def test_verdicts_and_texts_are_those_of_the_published_validators() -> None:
    text = Path(str(DATA / "params.json")).read_text(encoding="utf-8")
    shapes = load_shapes(text, set(json.loads(text)) - set(BEYOND_THE_SCHEMA))
    maker = Maker(SEED)
    cases = [(method, maker.value(shape)) for method, shape in shapes.items() for _ in range(PER_METHOD)]
    compared = 0
    for (method, params), answer in zip(cases, asked(cases), strict=True):
        if "wrong" not in answer:  # its validator has another name
            continue
        ours, theirs = problem(shapes[method], params), answer["wrong"]
        assert (ours is None) == (theirs is None), (method, params, ours, theirs)
        if theirs is None:
            continue
        compared += 1
        # Upstream stops at eight errors, counting some it then hides: past that only the beginning is the same.
        theirs = "; ".join(part for part in theirs.split("; ") if "schema is false" not in part)
        assert ours is not None
        assert ours.startswith(theirs), (method, params)
    assert compared > 3000
