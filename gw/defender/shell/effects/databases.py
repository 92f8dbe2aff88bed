"""Database clients: statements that drop, empty or start programs, on the command line or from the input.

Adds facts to drafts. Invariant: only text handed to a client counts; a file that mentions DROP TABLE does not.
"""

import re

from gw.defender.shell.draft import Draft, Effect
from gw.defender.shell.names import names

MAX_SQL = 1024  # characters of one text that are looked at

_DESTROYS = re.compile(
    r"\bdrop\s+(?:database|table|schema|user|role|index|view|collection|tablespace|keyspace|owned|column|type|measurement)\b"
    r"|\btruncate\s+(?:table\s+)?[\w.`\"]+|\bdelete\s+from\s+[\w.`\"]+\s*(?:;|$|\"|')"
    r"|\bdelete\s+from\s+[\w.`\"]+\s+where\s+(?:1\s*=\s*1|true|1\s*(?:;|$|\"))|dropdatabase[\"']?\s*[(:]|\.drop\s*\(|deletemany\(\s*\{\s*\}"
    r"|\balter\s+table\s+[\w.`\"]+\s+delete\b|\.remove\(\s*\{\s*\}|\bflush_?(?:all|db)\b",
    re.I,
)
_UPDATES = re.compile(r"\bupdate\s+[\w.`\"]+\s+set\s", re.I)
_RUNS = re.compile(
    r"\bcopy\b[^;]{0,200}\b(?:from|to)\s+program\b|(?:^|\s)\\!|^\s*(?:system|host|\.shell|\.system|\.load)\s|sys_exec"
    r"|into\s+(?:out|dump)file|load_extension|\blanguage\s+c\b|lo_export|pg_read_file|load_file\(|xp_cmdshell|\bsoname\b"
    r"|\bsp_oacreate\b|\bopenrowset\s*\(\s*bulk|\butl_file\b|\bdbms_scheduler\b|\bexecutable\s*\(|\bshellfs\b"
    r"|\brun(?:program)?\s*\(\s*[\"']|child_process|\blanguage\s+pl\w*u\b",
    re.I,
)


_GRANTS = re.compile(
    r"\b(?:alter|create)\s+(?:user|role)\b[^;]{0,200}\bsuperuser\b|\bgrant\b[^;]{0,200}\bon\s+\*\.\*\s+to\b"
    r"|\bgrant\b[^;]{0,200}\bto\s+public\b|\bgrant\s+(?:pg_\w{3,40}|rds_superuser|sysadmin|dba)\b|sp_addsrvrolemember|\bcreateuser\(|\bgrantrolestouser\(",
    re.I,
)
_PASSWORDS = re.compile(r"\bfrom\s+(?:mysql\.user|pg_shadow|pg_authid|sys\.sql_logins|dba_users)\b", re.I)
# Text between single quotes is a value, unless something turns values into statements.
_VALUE = re.compile(r"'(?:[^'\\]|''|\\.)*'")
_STATEMENT_OF_TEXT = re.compile(r"\b(?:execute|exec|prepare|dblink\w*|gexec|sp_executesql|do|db|sh|rs|cql)\b", re.I)


_FILE_CLIENTS = ("sqlite3", "sqlite", "duckdb")  # the first operand is the file they work on
_CHANGES = re.compile(r"\b(?:insert|update|delete|replace|drop|alter|create)\s", re.I)


def grade(draft: Draft, text: str) -> None:
    text = text[:MAX_SQL]
    if "'" in text and not _STATEMENT_OF_TEXT.search(plain := _VALUE.sub("''", text)):
        text = plain
    if _DESTROYS.search(text) or (_UPDATES.search(text) and " where " not in text.lower()):
        draft.facts.add("database-destroys")
    if _GRANTS.search(text):
        draft.facts.add("service-grants")
    if _PASSWORDS.search(text):
        draft.facts.add("reads-service-secret")
    if _RUNS.search(text):
        draft.facts.add("shell-escape")


_ADMIN_TASKS = {"mysqladmin": frozenset(("drop", "shutdown")), "influx": frozenset(("delete",))}


def client(draft: Draft) -> None:
    for argument in draft.argv[1:]:
        grade(draft, argument)
    if draft.stdin is not None and draft.stdin.text:
        grade(draft, draft.stdin.text)
    if draft.program in _FILE_CLIENTS and any(_CHANGES.search(o, 0, MAX_SQL) for o in draft.operands[1:]):
        draft.writes += draft.paths(draft.operands[:1])
    if not _ADMIN_TASKS.get(draft.program or "", frozenset()).isdisjoint(draft.operands[:2]):
        draft.facts.add("database-destroys")


_STORES = names("GET SET HGET HSET HGETALL LPUSH RPUSH SADD ZADD MGET EXISTS TYPE TTL KEYS PUBLISH APPEND SETEX")
_FLUSHES = frozenset(("FLUSHALL", "FLUSHDB"))


def redis(draft: Draft) -> None:
    own = {draft.value(option) for option in ("-h", "-p", "-n", "-a", "-u")}
    words = [w.upper() for w in draft.operands if w not in own]
    if draft.stdin is not None and draft.stdin.text:
        words += draft.stdin.text[:MAX_SQL].upper().split()
    if (
        (not _FLUSHES.isdisjoint(words) and _STORES.isdisjoint(words) and words[:1] != ["COMMAND"])
        or any("REDIS.CALL" in w and "FLUSH" in w for w in words)
        or words[:1] in (["SHUTDOWN"], ["SLAVEOF"], ["REPLICAOF"], ["DEBUG"])
        or words[:2] == ["CONFIG", "SET"]
        or (any(w in ("DEL", "UNLINK") for w in words) and ("xargs" in draft.wrappers or any("*" in w for w in words)))
    ):
        draft.facts.add("database-destroys")

    if words[:2] == ["ACL", "SETUSER"]:
        draft.facts.add("service-grants")
    if words[:2] == ["MODULE", "LOAD"]:
        draft.facts.add("loads-library")


def drop(draft: Draft) -> None:
    draft.facts.add("database-destroys")


def restore(draft: Draft) -> None:
    if draft.has("-c", "--clean", "--drop"):
        draft.facts.add("database-destroys")


EFFECTS: dict[str, Effect] = {
    **dict.fromkeys(
        names(
            "psql mysql mariadb sqlite3 sqlite mongo mongosh clickhouse-client clickhouse-local clickhouse cqlsh sqlcmd"
            " duckdb isql sqlplus sqlcl snowsql cockroach influx mysqladmin pgcli mycli litecli mssql-cli usql osql"
            " impala-shell beeline hive trino presto sqsh"
            " memcached-tool mysqlsh ysqlsh ycqlsh edgedb surreal cypher-shell"
        ),
        client,
    ),
    **dict.fromkeys(("redis-cli", "valkey-cli", "keydb-cli"), redis),
    **dict.fromkeys(("dropdb", "dropuser", "pg_dropcluster", "pg_resetwal", "ldapdelete"), drop),
    **dict.fromkeys(("pg_restore", "mongorestore"), restore),
}
