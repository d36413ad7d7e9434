"""`fill-secrets`: the first values of the secrets that the program makes, and new values when asked for.

Every value goes from here straight into Secrets Manager. One call writes a value, and its token says what it is for, so
a run that broke off anywhere is simply started again: what is there stays, and what is composed is composed from what
is there.
"""

from __future__ import annotations

import json
import re
import string
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from secrets import choice, token_hex
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from pydantic import SecretStr

from components.catalogue import Maker, Secret, Shape, secrets_made_by
from operations import shapes
from operations.aws import Aws
from operations.preflight import stored_secret
from operations.stack import Stack
from operations.stored_secret import CURRENT, PREVIOUS, StoredSecret, Versions
from operations.verdicts import Verdict, failed, passed, undecided
from stackfiles.failures import BadConfiguration, Failure

_LENGTH: Final = 40
"""Letters and digits only, which Aurora, URLs and shells all take; 40 of them are 238 bits.
https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/CHAP_Limits.html"""

BACKSTAGE_USER: Final = "backstage/db"
BACKSTAGE_URL: Final = "backstage/database-url"
PREFECT_URL: Final = "prefect/database-url"


@dataclass(frozen=True)
class Database:
    """Where the databases are, and the names of their users; `endpoint` is `HOST` or `HOST:PORT`, or empty.

    The parameters end the URLs: what the application's driver needs to know of TLS.
    """

    endpoint: str
    admin_user: str
    backstage_user: str
    backstage_database: str
    backstage_parameters: str
    prefect_user: str
    prefect_database: str
    prefect_parameters: str

    def __post_init__(self) -> None:
        """Refuse what can't stand in a URL or in PostgreSQL."""
        if self.endpoint and not re.fullmatch(r"[a-z0-9.-]+(:\d{1,5})?", self.endpoint):
            raise BadConfiguration(
                "--database-endpoint: accepted: HOST or HOST:PORT, as Aurora names its cluster endpoint"
            )
        names = {
            "--admin-user": self.admin_user,
            "--backstage-user": self.backstage_user,
            "--backstage-database": self.backstage_database,
            "--prefect-user": self.prefect_user,
            "--prefect-database": self.prefect_database,
        }
        for option, name in names.items():
            if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", name):
                raise BadConfiguration(f"{option} {name}: accepted: lower-case letters, digits and underscores")
        for option, text in (
            ("--backstage-parameters", self.backstage_parameters),
            ("--prefect-parameters", self.prefect_parameters),
        ):
            if not re.fullmatch(r"([\w.-]+=[\w./-]+(&[\w.-]+=[\w./-]+)*)?", text):
                raise BadConfiguration(f"{option} {text}: accepted: NAME=VALUE, more of them with & between")


def needs_endpoint(stack: Stack, aws: Aws, rotated: Collection[str]) -> bool:
    """Tell whether a run would have to compose a URL."""
    client = aws.secrets()
    return bool(_with_dependents(rotated) & {BACKSTAGE_URL, PREFECT_URL}) or any(
        secret.shape is Shape.POSTGRESQL_URL
        and (versions := stored_secret(stack, client, secret).versions()) is not None
        and CURRENT not in versions.labels
        for secret in secrets_made_by(Maker.PROGRAM)
    )


def run(
    stack: Stack, aws: Aws, database: Database, rotated: Collection[str], rotation: str, *, dry_run: bool
) -> list[Verdict]:
    """Give every secret of the program a value, and those in `rotated` (paths of the catalogue) a new one.

    `rotation` names the rotation: a second run with the same name finds it done.

    Raises:
        Failure: AWS refused or didn't answer; run it again to go on.
        BadConfiguration: another account, or no credentials.
    """
    aws.require_account(stack.settings.account)
    client = aws.secrets()
    stored = {secret.path: stored_secret(stack, client, secret) for secret in secrets_made_by(Maker.PROGRAM)}
    filling = _Filling(stack, stored, database, _with_dependents(rotated), rotation, dry_run)
    return [filling.fill(secret) for secret in secrets_made_by(Maker.PROGRAM)]


def _with_dependents(rotated: Collection[str]) -> set[str]:
    """Add what is composed of what is rotated."""
    return {*rotated, *([BACKSTAGE_URL] if BACKSTAGE_USER in rotated else [])}


@dataclass(frozen=True)
class _Filling:
    stack: Stack
    stored: dict[str, StoredSecret]
    database: Database
    rotated: Collection[str]
    rotation: str
    dry_run: bool

    def fill(self, secret: Secret) -> Verdict:
        """Do what is due for one secret and say so."""
        stored = self.stored[secret.path]
        versions = stored.versions()
        if versions is None:
            return failed(
                stored.name,
                f"isn't there: `make up STACK={self.stack.names.environment}` makes it, then run this again",
            )
        purpose = f"rotation {self.rotation}" if secret.path in self.rotated else "first value"
        token = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{versions.arn} {purpose}"))
        if CURRENT in versions.labels and (secret.path not in self.rotated or self._rotated(versions, token)):
            return self._kept(secret, stored)
        how = "composed" if secret.shape is Shape.POSTGRESQL_URL else "generated"
        if self.dry_run:
            return undecided(stored.name, f"would be {how}{' anew' if CURRENT in versions.labels else ''}")
        value = self._value(secret, stored if CURRENT in versions.labels else None)
        if not stored.add(value, token=token):
            # Somebody else's run was faster; what it wrote counts.
            return self._kept(secret, stored)
        return passed(stored.name, f"{how}{'; the value before it is kept as AWSPREVIOUS' if versions.labels else ''}")

    @staticmethod
    def _rotated(versions: Versions, token: str) -> bool:
        """Tell whether this very rotation was done, and perhaps another one after it."""
        return token in (versions.labels.get(CURRENT), versions.labels.get(PREVIOUS))

    def _kept(self, secret: Secret, stored: StoredSecret) -> Verdict:
        value = stored.value()
        wrong = shapes.problem(secret.shape, value.get_secret_value()) if value else "has no value"
        if wrong:
            return failed(stored.name, f"{wrong}; accepted: {secret.shape}; --rotate {secret.path} replaces it")
        if value and secret.path == BACKSTAGE_URL and not self._matches_user(value):
            return failed(
                stored.name,
                f"isn't of the user and password in {self.stored[BACKSTAGE_USER].name}; "
                f"--rotate {secret.path} composes it anew",
            )
        return passed(stored.name, "has a value, kept")

    def _matches_user(self, url: SecretStr) -> bool:
        return self.stored[BACKSTAGE_USER].value() is None or _user_of(url) == self._user()

    def _value(self, secret: Secret, before: StoredSecret | None) -> SecretStr:
        """Generate or compose a value; a user keeps the name that it had before."""
        database = self.database
        match secret.path:
            case "db/admin":
                return _account(self._username(before) or database.admin_user, _password())
            case "backstage/db":
                if before is None and (url := self.stored[BACKSTAGE_URL].value()):
                    # The database is in use already: its user is in the URL.
                    return _account(*_user_of(url))
                return _account(self._username(before) or database.backstage_user, _password())
            case "backstage/database-url":
                user, password = self._user()
                return self._url(
                    "postgresql", user, password, database.backstage_database, database.backstage_parameters
                )
            case "prefect/database-url":
                # The driver that Prefect's server needs: https://docs.prefect.io/v3/advanced/self-hosted
                scheme, password = "postgresql+asyncpg", _password()
                return self._url(
                    scheme, database.prefect_user, password, database.prefect_database, database.prefect_parameters
                )
        if secret.shape is Shape.SIGNING_KEY:
            return SecretStr(token_hex(32))
        raise Failure(f"{secret.path}: there is no recipe for its first value; add one to operations/fill_secrets.py")

    def _url(self, scheme: str, user: str, password: SecretStr, database: str, parameters: str) -> SecretStr:
        if not self.database.endpoint:
            raise BadConfiguration("--database-endpoint: is missing; a database URL is to be composed")
        host, _, port = self.database.endpoint.partition(":")
        account = f"{quote(user, safe='')}:{quote(password.get_secret_value(), safe='')}"
        return SecretStr(
            f"{scheme}://{account}@{host}:{port or 5432}/{database}" + (f"?{parameters}" if parameters else "")
        )

    def _username(self, stored: StoredSecret | None) -> str:
        value = stored.value() if stored else None
        if not value or shapes.problem(Shape.USERNAME_PASSWORD, value.get_secret_value()):
            return ""
        return str(json.loads(value.get_secret_value())["username"])

    def _user(self) -> tuple[str, SecretStr]:
        """Return Backstage's database user as it is stored."""
        stored = self.stored[BACKSTAGE_USER]
        value = stored.value()
        if not value or (wrong := shapes.problem(Shape.USERNAME_PASSWORD, value.get_secret_value())):
            raise Failure(f"{stored.name}: {wrong if value else 'has no value'}; nothing can be composed of it")
        document = json.loads(value.get_secret_value())
        return document["username"], SecretStr(document["password"])


def _password() -> SecretStr:
    return SecretStr("".join(choice(string.ascii_letters + string.digits) for _ in range(_LENGTH)))


def _account(username: str, password: SecretStr) -> SecretStr:
    return SecretStr(json.dumps({"username": username, "password": password.get_secret_value()}))


def _user_of(url: SecretStr) -> tuple[str, SecretStr]:
    """Return the user and the password of a database URL."""
    parts = urlsplit(url.get_secret_value())
    return unquote(parts.username or ""), SecretStr(unquote(parts.password or ""))
