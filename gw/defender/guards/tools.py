"""Bonuses and floors: what a tool, method, channel or kind of session adds before anything is read.

Sees only the action's names. Invariant: a bonus adds points and a floor raises the verdict; neither ever lowers one.
"""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache

from gw.model.action import Action
from gw.model.decision import Finding, Verdict
from gw.model.subject import Subject
from gw.policy.compiled import CompiledPolicy
from gw.policy.conditions import FIELDS


class ToolGuard:
    """`bonus.<field>` and `floor.<field>` for every field of `when` that the policy names."""

    name = "tools"
    pure = True
    reads = None

    def inspect(self, action: Action, subjects: Sequence[Subject], policy: CompiledPolicy) -> Iterable[Finding]:
        settings = policy.settings_for(action)
        for field, row in settings.bonus.items():
            value = FIELDS[field](action)
            if value is not None and (points := row.get(value, row.get("*", 0))):
                yield _bonus(field, value, points)
        for field, floors in settings.floors.items():
            value = FIELDS[field](action)
            if value is None:
                continue
            floor = Verdict.ALLOW
            for glob, verdict in floors.items():  # most rows are plain names, so they are compared before all else
                if glob == value or (not glob.isidentifier() and fnmatchcase(value, glob)):
                    floor = max(floor, verdict)
            if floor:
                yield Finding(f"floor.{field}", 0, group=f"floor.{field}", floor=floor, detail=f"{field} {value}")


@lru_cache(maxsize=256)  # nearly every call of a tool has the same one
def _bonus(field: str, value: str, points: int) -> Finding:
    rule = f"bonus.{field}"
    return Finding(rule, points, group=rule, detail=f"{field} {value}")
