"""`clawgate policy schema`: what an editor needs to complete and check policy files."""

import json

import click

from gw.cli.policy.checking import known_methods
from gw.defender.tool_fields import KNOWN
from gw.policy.json_schema import json_schema
from gw.policy.reference import markdown

MODELINE = "# yaml-language-server: $schema=/usr/share/clawgate/policies/schema.json"


@click.command()
@click.option("--modeline", is_flag=True, help="Print the line that ties a file to the schema instead.")
@click.option("--markdown", "as_page", is_flag=True, help="Print the reference page instead.")
def command(modeline: bool, as_page: bool) -> None:
    """Print the JSON Schema of policy files."""
    if as_page:
        click.echo(markdown(), nl=False)
    else:
        click.echo(MODELINE if modeline else render())


def render() -> str:
    """As shipped in policies/schema.json."""
    return json.dumps(json_schema(tools=sorted(KNOWN), methods=known_methods()), ensure_ascii=False, indent=1)
