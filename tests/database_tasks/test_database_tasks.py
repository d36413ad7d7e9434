"""The tasks for bootstrapping and inspecting the database, started as ECS would, against a real PostgreSQL."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from components.catalogue import Workload
from tests.database_tasks.server import INSTALLED, PROGRAMS, Account, Server
from tests.planning import plan_of
from tests.workloads import LAB
from tests.workloads.planned_container import planned_container

pytestmark = pytest.mark.skipif(not INSTALLED, reason="needs PostgreSQL's server, such as the package postgresql")

BACKSTAGE = Account("backstage", "canary \"quoted\" 'and' \\ back;slash é-1")
PREFECT = Account("prefect", "canary:with/all?of@these#%-1")
READY = " Backstage   | backstage | backstage | ready\n Prefect     | prefect   | prefect   | ready"


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    # The server's own user needs access, which it wouldn't have to pytest's folders.
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    folder.chmod(0o755)
    server = Server(folder)
    yield server
    server.stop()
    shutil.rmtree(folder)


@pytest.fixture
def server(running: Server) -> Server:
    """The server, without what the test before created."""
    names = (BACKSTAGE.name, PREFECT.name, "other")
    databases = [f"DROP DATABASE IF EXISTS {name} (FORCE)" for name in names]
    running.as_owner("\n".join([*databases, *(f"DROP ROLE IF EXISTS {name}" for name in names)]))
    return running


def secrets(backstage: Account = BACKSTAGE, prefect: Account = PREFECT, database: str = "prefect") -> dict[str, str]:
    """The values that `fill-secrets` writes for the two applications."""
    quoted = f"{quote(prefect.name, safe='')}:{quote(prefect.password, safe='')}"
    return {
        "backstage/db": json.dumps({"username": backstage.name, "password": backstage.password}, indent=1),
        "prefect/database-url": f"postgresql+asyncpg://{quoted}@db.example.com:5432/{database}?ssl=require",
    }


def started(workload: Workload, values: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run the planned command with injected values; in the image, its programs are where the server's are here."""
    container = planned_container(plan_of(LAB), f"{LAB}-{workload}")
    environment = container.started_with(values, {}) | {"PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(container.command, env=environment, capture_output=True, text=True, check=False)


def run(
    server: Server,
    stored: dict[str, str] | None = None,
    workload: Workload = Workload.BACKSTAGE_DB_BOOTSTRAP,
    administrator: Account | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a task as planned, and check that neither its output nor the server's log contains a password."""
    keeper = administrator or server.administrator
    values = {
        "infra/database_host": str(server.folder),
        "db/admin": json.dumps({"username": keeper.name, "password": keeper.password}),
        **(secrets() if stored is None else stored),
    }
    done = started(workload, values)
    told = done.stdout + done.stderr + server.log.read_text(encoding="utf-8")
    assert "pg_advisory_lock" in told or workload is Workload.BACKSTAGE_DB_INSPECT, "the server logs no statements"
    assert "canary" not in told
    assert server.administrator.password not in done.stdout + done.stderr
    return done


def test_the_first_run_creates_roles_and_databases(server: Server) -> None:
    done = run(server)
    assert done.returncode == 0, done.stderr
    assert READY in done.stdout
    for account, other in ((BACKSTAGE, PREFECT), (PREFECT, BACKSTAGE)):
        assert server.may_sign_in(account, account.name)
        assert not server.may_sign_in(account, other.name)
        server.sql(account, "CREATE SCHEMA own; CREATE TABLE own.made (x int); CREATE EXTENSION pg_trgm", account.name)
    rights = server.as_owner(
        "SELECT rolsuper, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname IN ('backstage', 'prefect')"
    )
    assert rights == "f|f|f\nf|f|f"
    members = "SELECT count(*) FROM pg_auth_members WHERE member = 'keeper'::regrole AND roleid <> 'keeper'::regrole"
    assert server.as_owner(members) == "0"


def test_the_second_run_changes_nothing(server: Server) -> None:
    assert run(server).returncode == 0
    server.sql(BACKSTAGE, "CREATE TABLE kept AS SELECT 1 AS x", "backstage")
    state = "SELECT oid, datname, datdba, datacl FROM pg_database ORDER BY oid"
    before = server.as_owner(state)
    done = run(server)
    assert done.returncode == 0, done.stderr
    assert READY in done.stdout
    assert server.as_owner(state) == before
    assert server.sql(BACKSTAGE, "SELECT x FROM kept", "backstage") == "1"


def test_a_run_that_broke_off_is_completed_by_the_next(server: Server) -> None:
    keeper = server.administrator.name
    server.as_owner(f"ALTER ROLE {keeper} NOCREATEDB")
    broken = run(server)
    server.as_owner(f"ALTER ROLE {keeper} CREATEDB")
    assert broken.returncode == 3
    assert "permission denied to create database" in broken.stderr
    made = "SELECT (SELECT count(*) FROM pg_roles WHERE rolname IN ('backstage', 'prefect')), "
    made += "(SELECT count(*) FROM pg_database WHERE datname IN ('backstage', 'prefect'))"
    assert server.as_owner(made) == "2|0"
    done = run(server)
    assert done.returncode == 0, done.stderr
    assert server.as_owner(made) == "2|2"
    assert server.may_sign_in(PREFECT, "prefect")


def test_a_rotated_password_replaces_the_old_one(server: Server) -> None:
    assert run(server).returncode == 0
    rotated = Account(BACKSTAGE.name, "canary-2")
    assert run(server, secrets(backstage=rotated)).returncode == 0
    assert server.may_sign_in(rotated, "backstage")
    assert not server.may_sign_in(BACKSTAGE, "backstage")
    assert server.may_sign_in(PREFECT, "prefect")


@pytest.mark.parametrize("database", ["backstage", "prefect"])
def test_a_database_of_another_owner_is_left_alone(server: Server, database: str) -> None:
    server.as_owner("CREATE ROLE other LOGIN")
    server.as_owner(f"CREATE DATABASE {database} OWNER other")
    done = run(server)
    assert done.returncode == 3
    assert f"the database {database} belongs to another role than {database}" in done.stderr
    assert server.as_owner("SELECT count(*) FROM pg_roles WHERE rolname IN ('backstage', 'prefect')") == "0"


# Stored values -> message.
DOES_NOT_FIT = [
    (secrets(backstage=Account("keeper", "canary-3")), "the role keeper of Backstage may administer the database"),
    (secrets(prefect=Account("owner", "canary-4")), "the role owner of Prefect may administer the database"),
    (secrets(prefect=Account("backstage", "canary-5")), "have the same role or the same database"),
    (secrets(database="backstage"), "have the same role or the same database"),
    (secrets(backstage=Account("backstage", "")), "BACKSTAGE_DB_SECRET_JSON: accepted: JSON with"),
    (secrets(backstage=Account("", "canary-6")), "BACKSTAGE_DB_SECRET_JSON: accepted: JSON with"),
    (secrets(backstage=Account("b" * 64, "canary-7")), "BACKSTAGE_DB_SECRET_JSON: accepted: JSON with"),
    (secrets() | {"backstage/db": '{"password": "canary-8"'}, "BACKSTAGE_DB_SECRET_JSON: accepted"),
    (secrets() | {"backstage/db": '{"password": "canary-9"}'}, "BACKSTAGE_DB_SECRET_JSON: accepted"),
    (secrets() | {"prefect/database-url": "postgresql://prefect:canary@host"}, "PREFECT_DATABASE_URL: accepted"),
    (secrets() | {"prefect/database-url": "postgresql://p:canary%ff@host/db"}, "PREFECT_DATABASE_URL: accepted"),
]


def test_unsuitable_secrets_change_nothing(server: Server) -> None:
    roles = "SELECT rolname, rolpassword FROM pg_authid ORDER BY rolname"
    before = server.as_owner(roles)
    for stored, said in DOES_NOT_FIT:
        done = run(server, stored)
        assert (done.returncode, said in done.stderr) == (3, True), (said, done.stderr)
        assert server.as_owner(roles) == before, said


def test_a_failure_to_change_a_role_is_reported_without_its_password(server: Server) -> None:
    assert run(server).returncode == 0
    powerless = Account("other", "other-pw")
    server.as_owner(f"CREATE ROLE other LOGIN PASSWORD '{powerless.password}'")
    done = run(server, secrets(backstage=Account(BACKSTAGE.name, "canary-10")), administrator=powerless)
    assert done.returncode == 3
    assert "the role of Backstage can't be made or changed (SQLSTATE 42501)" in done.stderr
    assert server.may_sign_in(BACKSTAGE, "backstage")


def test_inspect_shows_roles_databases_and_tables(server: Server) -> None:
    assert run(server).returncode == 0
    server.sql(PREFECT, "CREATE TABLE flow AS SELECT generate_series(1, 7) AS id; ANALYZE flow", "prefect")
    done = run(server, {}, Workload.BACKSTAGE_DB_INSPECT)
    assert done.returncode == 0, done.stderr
    lines = [[cell.strip() for cell in line.split("|")] for line in done.stdout.splitlines()]
    assert ["backstage", "t", "f"] in lines
    assert ["prefect", "prefect", "0"] in lines
    assert ["prefect", "public", "flow", "7"] in lines


def test_inspect_works_before_the_bootstrap(server: Server) -> None:
    done = run(server, {}, Workload.BACKSTAGE_DB_INSPECT)
    assert done.returncode == 0, done.stderr
    assert "postgres" in done.stdout


def test_inspect_fails_without_a_connection() -> None:
    nobody = json.dumps({"username": "keeper", "password": "none"})
    done = started(Workload.BACKSTAGE_DB_INSPECT, {"infra/database_host": "/nowhere", "db/admin": nobody})
    assert done.returncode == 2
