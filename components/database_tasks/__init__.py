"""Tasks that people start by hand, on PostgreSQL's official image: bootstrap and inspect.

The SQL beside this file is part of the task definition, so the official image is enough.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from components.catalogue import SECRETS, DatabaseUrl, Workload

COMMAND: Final = ("sh", "-c", "printenv DATABASE_SQL | psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --file=-")
"""The container's command. It exits with psql's code: 3 if a statement failed, 2 if there is no connection
(https://www.postgresql.org/docs/current/app-psql.html#APP-PSQL-EXIT-STATUS)."""

_FILES: Final[Mapping[Workload, str]] = {
    Workload.BACKSTAGE_DB_BOOTSTRAP: "bootstrap.sql",
    Workload.BACKSTAGE_DB_INSPECT: "inspect.sql",
}

_DATABASES: Final = {"BACKSTAGE_DATABASE": "backstage/database-url", "PREFECT_DATABASE": "prefect/database-url"}
"""Environment variable -> path of the secret whose URL names the database."""

_CONNECT_SECONDS: Final = 60
"""A paused Aurora needs some 15 seconds to resume:
https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-serverless-v2-auto-pause.html"""


def task_environment(workload: Workload) -> Mapping[str, str]:
    """Return the environment of one of the two tasks, without the injected variables.

    The connection is encrypted. The image doesn't have RDS's certificate authority, so the server isn't verified.

    Raises:
        KeyError: the workload isn't one of these tasks.
    """
    return {
        "DATABASE_SQL": Path(__file__).with_name(_FILES[workload]).read_text(encoding="utf-8"),
        "HOME": "/tmp",  # noqa: S108 - a folder in the container
        "PGCONNECT_TIMEOUT": str(_CONNECT_SECONDS),
        "PGDATABASE": "postgres",
        "PGSSLMODE": "require",
        **{variable: _database(path) for variable, path in _DATABASES.items()},
    }


def _database(path: str) -> str:
    """Return the name of the database in a secret's recipe."""
    (database,) = (
        secret.recipe.database for secret in SECRETS if secret.path == path and isinstance(secret.recipe, DatabaseUrl)
    )
    return database
