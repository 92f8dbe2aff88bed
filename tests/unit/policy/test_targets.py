import pytest

from gw.model.action import PartKind, Provenance
from gw.model.shell import NodeRole
from gw.policy.matchers.base import Target
from gw.policy.targets import OF_KIND, keys_of, targets_of
from tests.support.shell import node, part_subject, subject


@pytest.mark.parametrize(
    ("kind", "action", "targets"),
    [
        (PartKind.PROMPT, {}, ("prompt", "rpc")),
        (PartKind.PROMPT, {"provenance": Provenance.CHANNEL}, ("prompt", "rpc")),
        (PartKind.PROMPT, {"provenance": Provenance.TOOL_OUTPUT}, ("tool_output", "rpc")),
        (PartKind.PROMPT, {"provenance": Provenance.WEB, "tool": "x"}, ("tool_output", "tool_call")),
        (PartKind.PROMPT, {"provenance": Provenance.FILE}, ("tool_output", "rpc")),
        (PartKind.COMMAND, {}, ("command", "rpc")),
        (PartKind.ARGV, {"tool": "exec"}, ("command", "tool_call")),
        (PartKind.URL, {"tool": "web_fetch"}, ("tool_call",)),
        (PartKind.URL, {}, ("tool_call", "rpc")),
        (PartKind.OUTPUT, {}, ("outbound", "rpc")),
        (PartKind.DATA, {}, ("rpc",)),
        (PartKind.DATA, {"tool": "write"}, ("tool_call",)),
    ],
)
def test_targets(kind: PartKind, action: dict[str, object], targets: tuple[str, ...]) -> None:
    assert targets_of(part_subject(kind, "x", **action)) == tuple(Target(name) for name in targets)


def test_every_kind_has_a_row() -> None:
    assert set(OF_KIND) == set(PartKind)


def test_keys_name_what_runs_and_what_was_noticed() -> None:
    line = subject(
        "x",
        node("curl x", facts=frozenset(("egress",)), fetches=("http://x",), privileged=True),
        node("echo", 0, NodeRole.DATA),
        node("", 3, NodeRole.INLINE),
        signals=frozenset(("shell.unparsed",)),
        hits={4: ()},
        tool="exec",
    )
    assert keys_of(line) == {
        4, ("method", "test"), ("tool", "exec"), ("signal", "shell.unparsed"), ("program", "curl"), ("fact", "egress"),
        ("fact", "fetches"), ("fact", "privileged"),
    }  # fmt: skip
    assert keys_of(part_subject(PartKind.PROMPT, "x", {"flood": 2})) == {("method", "test"), ("signal", "flood")}
