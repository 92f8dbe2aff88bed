"""Every field a policy file may have: one row each, read by the reader, the JSON Schema, the docs and the tests.

Knows no YAML and no behaviour. Invariant: a field that is not a row here is an error in a policy.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from gw.policy.compiled import SEVERITIES
from gw.policy.matchers.base import Target


class Kind(StrEnum):
    """How a value is read; the comment is the Python type it becomes."""

    TEXT = "text"  # str
    NAME = "name"  # str, dotted lower-case id
    NUMBER = "number"  # int within low..high
    FLAG = "flag"  # bool
    CHOICE = "choice"  # str, one of choices
    CHOICES = "choices"  # tuple of those
    WORDS = "words"  # tuple[str, ...]; one text stands for a list of one
    VERDICT = "verdict"  # Verdict
    DURATION = "duration"  # int, ms
    DATE = "date"  # int, ms since the epoch at the end of that day, UTC
    LISTS = "lists"  # dict[str, tuple[str, ...]], or {append: [...]}
    VERDICTS = "verdicts"  # dict[when field, dict[value, Verdict]]
    POINTS = "points"  # dict[when field, dict[value, int]]
    COUNTS = "counts"  # dict[str, int]
    EXAMPLES = "examples"  # tuple[Example, ...]
    ENTRY = "entry"  # Entry of `section`
    ENTRIES = "entries"  # tuple[Entry, ...] of `section`
    TABLE = "table"  # dict[str, Entry] of `section`
    NODE = "node"  # the node itself; its reader is elsewhere


class Field(NamedTuple):
    name: str
    kind: Kind
    doc: str
    required: bool = False
    choices: tuple[str, ...] = ()
    low: int = 0
    high: int = 0
    section: str = ""
    default: Any = None  # as documented; the reader leaves absent fields absent
    since: str = "1.0"


_MODES: Final = ("audit", "enforce")
_ABORTS: Final = ("never", "review", "block")
_RULES_DOC: Final = "rules; see the fields of a rule"


def _points(name: str, doc: str, default: int | None = None) -> Field:
    return Field(name, Kind.NUMBER, doc, low=0, high=100, default=default)


POLICY: Final = (
    Field("version", Kind.NUMBER, "version of this language", required=True, low=1, high=1),
    Field("id", Kind.NAME, "unique and permanent; packs begin with `pack/`", required=True),
    Field("kind", Kind.CHOICE, "a pack brings rules; a policy also decides", required=True, choices=("policy", "pack")),
    Field("title", Kind.TEXT, "one line for people"),
    Field("profile", Kind.TEXT, "a shipped policy to begin with: minimal, coding, messaging, full, port-1.7"),
    Field("requires", Kind.ENTRY, "what this file needs to be understood", section="requires"),
    Field("include", Kind.WORDS, "ids, or paths ending in .yaml relative to this file (may have wildcards)"),
    Field("mode", Kind.CHOICE, "audit records what would happen; enforce does it", choices=_MODES, default="enforce"),
    Field("risk", Kind.ENTRY, "thresholds, levels and what happens when judging fails", section="risk"),
    Field("floors", Kind.VERDICTS, "least verdict by a field of `when`, e.g. {tool: {browser: review}}"),
    Field("bonus", Kind.POINTS, "points by a field of `when`, e.g. {tool: {exec: 20}}"),
    Field("lists", Kind.LISTS, "named word lists for {list: name}; {append: [...]} extends one of an included file"),
    Field("write_paths", Kind.WORDS, "where a command covered by `allow` may write"),
    Field("deny", Kind.ENTRIES, _RULES_DOC + "; a hit blocks", section="rule"),
    Field("allow", Kind.ENTRIES, _RULES_DOC + "; a covered line skips score rules of group shell", section="rule"),
    Field("score", Kind.ENTRIES, _RULES_DOC + "; hits add points", section="rule"),
    Field("tune", Kind.TABLE, "changes to rules of included files, by rule id", section="tune"),
    Field("exceptions", Kind.ENTRIES, "named leave from rules, with owner and end", section="exception"),
    Field("overrides", Kind.ENTRIES, "other thresholds for some actions; the most specific wins", section="override"),
    Field("host", Kind.ENTRY, "what is watched for tampering", section="host"),
    Field("intel", Kind.ENTRY, "reputation services", section="intel"),
    Field("redact", Kind.ENTRY, "what the ledgers mask", section="redact"),
    Field("tests", Kind.ENTRIES, "scenarios beside the rules' own examples", section="test"),
)

RULE: Final = (
    Field("id", Kind.NAME, "dotted, unique over the whole set, permanent", required=True),
    Field("title", Kind.TEXT, "one line for people"),
    Field("severity", Kind.CHOICE, "points unless `points` says otherwise", choices=tuple(SEVERITIES)),
    _points("points", "instead of the severity's points"),
    Field("floor", Kind.VERDICT, "at least this verdict, whatever the score"),
    Field("group", Kind.TEXT, "the strongest hit of a group counts; default: the rule by itself"),
    Field("level", Kind.NUMBER, "paranoia level, compared with risk.detect_level", low=1, high=4, default=1),
    Field("stage", Kind.CHOICE, "shadow rules only count in `would`", choices=("live", "shadow"), default="live"),
    Field("tags", Kind.WORDS, "free words, e.g. ATT&CK technique ids"),
    Field("target", Kind.CHOICES, "what the rule looks at", choices=tuple(Target)),
    Field("when", Kind.NODE, "only these actions"),
    Field("unless", Kind.NODE, "exception ids or conditions"),
    Field("on_data", Kind.FLAG, "patterns also look at text that a command does not run", default=False),
    Field("replace", Kind.FLAG, "stands in for the rule of the same id in an included file", default=False),
    Field("say", Kind.TEXT, "shown to the agent and the human"),
    Field("instead", Kind.TEXT, "the safer way"),
    Field("since", Kind.TEXT, "date or version it came with"),
    Field("hit", Kind.EXAMPLES, "what must match; checked by lint, test and apply"),
    Field("miss", Kind.EXAMPLES, "what must not match"),
)

TUNE: Final = tuple(row for row in RULE if row.name in ("severity", "points", "floor", "group", "level", "stage"))

RISK: Final = (
    _points("review_at", "score from which an action is held", 35),
    _points("block_at", "score from which an action is blocked", 65),
    Field("detect_level", Kind.NUMBER, "rules above this level are not evaluated", low=1, high=4, default=2),
    Field("enforce_level", Kind.NUMBER, "rules above this level only count in `would`", low=1, high=4, default=1),
    Field("on_error", Kind.VERDICT, "when a guard fails (at least review); default: by on_failure"),
    Field("on_timeout", Kind.VERDICT, "when judging takes too long; default: by on_failure"),
    Field("on_overload", Kind.VERDICT, "when too much is waiting to be judged; default: by on_failure"),
    Field("on_failure", Kind.ENTRY, "what happens to an action that could not be judged", section="failure"),
    Field("answer_allow", Kind.FLAG, "the sidecar answers approvals of allowed actions; else people do", default=False),
    Field("abort_at", Kind.CHOICE, "the sidecar ends runs that get this verdict", choices=_ABORTS, default="block"),
)

SECTIONS: Final[Mapping[str, tuple[Field, ...]]] = MappingProxyType(
    {
        "policy": POLICY,
        "rule": RULE,
        "tune": TUNE,
        "failure": (
            Field("read", Kind.VERDICT, "tools that only read", default="allow"),
            Field("write", Kind.VERDICT, "messages, and tools that are in neither list", default="review"),
            Field("destructive", Kind.VERDICT, "tools and methods that can destroy or reach outside", default="block"),
        ),
        "test_file": (
            Field("version", Kind.NUMBER, "version of this language", required=True, low=1, high=1),
            Field("title", Kind.TEXT, "one line for people"),
            Field("tests", Kind.ENTRIES, "scenarios", required=True, section="test"),
        ),
        "risk": RISK,
        "requires": (Field("engine", Kind.TEXT, "least version, e.g. '>=1.0'"),),
        "exception": (
            Field("id", Kind.NAME, "unique and permanent", required=True),
            Field("rules", Kind.WORDS, "ids of the rules it excuses; `*` is a wildcard", required=True),
            Field("when", Kind.NODE, "which actions; a matcher must cover the whole hit"),
            Field("reason", Kind.TEXT, "why"),
            Field("owner", Kind.TEXT, "who answers for it"),
            Field("until", Kind.DATE, "last day it holds, e.g. 2027-01-31"),
        ),
        "override": (
            Field("when", Kind.NODE, "which actions", required=True),
            Field("mode", Kind.CHOICE, "as in a policy", choices=_MODES),
            Field("risk", Kind.ENTRY, "as in a policy", section="risk"),
            Field("floors", Kind.VERDICTS, "as in a policy"),
            Field("bonus", Kind.POINTS, "as in a policy"),
        ),
        "host": (
            Field("baseline", Kind.CHOICE, "whether the baseline must carry a signature", choices=("signed", "plain")),
            Field("watch", Kind.ENTRIES, "what to watch", section="watch"),
        ),
        "watch": (
            Field("id", Kind.NAME, "finding this change raises", required=True),
            Field("title", Kind.TEXT, "one line for people"),
            Field("paths", Kind.WORDS, "globs; `~` is each user's home, `**` crosses folders", required=True),
            Field("on_change", Kind.ENTRY, "what a change means", section="on_change"),
            Field(
                "accept",
                Kind.CHOICES,
                "who may change it without a word",
                choices=("package-manager", "operator-shell"),
            ),
        ),
        "on_change": (
            _points("points", "added to every action until acknowledged"),
            Field("floor", Kind.VERDICT, "least verdict until acknowledged"),
            Field("hold_for", Kind.DURATION, "how long the floor lasts, e.g. 15m; default: until acknowledged"),
            Field("tags", Kind.WORDS, "free words"),
            Field("say", Kind.TEXT, "shown to the agent and the human"),
        ),
        "intel": (Field("virustotal", Kind.ENTRY, "VirusTotal look-ups", section="virustotal"),),
        "virustotal": (
            Field("file", Kind.COUNTS, "malicious_at, suspicious_at: engines; unknown: points"),
            Field("url", Kind.COUNTS, "as `file`"),
            Field("points", Kind.COUNTS, "points of malicious, suspicious"),
            Field("timeout", Kind.DURATION, "of one look-up", default="1400ms"),
            _points("on_timeout", "points when the service does not answer", 0),
        ),
        "redact": (Field("decision_log", Kind.WORDS, "rule groups whose spans are masked in the decision log"),),
        "test": (
            Field("name", Kind.TEXT, "what the scenario shows", required=True),
            Field("given", Kind.NODE, "state beside the action: host.changed, intel.virustotal"),
            Field("for", Kind.NODE, "fields to vary; every combination is one case"),
            Field("repeat", Kind.NUMBER, "times the action is judged", low=1, high=1000, default=1),
            Field("action", Kind.NODE, "the action, or a list of them", required=True),
            Field("expect", Kind.ENTRY, "what must come out", required=True, section="expect"),
        ),
        "expect": (
            Field("verdict", Kind.VERDICT, "exactly"),
            Field("verdict_at_least", Kind.VERDICT, "this or stronger"),
            Field("verdict_at_most", Kind.VERDICT, "this or weaker"),
            Field("would", Kind.VERDICT, "exactly, with shadow rules and as if enforcing"),
            Field("enforced", Kind.VERDICT, "what is done about it"),
            _points("score", "exactly"),
            _points("score_at_least", "this or more"),
            _points("score_at_most", "this or less"),
            Field("hits", Kind.WORDS, "rules that must be among the hits"),
            Field("not_hits", Kind.WORDS, "rules that must not"),
        ),
    }
)
