"""Checks names, passwords and URLs of databases against what PostgreSQL, RDS and the applications' drivers accept.

Each function returns what is wrong, or an empty text. No answer contains any part of a password.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final
from urllib.parse import SplitResult, urlsplit

_RESERVED_ADMINISTRATORS: Final = frozenset({"admin", "rdsadmin"})
"""RDS refuses both for PostgreSQL ("reserved word used by the engine")."""
_RESERVED_USERS: Final = frozenset({"none", "public", "rdsadmin", "rdsrepladmin", "rdstopmgr"})
"""Words of SQL that can't be role names, and the roles that RDS creates for itself.
https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Appendix.PostgreSQL.CommonDBATasks.Roles.html"""
_RESERVED_PREFIXES: Final = ("pg_", "rds_")
"""PostgreSQL reserves the first for its own roles, RDS the second.
https://www.postgresql.org/docs/current/sql-createrole.html"""

_ENCODED: Final = r"(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})"
"""One character of a user in a URL (RFC 3986, section 3.2.1)."""
_ACCOUNT: Final = re.compile(f"{_ENCODED}+:(?:{_ENCODED}|:)+")
_NOT_ENCODED: Final = (
    "whose user or password has a / ? # @ or % (or another such character) that isn't percent-encoded; accepted: %40 "
    "for @, for example"
)


def find_name_problem(name: str) -> str:
    """Return why a name can't be a database's or a user's.

    >>> find_name_problem("pg_backstage")
    'is reserved (PostgreSQL and RDS keep names that begin with pg_ or rds_)'
    """
    if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", name):
        return "isn't a name; accepted: lower-case letters, digits and underscores, at most 63, no digit first"
    if name.startswith(_RESERVED_PREFIXES):
        return "is reserved (PostgreSQL and RDS keep names that begin with pg_ or rds_)"
    return "is reserved (PostgreSQL or RDS uses it)" if name in _RESERVED_USERS else ""


def find_administrator_problem(name: str) -> str:
    """Return why RDS refuses a name for the administrator of an Aurora PostgreSQL cluster.

    Source: https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBCluster.html (MasterUsername)

    >>> find_administrator_problem("admin")
    'is reserved (RDS keeps admin and rdsadmin)'
    """
    if name in _RESERVED_ADMINISTRATORS:
        return "is reserved (RDS keeps admin and rdsadmin)"
    if problem := find_name_problem(name):
        return problem
    if not re.fullmatch(r"[a-z][a-z0-9]{0,15}", name):
        return "isn't a name that RDS accepts; accepted: 1 to 16 lower-case letters and digits, a letter first"
    return ""


def find_administrator_password_problem(password: str) -> str:
    """Return why RDS refuses a password for the administrator of a cluster.

    Source: https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBCluster.html (MasterUserPassword);
    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/CHAP_Limits.html refuses the space as well.
    """
    if re.search(r'[/"@ ]', password):
        return 'contains / " @ or a space, which RDS refuses'
    if not re.fullmatch(r"[!-~]*", password):
        return "contains characters other than printable ASCII, which RDS refuses"
    return "" if 8 <= len(password) <= 41 else "isn't 8 to 41 characters long, which RDS requires"


def find_url_problem(url: str, schemes: Collection[str]) -> str:
    """Return why a PostgreSQL URL doesn't work; it needs a user, a password, a host and a database.

    The answer continues a sentence after "a URL".

    >>> find_url_problem("postgresql://user:p@ss@host/db", ["postgresql"]).startswith("whose user or password has a /")
    True
    >>> find_url_problem("postgresql://user:p%40ss@host/db", ["postgresql"])
    ''
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        account, at, _ = url.partition("://")[2].rpartition("@")
        return _NOT_ENCODED if at and not _ACCOUNT.fullmatch(account) else "that can't be read"
    if parts.scheme not in schemes:
        return f"with another scheme; accepted: {', '.join(schemes)}"
    account, _, _ = parts.netloc.rpartition("@")
    # A / ? or # in a password ends the account part early, which leaves an @ in a later part.
    if "@" in parts.path + parts.query + parts.fragment:
        return _NOT_ENCODED
    if missing := _find_missing_parts(parts):
        return f"without {missing}"
    if not _ACCOUNT.fullmatch(account):
        return _NOT_ENCODED
    if parts.fragment or not re.fullmatch(r"/[\w-]+", parts.path):
        return "that doesn't end in one database's name, with parameters after a ?"
    if port == 0 or not re.fullmatch(r"[A-Za-z0-9.-]+", parts.hostname or ""):
        return "whose host or port is invalid"
    if "+asyncpg" in parts.scheme and re.search(r"(^|&)sslmode=", parts.query):
        # https://docs.sqlalchemy.org/en/20/dialects/postgresql.html#module-sqlalchemy.dialects.postgresql.asyncpg
        return "with the parameter sslmode, which asyncpg doesn't support; accepted: ssl"
    return ""


def _find_missing_parts(parts: SplitResult) -> str:
    wanted = {
        "a user": parts.username,
        "a password": parts.password,
        "a host": parts.hostname,
        "a database": parts.path.strip("/"),
    }
    return " and ".join(title for title, part in wanted.items() if not part)
