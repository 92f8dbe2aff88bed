"""`guard`: the rule is decided by a guard in code (loops, secrets, a model), which asks the policy for it by id.

The YAML keeps points, wording and parameters. Invariant: such a rule never matches by itself.
"""

from gw.policy.matchers.base import NOTHING, Context, Matcher
from gw.policy.source import Node


def compile_guard(node: Node, context: Context) -> Matcher:
    name = node.get("name") or node
    if isinstance(name.value, str):
        return NOTHING
    return context.problem(node, "value.type", "expected the guard's name, or a mapping with `name` and its parameters")
