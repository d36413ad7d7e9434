"""A PostgreSQL server from the machine's own packages, on a socket in a folder, with a log of every statement."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_DEBIAN: Final = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
PROGRAMS: Final = next((str(path) for path in reversed(_DEBIAN)), os.environ.get("PATH", ""))
"""Where the server's programs are; Debian keeps them in their own folder."""

INSTALLED: Final = shutil.which("initdb", path=PROGRAMS) is not None

_SUPERUSER: Final = "owner"
_SETTINGS: Final = {
    "listen_addresses": "",
    "fsync": "off",
    "log_statement": "all",
    "log_min_duration_statement": "0",
    "log_min_error_statement": "debug5",
    "log_connections": "on",
}


@dataclass(frozen=True)
class Account:
    """A role of the server and its password."""

    name: str
    password: str


class Server:
    """A running server. `administrator` has the rights of RDS' master user: it can create roles and databases.

    `settings` are added to those here (https://www.postgresql.org/docs/current/runtime-config.html). Files that they
    name are in the folder.
    """

    def __init__(self, folder: Path, settings: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self._settings = {**_SETTINGS, "unix_socket_directories": str(folder), **(settings or {})}
        self.log = folder / "log"
        self._owner = Account(_SUPERUSER, "superuser-pw")
        self.administrator = Account("keeper", "keeper-pw")
        # The server refuses to run as root.
        self._as: dict[str, Any] = {"user": "nobody", "group": "nogroup"} if os.geteuid() == 0 else {}
        for path in (folder, *folder.iterdir()) if self._as else ():
            shutil.chown(path, **self._as)
        (folder / "pw").write_text(self._owner.password)
        self._run("initdb", "--pgdata=data", "--auth=scram-sha-256", f"--username={_SUPERUSER}", "--pwfile=pw")
        self._control("start", "--options=" + " ".join(f"-c {key}='{value}'" for key, value in self._settings.items()))
        self.sql(self._owner, f"CREATE ROLE keeper LOGIN CREATEROLE CREATEDB PASSWORD '{self.administrator.password}'")

    def stop(self) -> None:
        """End the server."""
        self._control("stop", "--mode=immediate")

    def environment(self, account: Account) -> dict[str, str]:
        """Return the variables that a client needs to sign in."""
        return {
            "PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}",
            "PGHOST": str(self.folder),
            "PGPORT": self._settings.get("port", "5432"),
            "PGUSER": account.name,
            "PGPASSWORD": account.password,
        }

    def sql(self, account: Account, statements: str, database: str = "postgres") -> str:
        """Run statements, one a line and each by itself, and return their rows, with `|` between columns.

        Raises:
            subprocess.CalledProcessError: a statement failed, or the account can't sign in.
        """
        each = [option for statement in statements.splitlines() for option in ("-c", statement)]
        command = ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", database, *each]
        environment = self.environment(account)
        done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def as_owner(self, statements: str, database: str = "postgres") -> str:
        """Run statements as the server's superuser."""
        return self.sql(self._owner, statements, database)

    def may_sign_in(self, account: Account, database: str) -> bool:
        """Tell whether the server accepts an account's password for a database."""
        try:
            return self.sql(account, "SELECT 1", database) == "1"
        except subprocess.CalledProcessError:
            return False

    def _control(self, *arguments: str) -> None:
        self._run("pg_ctl", "--pgdata=data", f"--log={self.log}", "--wait", "--silent", *arguments)

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(shutil.which(program, path=PROGRAMS)), *arguments]
        subprocess.run(
            command, cwd=self.folder, check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL, **self._as
        )
