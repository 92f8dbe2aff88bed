from pathlib import Path

import pytest

from gw.cli.policy.checking import check, known_methods


@pytest.mark.parametrize(
    ("text", "codes", "compiles"),
    [
        ("", [], True),
        ("mode: 3\n", ["value.choice"], False),
        ("floors: {tool: {exce: review}}\n", ["tool.unknown"], True),
        ("score: [{id: a.b, target: command, prefix: [rm], hit: [ls], miss: [ls]}]\n", ["example"], True),
        ("score: [{id: a.b, target: prompt, pattern: 'ning', hit: [ning], miss: [x]}]\n", ["rule.broad"], True),
        ("score: [{id: a.b, target: command, not: {prefix: [rm]}, hit: [x], miss: [rm]}]\n", ["rule.broad"], True),
        ("score: [{id: a.b, target: tool_call, tool: '*', points: 0, hit: {tool: x}, miss: x}]\n", ["example"], True),
    ],
)
def test_everything_there_is_to_say(tmp_path: Path, text: str, codes: list[str], compiles: bool) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("version: 1\nkind: policy\nid: t.p\n" + text)
    policy, problems = check([path])
    assert [problem.code for problem in problems] == codes
    assert (policy is not None) is compiles


def test_methods_are_the_published_ones() -> None:
    assert {"chat.send", "security.policy"} <= set(known_methods())
