"""The kinds of matcher a rule may use: one row each, one file each.

A new kind is a file with `compile_<kind>(node, context) -> Matcher` and a line here.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gw.policy.matchers.base import Compiler
from gw.policy.matchers.boolean import compile_all, compile_any, compile_not
from gw.policy.matchers.command import compile_command
from gw.policy.matchers.guard import compile_guard
from gw.policy.matchers.method import compile_method
from gw.policy.matchers.path import compile_path
from gw.policy.matchers.pattern import compile_pattern
from gw.policy.matchers.prefix import compile_prefix
from gw.policy.matchers.signal import compile_signal
from gw.policy.matchers.size import compile_size
from gw.policy.matchers.text import compile_text
from gw.policy.matchers.tool import compile_tool
from gw.policy.matchers.url import compile_url

MATCHERS: Final[Mapping[str, Compiler]] = MappingProxyType(
    {
        "pattern": compile_pattern,
        "text": compile_text,
        "prefix": compile_prefix,
        "command": compile_command,
        "path": compile_path,
        "url": compile_url,
        "tool": compile_tool,
        "method": compile_method,
        "signal": compile_signal,
        "size": compile_size,
        "guard": compile_guard,
        "all": compile_all,
        "any": compile_any,
        "not": compile_not,
    }
)
