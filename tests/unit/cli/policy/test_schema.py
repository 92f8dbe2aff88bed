import json

from click.testing import CliRunner

from gw.cli.policy.schema import MODELINE, command


def test_the_schema_and_the_line_that_ties_a_file_to_it() -> None:
    schema = json.loads(CliRunner().invoke(command).output)
    assert schema["title"] == "clawgate policy" and "exec" in schema["$defs"]["tool"]["examples"]
    assert CliRunner().invoke(command, ["--modeline"]).output == MODELINE + "\n"
    assert CliRunner().invoke(command, ["--markdown"]).output.startswith("# Policy reference\n")
