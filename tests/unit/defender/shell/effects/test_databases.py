"""Statements that drop, empty or start programs."""

import pytest

from tests.support.commands import facts_of

HITS = [
    ("memcached-tool x.example:11211 flush_all", "database-destroys"),
    ("redis-cli ACL SETUSER x on nopass", "service-grants"),
    ("mongosh admin --eval 'db.createUser({user:1})'", "service-grants"),
    ("sqlite3 ~/.openclaw/memory/main.sqlite 'insert into x values(1)'", "tampers-guard"),
    ("psql -c 'ALTER USER app WITH SUPERUSER'", "service-grants"),
    ("mysql -e \"GRANT ALL ON *.* TO 'x'@'%'\"", "service-grants"),
    ("mongosh --eval 'db.runCommand({dropDatabase: 1})'", "database-destroys"),
    ("redis-cli -h r SHUTDOWN NOSAVE", "database-destroys"),
    ("sqlite3 a.db '.load ./x.so'", "shell-escape"),
    ("sqlplus / as sysdba <<< 'host id'", "shell-escape"),
    ("mysql -e \"create function f returns int soname 'x.so'\"", "shell-escape"),
    ("mongosh --eval 'run(\"sh\")'", "shell-escape"),
    ("psql -c \"create function f() returns int as '/x.so' language c\"", "shell-escape"),
    ('sqlite3 a.db "delete from t where 1"', "database-destroys"),
    ('psql -c "select * from pg_shadow"', "reads-service-secret"),
    ("redis-cli -h h FLUSHALL", "database-destroys"),
    ("psql -c 'DROP TABLE users'", "database-destroys"),
    ("psql -c 'truncate orders'", "database-destroys"),
    ("psql -c 'delete from users;'", "database-destroys"),
    ("psql -c 'update users set admin = true'", "database-destroys"),
    ("mysql <<< 'drop database shop'", "database-destroys"),
    ("echo 'drop schema public cascade' | psql", "database-destroys"),
    ("mongosh --eval 'db.dropDatabase()'", "database-destroys"),
    ("mongosh --eval 'db.users.deleteMany({})'", "database-destroys"),
    ("mysqladmin drop shop", "database-destroys"),
    ("redis-cli -h r FLUSHALL", "database-destroys"),
    ("echo flushdb | redis-cli", "database-destroys"),
    ("redis-cli keys 'a*' | xargs redis-cli del", "database-destroys"),
    ("redis-cli config set dir /etc", "database-destroys"),
    ("dropdb shop", "database-destroys"),
    ("pg_restore --clean dump", "database-destroys"),
    ("psql -c \"copy t to program 'id'\"", "shell-escape"),
    ("mysql -e 'select 1 into outfile \"/tmp/x\"'", "shell-escape"),
    ("psql -c 'alter table t drop column c'", "database-destroys"),
    ("mysqladmin shutdown", "database-destroys"),
    ("mongorestore --drop d", "database-destroys"),
    ("influx delete --bucket b", "database-destroys"),
    ("ldapdelete dc=x", "database-destroys"),
    ("psql -c \"do $$ begin execute 'drop table t'; end $$\"", "database-destroys"),
    ("mysql -e \"prepare s from 'drop table t'\"", "database-destroys"),
    ("psql -c \"select 'x'; drop table t\"", "database-destroys"),
    ("clickhouse-client -q 'alter table t delete where 1'", "database-destroys"),
    ("redis-cli eval \"return redis.call('flushall')\" 0", "database-destroys"),
    ("redis-cli module load ./x.so", "loads-library"),
    ("redis-cli replicaof h 6379", "database-destroys"),
]
MISSES = [
    ("sqlite3 ~/.openclaw/memory/main.sqlite 'select 1'", "tampers-guard"),
    ("psql -c 'GRANT SELECT ON t TO app'", "service-grants"),
    ("mongosh --eval 'db.audit.find({cmd:/dropDatabase/})'", "database-destroys"),
    ("redis-cli command docs flushall", "database-destroys"),
    ("redis-cli -h shutdown ping", "database-destroys"),
    ('sqlite3 a.db "delete from t where 1 = x"', "database-destroys"),
    ("psql -c \"comment on t is 'do not drop table x'\"", "database-destroys"),
    ("redis-cli set note FLUSHALL", "database-destroys"),
    ("psql -c 'select * from dropped'", "database-destroys"),
    ("psql -c 'delete from users where id = 7'", "database-destroys"),
    ("psql -c 'update users set a = 1 where id = 7'", "database-destroys"),
    ("grep -rn 'DROP TABLE' migrations", "database-destroys"),
    ("redis-cli get flushall:key", "database-destroys"),
    ("pg_restore dump", "database-destroys"),
    ("psql -c \"select 'drop table t'\"", "database-destroys"),
    ("sqlite3 a.db \"insert into log values ('delete from users')\"", "database-destroys"),
    ("mysqladmin status", "database-destroys"),
    ("redis-cli set note 1", "database-destroys"),
]


@pytest.mark.parametrize(("command", "fact"), HITS)
def test_the_deed_is_seen(command: str, fact: str) -> None:
    assert fact in facts_of(command)


@pytest.mark.parametrize(("command", "fact"), MISSES)
def test_its_neighbour_is_not(command: str, fact: str) -> None:
    assert fact not in facts_of(command)
