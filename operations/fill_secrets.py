"""`fill-secrets`: stores the first values of the secrets that the program creates, and new values when asked to.

Each value goes directly into Secrets Manager, in one call whose token identifies its purpose. So an interrupted run can
simply be started again: stored values stay, and composed values are built from stored ones.
"""

from __future__ import annotations

import json
import re
import string
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from secrets import choice, token_hex
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from pydantic import SecretStr

from components.catalogue import DatabaseAccount, DatabaseUrl, Maker, RandomKey, Secret, Shape, secrets_made_by
from components.parameter_catalogue import DATABASE_HOST
from operations import databases, shapes
from operations.aws import Aws, calls
from operations.database_options import DATABASE_OPTIONS, database_flag, parameters_flag, user_flag
from operations.stack import Stack
from operations.stored_secret import CURRENT, PREVIOUS, StoredSecret, Versions, stored_secret
from operations.verdicts import Check, Verdict
from stackfiles.failures import BadConfiguration, Failure

_LENGTH: Final = 40
"""Length of a password of letters and digits only, which is safe in Aurora, URLs and shells: 238 bits.
https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/CHAP_Limits.html"""


@dataclass(frozen=True)
class Databases:
    """The databases' endpoint, and the names of databases and users.

    `endpoint` is `HOST` or `HOST:PORT`, or empty. `given` has the value of each of `DATABASE_OPTIONS`, by its flag.
    """

    endpoint: str
    given: Mapping[str, str]

    def __post_init__(self) -> None:
        """Refuse values that can't be part of a URL, or that PostgreSQL or RDS refuses."""
        if self.endpoint and not re.fullmatch(r"[a-z0-9.-]+(:\d{1,5})?", self.endpoint):
            raise BadConfiguration(
                "--database-endpoint: accepted: HOST or HOST:PORT, as Aurora names its cluster endpoint"
            )
        for option in DATABASE_OPTIONS:
            text = self.given[option.flag]
            if wrong := option.find_problem(text):
                raise BadConfiguration(f"{option.flag} {text}: {wrong}")


def find_endpoint(stack: Stack, aws: Aws) -> str:
    """Return the host of the database that the stack creates; empty if it doesn't create one, or hasn't yet.

    Raises:
        Failure: AWS refused or didn't answer.
        BadConfiguration: another account, or no credentials.
    """
    if not stack.settings.here:
        return ""
    aws.require_account(stack.settings.account)
    client, name = aws.parameters(), DATABASE_HOST.name(stack.names)
    with calls(name):
        found = client.get_parameters(Names=[name])["Parameters"]
    return str(found[0]["Value"]) if found else ""


def needs_endpoint(stack: Stack, aws: Aws, rotated: Collection[str]) -> bool:
    """Return whether a run would have to compose a URL."""
    client = aws.secrets()
    rotated = _add_dependents(rotated)
    for secret in secrets_made_by(Maker.PROGRAM):
        if isinstance(secret.recipe, DatabaseUrl):
            versions = stored_secret(stack, client, secret).versions()
            if secret.path in rotated or (versions is not None and CURRENT not in versions.labels):
                return True
    return False


def run(
    stack: Stack, aws: Aws, given: Databases, rotated: Collection[str], rotation: str, *, dry_run: bool
) -> list[Verdict]:
    """Give every secret of the program a value, and those in `rotated` (paths of the catalogue) a new one.

    `rotation` names the rotation: a second run with the same name doesn't rotate again.

    Raises:
        Failure: AWS refused or didn't answer; run it again to continue.
        BadConfiguration: another account, or no credentials.
    """
    aws.require_account(stack.settings.account)
    client = aws.secrets()
    stored = {secret.path: stored_secret(stack, client, secret) for secret in secrets_made_by(Maker.PROGRAM)}
    filling = _Filling(stack, stored, given, _add_dependents(rotated), rotation, dry_run)
    return [filling.fill(secret) for secret in secrets_made_by(Maker.PROGRAM)]


def _add_dependents(rotated: Collection[str]) -> set[str]:
    """Add the URLs that are composed of a rotated account."""
    return {*rotated, *(secret.path for path in rotated for secret in _find_urls(path))}


def _find_urls(account: str) -> list[Secret]:
    """Return the secrets with a URL that is composed of an account."""
    return [
        secret
        for secret in secrets_made_by(Maker.PROGRAM)
        if isinstance(secret.recipe, DatabaseUrl) and secret.recipe.account == account
    ]


@dataclass(frozen=True)
class _Account:
    """A user of a database and its password."""

    user: str
    password: SecretStr

    def as_json(self) -> SecretStr:
        return SecretStr(json.dumps({"username": self.user, "password": self.password.get_secret_value()}))


@dataclass(frozen=True)
class _Filling:
    """One run: the stack, its secrets by path, what was given, and the paths that are rotated."""

    stack: Stack
    stored: Mapping[str, StoredSecret]
    databases: Databases
    rotated: Collection[str]
    rotation: str
    dry_run: bool

    def fill(self, secret: Secret) -> Verdict:
        """Do what is necessary for one secret, and return the verdict."""
        stored = self.stored[secret.path]
        check = Check(f"secret/{stored.name}", stored.name)
        versions = stored.versions()
        if versions is None:
            environment = self.stack.names.environment
            return check.failed(f"doesn't exist: `make up STACK={environment}` creates it; then run this again")
        purpose = f"rotation {self.rotation}" if secret.path in self.rotated else "first value"
        token = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{versions.arn} {purpose}"))
        filled = CURRENT in versions.labels
        if filled and (secret.path not in self.rotated or self._is_rotated(versions, token)):
            return self._keep(secret, check)
        composed = isinstance(secret.recipe, DatabaseUrl)
        if composed and self.stack.settings.here and not self.databases.endpoint:
            return check.undecided(
                "waits for the database, which `databaseGeneration: 1` creates; apply that, then run this again"
            )
        how = "composed" if composed else "generated"
        if self.dry_run:
            return check.undecided(f"would be {how}{' anew' if filled else ''}")
        value = self._make(secret, stored.value() if filled else None)
        if not stored.add(value, token=token):
            # Another run was faster; its value stays.
            return self._keep(secret, check)
        return check.passed(f"{how}{'; the previous value is kept as AWSPREVIOUS' if versions.labels else ''}")

    @staticmethod
    def _is_rotated(versions: Versions, token: str) -> bool:
        """Return whether this rotation is already done, even if another one followed it."""
        return token in (versions.labels.get(CURRENT), versions.labels.get(PREVIOUS))

    def _keep(self, secret: Secret, check: Check) -> Verdict:
        """Check a value that stays."""
        value = self.stored[secret.path].value()
        wrong = shapes.find_problem(secret.shape, value.get_secret_value()) if value else "has no value"
        if wrong:
            return check.failed(f"{wrong}; accepted: {secret.shape}; --rotate {secret.path} replaces it")
        if value and isinstance(secret.recipe, DatabaseUrl) and not self._is_composed(secret.recipe, value):
            return check.failed(
                f"doesn't contain the user and password in {self.stored[secret.recipe.account].name}; "
                f"--rotate {secret.path} composes it anew"
            )
        return check.passed("has a value, which is kept")

    def _is_composed(self, recipe: DatabaseUrl, url: SecretStr) -> bool:
        """Return whether a URL has the user and the password of the account that it is composed of."""
        if not recipe.account or self.stored[recipe.account].value() is None:
            return True
        return _read_account(url) == self._account(recipe.account)

    def _make(self, secret: Secret, before: SecretStr | None) -> SecretStr:
        """Generate or compose a value; a user keeps its previous name, unless RDS refuses it."""
        match secret.recipe:
            case RandomKey():
                return SecretStr(token_hex(32))
            case DatabaseAccount() as recipe:
                if before is None and (used := self._find_used_account(secret.path)):
                    return used.as_json()
                user = _read_user(before, secret.shape) or self.databases.given[user_flag(recipe)]
                return _Account(user, _password()).as_json()
            case DatabaseUrl() as recipe:
                if recipe.account:
                    return self._compose(recipe, self._account(recipe.account))
                return self._compose(recipe, _Account(self.databases.given[user_flag(recipe)], _password()))
            case None:
                raise AssertionError("the program creates no secret without a recipe")

    def _find_used_account(self, path: str) -> _Account | None:
        """Return the account in a stored URL, which the application already uses."""
        values = (self.stored[secret.path].value() for secret in _find_urls(path))
        return next((_read_account(url) for url in values if url), None)

    def _compose(self, recipe: DatabaseUrl, account: _Account) -> SecretStr:
        if not self.databases.endpoint:
            raise BadConfiguration("--database-endpoint is missing; a database URL has to be composed")
        host, _, port = self.databases.endpoint.partition(":")
        quoted = f"{quote(account.user, safe='')}:{quote(account.password.get_secret_value(), safe='')}"
        given = self.databases.given
        parameters = given[parameters_flag(recipe)]
        return SecretStr(
            f"{recipe.scheme}://{quoted}@{host}:{port or 5432}/{given[database_flag(recipe)]}"
            + (f"?{parameters}" if parameters else "")
        )

    def _account(self, path: str) -> _Account:
        """Return a stored database account.

        Raises:
            Failure: it is missing or malformed.
        """
        stored = self.stored[path]
        value = stored.value()
        if not value or (wrong := shapes.find_problem(Shape.USERNAME_PASSWORD, value.get_secret_value())):
            raise Failure(f"{stored.name}: {wrong if value else 'has no value'}; a URL can't be composed of it")
        document = json.loads(value.get_secret_value())
        return _Account(document["username"], SecretStr(document["password"]))


def _password() -> SecretStr:
    return SecretStr("".join(choice(string.ascii_letters + string.digits) for _ in range(_LENGTH)))


def _read_user(value: SecretStr | None, shape: Shape) -> str:
    """Return the user name in a stored account, or an empty text if it has none or RDS refuses it."""
    if not value or shapes.find_problem(Shape.USERNAME_PASSWORD, value.get_secret_value()):
        return ""
    user = str(json.loads(value.get_secret_value())["username"])
    refused = shape is Shape.DATABASE_ADMINISTRATOR and databases.find_administrator_problem(user)
    return "" if refused else user


def _read_account(url: SecretStr) -> _Account:
    """Return the user and the password of a database URL."""
    parts = urlsplit(url.get_secret_value())
    return _Account(unquote(parts.username or ""), SecretStr(unquote(parts.password or "")))
