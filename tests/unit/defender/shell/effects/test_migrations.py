"""Database tasks of frameworks."""

import pytest

from tests.support.commands import facts_of

HITS = [
    ("flask db downgrade", "database-destroys"),
    ("bin/console doctrine:database:drop", "database-destroys"),
    ("rails db:drop", "database-destroys"),
    ("bundle exec rake db:reset", "database-destroys"),
    ("python manage.py flush --noinput", "database-destroys"),
    ("python3 ./manage.py flush", "database-destroys"),
    ("django-admin flush", "database-destroys"),
    ("php artisan migrate:fresh", "database-destroys"),
    ("php bin/console doctrine:schema:drop --force", "database-destroys"),
    ("npx prisma migrate reset", "database-destroys"),
    ("prisma db push --force-reset", "database-destroys"),
    ("alembic downgrade base", "database-destroys"),
    ("flyway clean", "database-destroys"),
    ("wp db drop --yes", "database-destroys"),
    ("airflow db reset", "database-destroys"),
    ("knex migrate:rollback --all", "database-destroys"),
    ("mix ecto.drop", "database-destroys"),
    ("supabase db reset", "service-destroys"),
    ("npx sequelize-cli db:drop", "database-destroys"),
    ("drizzle-kit drop", "database-destroys"),
]
MISSES = [
    ("flask db upgrade", "database-destroys"),
    ("rails db:migrate", "database-destroys"),
    ("python manage.py migrate", "database-destroys"),
    ("python flush", "database-destroys"),
    ("php artisan migrate", "database-destroys"),
    ("npx prisma migrate dev", "database-destroys"),
    ("prisma db push", "database-destroys"),
    ("alembic downgrade -1", "database-destroys"),
    ("alembic upgrade head", "database-destroys"),
    ("wp db export", "database-destroys"),
    ("airflow db check", "database-destroys"),
    ("knex migrate:rollback", "database-destroys"),
    ("php artisan migrate:fresh --pretend", "database-destroys"),
    ("drizzle-kit generate", "database-destroys"),
]


@pytest.mark.parametrize(("command", "fact"), HITS)
def test_the_deed_is_seen(command: str, fact: str) -> None:
    assert fact in facts_of(command)


@pytest.mark.parametrize(("command", "fact"), MISSES)
def test_its_neighbour_is_not(command: str, fact: str) -> None:
    assert fact not in facts_of(command)
