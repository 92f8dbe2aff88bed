"""Database tasks of application frameworks: what empties, resets or drops the database behind an application.

Adds facts to drafts. Invariant: making or applying a migration is ordinary work; going back to nothing is not.
"""

from gw.defender.shell.draft import Draft, Effect
from gw.defender.shell.names import names

# Tool -> first words of tasks that lose data; `*` behind a word stands for any ending.
_TASKS: dict[str, frozenset[str]] = {
    "rails": names("db:drop db:reset db:purge db:truncate_all db:migrate:reset db:schema:load db:drop:all db:setup"),
    "artisan": names("migrate:fresh migrate:refresh migrate:reset db:wipe migrate:rollback"),
    "manage.py": names("flush reset_db sqlflush reset_schema delete_all"),
    "flyway": names("clean"),
    "liquibase": names("drop-all dropAll rollback rollback-count rollbackCount rollback-to-date"),
    "sequelize": names("db:drop db:migrate:undo:all db:migrate:undo db:seed:undo:all"),
    "typeorm": names("schema:drop migration:revert"),
    "wp": names("db"),
    "drush": names("sql-drop sql:drop site-install site:install"),
    "mix": names("ecto.drop ecto.reset ecto.rollback"),
    "console": names("doctrine:database:drop doctrine:schema:drop doctrine:fixtures:load"),
    "drizzle-kit": names("drop"),
    "knex": names("migrate:rollback migrate:down"),
    "dbmate": names("drop rollback down"),
    "alembic": names("downgrade"),
    "airflow": names("db"),
    "flask": names("db"),
    "prisma": names("migrate db"),
    "hasura": names("database"),
}
_TASKS["sequelize-cli"] = _TASKS["sequelize"]
_TASKS["rake"] = _TASKS["rails"]
_TASKS["django-admin"] = _TASKS["manage.py"]
# A second word, or an option, without which a task above is harmless.
_NEEDS: dict[tuple[str, str], frozenset[str]] = {
    ("wp", "db"): names("drop reset clean"),
    ("airflow", "db"): names("reset clean"),
    ("flask", "db"): names("downgrade"),
    ("prisma", "migrate"): names("reset"),
    ("prisma", "db"): names("--force-reset --accept-data-loss"),
    ("hasura", "database"): names("drop"),
    ("knex", "migrate:rollback"): names("--all"),
    ("alembic", "downgrade"): names("base"),
}


def task(draft: Draft) -> None:
    _grade(draft, draft.program or "", draft.operands)


def script(draft: Draft) -> None:
    """`python manage.py flush`, `php artisan db:wipe`, `php bin/console ...`."""
    if draft.operands:
        _grade(draft, draft.operands[0].rpartition("/")[2], draft.operands[1:])


def _grade(draft: Draft, tool: str, words: list[str]) -> None:
    tasks = _TASKS.get(tool)
    if tasks is None or draft.has("--help", "--dry-run", "--pretend"):
        return
    for word in words[:4]:
        if word in tasks:
            needs = _NEEDS.get((tool, word))
            if needs is None or not needs.isdisjoint([*words, *draft.flags]):
                draft.facts.add("database-destroys")


EFFECTS: dict[str, Effect] = {
    **dict.fromkeys(_TASKS, task),
    **dict.fromkeys(("python", "python3", "php"), script),
}
