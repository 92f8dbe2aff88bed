import pytest

from gw.defender.tool_fields import ALIASES, KNOWN, TOOLS, kind_of, tool_id
from gw.model.action import PartKind


@pytest.mark.parametrize(
    ("name", "ident"), [(" Bash ", "exec"), ("apply-patch", "apply_patch"), ("cron", "automations"), ("X__y", "x__y")]
)
def test_names_as_upstream_reads_them(name: str, ident: str) -> None:
    assert tool_id(name) == ident


@pytest.mark.parametrize(
    ("tool", "path", "kind"),
    [
        ("exec", ("command",), PartKind.COMMAND),
        ("exec", ("env", "PATH"), PartKind.DATA),
        ("message", ("attachments", "*", "media"), PartKind.URL),
        ("anything", ("deep", "cmd"), PartKind.COMMAND),
        ("anything", ("urls", "*"), PartKind.DATA),
        ("anything", ("url", "*"), PartKind.URL),
        ("anything", (), PartKind.DATA),
    ],
)
def test_what_a_field_means(tool: str, path: tuple[str, ...], kind: PartKind) -> None:
    assert kind_of(tool, path) is kind


def test_the_tables_name_only_tools_there_are() -> None:
    assert set(TOOLS) <= KNOWN | {"conversations_send"}
    assert set(ALIASES.values()) <= KNOWN
