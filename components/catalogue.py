"""The catalogue: every secret and every bucket, declared once; parameters are in `components.parameter_catalogue`.

Resources, IAM grants, the wiring of container environments, the checks before a deploy and the tables in `docs/`
are all derived from it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from components.naming import Names


class Workload(StrEnum):
    """A workload on ECS. The value is part of role names, log groups and container names."""

    BACKSTAGE = "backstage"
    BACKSTAGE_DB_BOOTSTRAP = "backstage-db-bootstrap"
    """One-off task that creates the Backstage database and its user; with `workloads: here` also Prefect's."""
    BACKSTAGE_DB_INSPECT = "backstage-db-inspect"
    """One-off task that inspects the databases."""
    PREFECT_API = "prefect-api"
    PREFECT_WORKER = "prefect-worker"
    """Runs the flows."""
    PREFECT_DEPLOYER = "prefect-deployer"
    """Registers flows; started by CI and scripts."""


TASKS: Final = (Workload.BACKSTAGE, Workload.PREFECT_API, Workload.PREFECT_WORKER, Workload.PREFECT_DEPLOYER)
"""Workloads whose own code calls AWS, so they have a task role."""

DATABASE_TASKS: Final = (Workload.BACKSTAGE_DB_BOOTSTRAP, Workload.BACKSTAGE_DB_INSPECT)
"""Workloads that sign in to the database as its administrator."""


class Reader(StrEnum):
    """Another reader of secrets or parameters, with its own AWS role. The value is part of the role's name."""

    ORK_PROCESSOR = "ork-processor"
    CI_PREVIEW = "ci-preview"
    CI_DEPLOY = "ci-deploy"
    CI_WORKLOADS = "ci-workloads"
    """Applies changes of the workloads that this program creates."""
    CI_DEPLOYER_TRIGGER = "ci-deployer-trigger"


class Maker(StrEnum):
    """Who makes a secret."""

    PROGRAM = "the program"
    """This program creates the secret; `operations` writes its value."""
    HAND = "by hand"
    """Somebody creates it with its value in Secrets Manager; this program only refers to it."""


class Shape(StrEnum):
    """The format of a secret's value."""

    POSTGRESQL_URL = "PostgreSQL URL"
    ASYNCPG_URL = "PostgreSQL URL for the driver asyncpg"
    """Prefect's server needs this form: https://docs.prefect.io/v3/advanced/self-hosted"""
    USERNAME_PASSWORD = "JSON with `username` and `password`"
    DATABASE_ADMINISTRATOR = "JSON with `username` and `password` of an RDS administrator"
    SIGNING_KEY = "random key, 32 bytes or more"
    TOKEN = "access token"
    CREDENTIAL = "`user:password`"
    OIDC_CLIENT_SECRET = "OIDC client secret"
    NEO4J = "JSON with Neo4j URI, user name and password"
    CLOUDINARY = "JSON with Cloudinary cloud name, API key and API secret"


@dataclass(frozen=True)
class RandomKey:
    """Recipe for a random key: 32 bytes as hexadecimal digits."""


@dataclass(frozen=True)
class DatabaseAccount:
    """Recipe for a database user with a generated password, as JSON.

    The option `--{option}-user` of `fill-secrets` names the user; `user` is its default, `title` its description.
    """

    option: str
    title: str
    user: str


@dataclass(frozen=True)
class DatabaseUrl:
    """Recipe for a database URL. Its host is the endpoint that is passed to `fill-secrets`.

    User and password are those of the secret at the path `account`. Without `account` the user is `user`, which
    `--{option}-user` changes, with a generated password. `database` and `parameters` (the URL's query, which tells the
    driver how to use TLS) are the defaults of `--{option}-database` and `--{option}-parameters`.
    """

    option: str
    title: str
    scheme: str
    database: str
    parameters: str
    account: str = ""
    user: str = ""


Recipe = RandomKey | DatabaseAccount | DatabaseUrl
"""How the value of a secret is made."""


@dataclass(frozen=True)
class Consumer:
    """An ECS workload that uses a secret. ECS injects the secret as the environment variable `variable`.

    Without a variable the workload reads the secret itself, with its task role. With a `key`, ECS injects only the
    value under that key of the secret's JSON. `here` marks variables that only tasks created by this program get.
    """

    workload: Workload
    variable: str = ""
    key: str = ""
    here: bool = False


@dataclass(frozen=True)
class Secret:
    """A secret in Secrets Manager.

    `path` is the name without its environment; a name without the environment prefix is marked `shared`.
    `recipe` gives the value of a secret that the program makes. `readers_here` are additional readers if the stack
    creates its workloads: each run of the program looks up every secret that it needs, whichever part is applied.
    `elsewhere` names consumers that read it without a role of this program.

    Raises:
        ValueError: the program makes the secret but there is no recipe, or the other way round.
    """

    path: str
    purpose: str
    shape: Shape
    maker: Maker
    consumers: tuple[Consumer, ...] = ()
    readers: tuple[Reader, ...] = ()
    readers_here: tuple[Reader, ...] = ()
    elsewhere: tuple[str, ...] = ()
    shared: bool = False
    recipe: Recipe | None = None

    def __post_init__(self) -> None:
        """Refuse a secret without a source for its value, or with two."""
        if (self.maker is Maker.PROGRAM) != (self.recipe is not None):
            raise ValueError(f"{self.path}: a secret has a recipe if and only if the program makes it")

    def everyone(self, *, here: bool) -> tuple[Reader, ...]:
        """Return the readers, in a stack that creates its workloads (`here`) or in one that doesn't."""
        return (*self.readers, *self.readers_here) if here else self.readers

    def name(self, names: Names) -> str:
        """Return the secret's friendly name in an environment."""
        return self.path if self.shared else names.secret(self.path)


_DB_ADMIN: Final = "DB_ADMIN_SECRET_JSON"
_DB_ADMIN_KEYS: Final = {"PGUSER": "username", "PGPASSWORD": "password"}
"""Environment variable of PostgreSQL's client -> key of the administrator's secret.

Source: https://www.postgresql.org/docs/current/libpq-envars.html"""

SECRETS: Final = (
    Secret(
        "db/admin",
        "Aurora administrator",
        Shape.DATABASE_ADMINISTRATOR,
        Maker.PROGRAM,
        (
            *(Consumer(workload, _DB_ADMIN) for workload in DATABASE_TASKS),
            *(
                Consumer(workload, variable, key, here=True)
                for workload in DATABASE_TASKS
                for variable, key in _DB_ADMIN_KEYS.items()
            ),
        ),
        readers_here=(Reader.CI_DEPLOY, Reader.CI_WORKLOADS),
        elsewhere=("Aurora master user",),
        recipe=DatabaseAccount("admin", "Aurora's administrator", user="postgres"),
    ),
    Secret(
        "backstage/db",
        "Backstage database user",
        Shape.USERNAME_PASSWORD,
        Maker.PROGRAM,
        (Consumer(Workload.BACKSTAGE_DB_BOOTSTRAP, "BACKSTAGE_DB_SECRET_JSON"),),
        recipe=DatabaseAccount("backstage", "Backstage's database user", user="backstage"),
    ),
    Secret(
        "backstage/database-url",
        "Backstage's database",
        Shape.POSTGRESQL_URL,
        Maker.PROGRAM,
        (Consumer(Workload.BACKSTAGE, "BACKSTAGE_DATABASE_URL"),),
        recipe=DatabaseUrl(
            "backstage",
            "Backstage",
            scheme="postgresql",
            database="backstage",
            # For this, the image must trust the certificate authority of RDS.
            parameters="sslmode=require",
            account="backstage/db",
        ),
    ),
    Secret(
        "backstage/session-secret",
        "Backstage's session signing key",
        Shape.SIGNING_KEY,
        Maker.PROGRAM,
        (Consumer(Workload.BACKSTAGE, "AUTH_SESSION_SECRET"),),
        recipe=RandomKey(),
    ),
    Secret(
        "github/pat/blog_data_ci",
        "shared GitHub token: catalogue discovery and the flows' repository",
        Shape.TOKEN,
        Maker.HAND,
        (Consumer(Workload.BACKSTAGE, "GITHUB_TOKEN"), Consumer(Workload.PREFECT_DEPLOYER)),
    ),
    Secret(
        "circleci/pat/backstage",
        "CircleCI token",
        Shape.TOKEN,
        Maker.HAND,
        (Consumer(Workload.BACKSTAGE, "CIRCLECI_AUTH_TOKEN"),),
    ),
    Secret(
        "prefect/database-url",
        "Prefect's database",
        Shape.ASYNCPG_URL,
        Maker.PROGRAM,
        (
            Consumer(Workload.PREFECT_API, "PREFECT_API_DATABASE_CONNECTION_URL"),
            Consumer(Workload.BACKSTAGE_DB_BOOTSTRAP, "PREFECT_DATABASE_URL", here=True),
        ),
        recipe=DatabaseUrl(
            "prefect",
            "Prefect",
            scheme="postgresql+asyncpg",
            database="prefect",
            parameters="ssl=require",
            user="prefect",
        ),
    ),
    Secret(
        "prefect/api-auth",
        "Prefect API credential",
        Shape.CREDENTIAL,
        Maker.HAND,
        (
            # Without it the server requires no credential: https://docs.prefect.io/v3/advanced/security-settings
            Consumer(Workload.PREFECT_API, "PREFECT_SERVER_API_AUTH_STRING"),
            Consumer(Workload.PREFECT_WORKER, "PREFECT_API_AUTH_STRING"),
            Consumer(Workload.PREFECT_DEPLOYER, "PREFECT_API_AUTH_STRING"),
        ),
        readers=(Reader.CI_DEPLOY,),
    ),
    Secret(
        "kinde/client-secret",
        "client secret of the sign-in through Kinde",
        Shape.OIDC_CLIENT_SECRET,
        Maker.HAND,
        readers=(Reader.CI_DEPLOY,),
        readers_here=(Reader.CI_WORKLOADS,),
        elsewhere=("load balancer, both hosts (read when a change is applied)",),
    ),
    Secret(
        "blog-data/neo4j/credentials",
        "Neo4j",
        Shape.NEO4J,
        Maker.HAND,
        (Consumer(Workload.PREFECT_WORKER),),
        readers=(Reader.ORK_PROCESSOR,),
        elsewhere=("blog front end",),
        shared=True,
    ),
    Secret(
        "blog-data/cloudinary/credentials",
        "Cloudinary",
        Shape.CLOUDINARY,
        Maker.HAND,
        (Consumer(Workload.PREFECT_WORKER),),
        readers=(Reader.ORK_PROCESSOR,),
        elsewhere=("blog front end",),
        shared=True,
    ),
)


class Bucket(StrEnum):
    """The data buckets. The value is the purpose of each, and the last part of the name of its parameter."""

    CACHE = "cache"
    RAW = "raw"
    CLEAN = "clean"
    DESIGN_FILES = "design-files"

    @property
    def purpose(self) -> str:
        """The part of the bucket's name between environment and suffix."""
        return f"blog-data-{self.value}"

    def name_in(self, names: Names) -> str:
        """Return the bucket's name in an environment."""
        return names.bucket(self.purpose)


EDGE_LOGS: Final = "edge-logs"
"""Purpose of the bucket to which the load balancer and CloudFront write their logs."""

ORK_FILES: Final = "ork-files"
"""Purpose of the queue that announces new `.ork` files."""


def bucket_names(names: Names) -> dict[str, str]:
    """Map the program's name for each bucket, which has no suffix, to the bucket's name in an environment."""
    purposes = (*(bucket.purpose for bucket in Bucket), EDGE_LOGS)
    return {names.resource(purpose): names.bucket(purpose) for purpose in purposes}


def secrets_made_by(maker: Maker) -> tuple[Secret, ...]:
    """Return the secrets of one maker."""
    return tuple(secret for secret in SECRETS if secret.maker is maker)


def secret_uses(workload: Workload, *, here: bool) -> Iterator[tuple[Secret, Consumer]]:
    """Yield the secrets that a workload uses, each with its use. `here` is whether the stack creates its workloads."""
    for secret in SECRETS:
        for consumer in secret.consumers:
            if consumer.workload is workload and (here or not consumer.here):
                yield secret, consumer


def workload_secrets(workload: Workload, *, here: bool, injected_only: bool = False) -> tuple[Secret, ...]:
    """Return the secrets that a workload uses, or only those that ECS injects as environment variables."""
    uses = secret_uses(workload, here=here)
    return tuple(dict.fromkeys(secret for secret, consumer in uses if consumer.variable or not injected_only))


def secrets_looked_up() -> tuple[Secret, ...]:
    """Return the secrets made by hand that ECS injects; each run of the program looks up their ARNs."""
    injected = {
        secret for workload in Workload for secret in workload_secrets(workload, here=False, injected_only=True)
    }
    return tuple(secret for secret in secrets_made_by(Maker.HAND) if secret in injected)


def secrets_read_by(reader: Reader, *, here: bool = False) -> tuple[Secret, ...]:
    """Return the secrets that a role outside ECS reads. `here` is whether the stack creates its workloads."""
    return tuple(secret for secret in SECRETS if reader in secret.everyone(here=here))
