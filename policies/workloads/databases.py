"""Relational databases: private, encrypted, logged, without shared passwords, and hard to lose."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from policies.rulebook import Finding, Judgement, Resource, Rules, SecretText, Severity, Stack
from policies.rulebook.links import for_each, named_sources
from policies.rulebook.production import PRODUCTION, is_production
from policies.workloads.kinds import (
    CLUSTER_INSTANCE,
    CLUSTER_PARAMETERS,
    DATABASE_CLUSTER,
    DATABASE_INSTANCE,
    INSTANCE_PARAMETERS,
)

RULES: Final = Rules()

_CONTROLS: Final = "https://docs.aws.amazon.com/securityhub/latest/userguide/rds-controls.html"
_AURORA: Final = "https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/"

_STORED: Final = DATABASE_CLUSTER | DATABASE_INSTANCE
"""Types that hold data. A cluster's instances have the data of the cluster."""

_TLS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "aurora-postgresql": ("rds.force_ssl", ("1",)),
    "postgres": ("rds.force_ssl", ("1",)),
    "aurora-mysql": ("require_secure_transport", ("ON", "1")),
    "mysql": ("require_secure_transport", ("ON", "1")),
}
"""Engine -> the parameter that refuses connections without TLS, and the values that turn it on."""

_LOGS: Final[Mapping[str, str]] = {
    "aurora-postgresql": "postgresql",
    "postgres": "postgresql",
    "aurora-mysql": "error",
    "mysql": "error",
}
"""Engine -> the log with errors and refused connections."""


@RULES.resource(
    "public-database",
    title="Databases have no public address.",
    remedy="Set `publiclyAccessible` to false.",
    source=_CONTROLS + "#rds-2",
    severity=Severity.CRITICAL,
    types=_STORED | CLUSTER_INSTANCE,
)
def _public(database: Resource, _: Judgement) -> Iterator[Finding]:
    # An Aurora cluster leaves it to its instances. Without a value, an instance's default depends on its subnets.
    if database.flag("publiclyAccessible", default=database.type not in DATABASE_CLUSTER):
        yield Finding("`publiclyAccessible` isn't false.")


@RULES.resource(
    "unencrypted-database",
    title="Databases are encrypted on disk.",
    remedy="Set `storageEncrypted` to true. An existing database can't be changed: create a new one from an encrypted "
    "copy of a snapshot.",
    source=_CONTROLS + "#rds-27",
    severity=Severity.HIGH,
    types=_STORED,
)
def _unencrypted(database: Resource, _: Judgement) -> Iterator[Finding]:
    if not database.flag("storageEncrypted", default=False):
        yield Finding("`storageEncrypted` isn't true.")


@RULES.resource(
    "deletable-database",
    title="A production database can't be deleted by mistake, and leaves a snapshot when it is deleted.",
    remedy="Set `deletionProtection` and the option `protect` to true, and `deleteAutomatedBackups` and "
    "`skipFinalSnapshot` to false. To delete the database on purpose, add a waiver.",
    source=_CONTROLS + "#rds-7",
    severity=Severity.CRITICAL,
    types=_STORED,
    config=PRODUCTION,
)
def _deletable(database: Resource, judgement: Judgement) -> Iterator[Finding]:
    if not is_production(judgement):
        return
    if not database.flag("deletionProtection", default=False):
        yield Finding("`deletionProtection` isn't true.")
    if not database.protected:
        yield Finding("The option `protect` isn't set.")
    if database.flag("deleteAutomatedBackups", default=True):
        yield Finding("`deleteAutomatedBackups` isn't false, so its backups are deleted with it.")
    if database.flag("skipFinalSnapshot", default=False):
        yield Finding("`skipFinalSnapshot` isn't false.")


@RULES.resource(
    "replaceable-database",
    title="No update replaces a database, reverts an upgrade that AWS made, or deletes a protected database.",
    remedy="Ignore changes of `snapshotIdentifier` and `engineVersion`, which only matter when a cluster is created, "
    "and leave out `applyImmediately` where `deletionProtection` is off.",
    # See also internal/service/rds/cluster.go: it switches off a protection that somebody set by hand.
    source="https://github.com/hashicorp/terraform-provider-aws/issues/29409",
    severity=Severity.HIGH,
    types=DATABASE_CLUSTER,
)
def _replaceable(cluster: Resource, _: Judgement) -> Iterator[Finding]:
    for path, what in (
        ("snapshotIdentifier", "another snapshot replaces the cluster"),
        ("engineVersion", "an update would revert an upgrade that AWS made"),
    ):
        if path not in cluster.ignored_changes:
            yield Finding(f"Changes of `{path}` aren't ignored, so {what}.")
    if cluster.flag("applyImmediately", default=False) and not cluster.flag("deletionProtection", default=False):
        yield Finding(
            "`applyImmediately` is true without `deletionProtection`, so a deletion switches off a protection that was "
            "set by hand."
        )


@RULES.resource(
    "foreign-snapshot",
    title="A database starts empty, from the final snapshot of its own earlier generation, or from an agreed snapshot; "
    "each generation leaves a final snapshot of its own.",
    remedy="Name final snapshots `IDENTIFIER-gN-final`, where N is the number of the generation, and start from an "
    "earlier generation's. Any other snapshot may hold another environment's data: have the owners agree to it in the "
    "rule's configuration.",
    source=_AURORA + "aurora-restore-snapshot.html",
    severity=Severity.HIGH,
    types=_STORED,
    config={
        "agreed": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Names of other snapshots that a database may start from",
            "default": [],
        }
    },
)
def _foreign_snapshot(database: Resource, judgement: Judgement) -> Iterator[Finding]:
    own = database.text("clusterIdentifier" if database.type in DATABASE_CLUSTER else "identifier")
    generation, left = re.compile(rf"{re.escape(own)}-g(\d+)-final"), None
    if not database.flag("skipFinalSnapshot", default=False):
        left = generation.fullmatch(database.text("finalSnapshotIdentifier"))
        if not left:
            yield Finding(
                "`finalSnapshotIdentifier` doesn't name a generation of this database, and RDS accepts a name only "
                "once."
            )
    snapshot = database.text_or_none("snapshotIdentifier")
    if snapshot is None or snapshot in judgement.config["agreed"]:
        return
    before = generation.fullmatch(snapshot)
    if not before or (left and int(before[1]) >= int(left[1])):
        yield Finding("`snapshotIdentifier` isn't the final snapshot of an earlier generation of this database.")


@RULES.resource(
    "short-backups",
    title="Backups of databases are kept long enough.",
    remedy="Set `backupRetentionPeriod` to the number of days that the finding names, or more.",
    source=_CONTROLS + "#rds-11",
    severity=Severity.MEDIUM,
    types=_STORED,
    config={"days": {"type": "integer", "description": "Minimum of days that backups are kept", "default": 7}},
)
def _short_backups(database: Resource, judgement: Judgement) -> Iterator[Finding]:
    if database.number("backupRetentionPeriod", 1) < judgement.config["days"]:
        yield Finding(f"`backupRetentionPeriod` is below {judgement.config['days']:.0f} days.")


@RULES.stack(
    "database-without-tls",
    title="Databases refuse connections without TLS.",
    remedy="Give it a parameter group of this stack that sets `rds.force_ssl` to 1 (PostgreSQL) or "
    "`require_secure_transport` to ON (MySQL).",
    source=_AURORA + "AuroraPostgreSQL.Security.html",
    severity=Severity.HIGH,
)
@for_each(_STORED)
def _without_tls(stack: Stack, database: Resource, _: Judgement) -> Iterator[str]:
    engine = database.text("engine")
    if engine not in _TLS:
        yield f"The gate doesn't know how its engine refuses connections without TLS; accepted: {', '.join(_TLS)}."
        return
    parameter, values = _TLS[engine]
    groups = _parameter_groups(stack, database)
    if not groups:
        yield "This stack doesn't create its parameter group, so the gate can't tell what it refuses."
    for group in groups:
        given = {entry.text("name"): entry.text("value") for entry in group.parts("parameters")}
        if given.get(parameter) not in values:
            yield f"Its parameter group `{group.name}` doesn't set `{parameter}` to {values[0]}."


def _parameter_groups(stack: Stack, database: Resource) -> list[Resource]:
    cluster = database.type in DATABASE_CLUSTER
    path = "dbClusterParameterGroupName" if cluster else "parameterGroupName"
    types = CLUSTER_PARAMETERS if cluster else INSTANCE_PARAMETERS
    return named_sources(stack, database, path, types)


@RULES.resource(
    "database-not-logged",
    title="Databases send their logs to CloudWatch.",
    remedy="Name the engine's log in `enabledCloudwatchLogsExports`: `postgresql` or `error`.",
    source=_CONTROLS + "#rds-37",
    severity=Severity.MEDIUM,
    types=_STORED,
)
def _not_logged(database: Resource, _: Judgement) -> Iterator[Finding]:
    exports, engine = database.texts("enabledCloudwatchLogsExports"), database.text("engine")
    if not exports or _LOGS.get(engine, exports[0]) not in exports:
        yield Finding("`enabledCloudwatchLogsExports` lacks the engine's log.")


@RULES.resource(
    "untagged-snapshots",
    title="Snapshots carry the tags of their database.",
    remedy="Set `copyTagsToSnapshot` to true.",
    source=_CONTROLS + "#rds-16",
    severity=Severity.LOW,
    types=_STORED,
)
def _untagged(database: Resource, _: Judgement) -> Iterator[Finding]:
    if not database.flag("copyTagsToSnapshot", default=False):
        yield Finding("`copyTagsToSnapshot` isn't true.")


@RULES.resource(
    "database-without-iam-sign-in",
    title="People can sign in to databases with IAM instead of a shared password.",
    remedy="Set `iamDatabaseAuthenticationEnabled` to true.",
    source=_CONTROLS + "#rds-12",
    severity=Severity.MEDIUM,
    types=_STORED,
)
def _without_iam(database: Resource, _: Judgement) -> Iterator[Finding]:
    if not database.flag("iamDatabaseAuthenticationEnabled", default=False):
        yield Finding("`iamDatabaseAuthenticationEnabled` isn't true.")


@RULES.resource(
    "database-without-upgrades",
    title="Databases get minor versions of their engine automatically, which fix security faults.",
    remedy="Set `autoMinorVersionUpgrade` to true, on a cluster and on each of its instances.",
    source=_CONTROLS + "#rds-35",
    severity=Severity.MEDIUM,
    types=_STORED | CLUSTER_INSTANCE,
)
def _without_upgrades(database: Resource, _: Judgement) -> Iterator[Finding]:
    # The provider's default is true for instances; for clusters there is none, and AWS decides.
    if not database.flag("autoMinorVersionUpgrade", default=database.type not in DATABASE_CLUSTER):
        yield Finding("`autoMinorVersionUpgrade` isn't true.")


@RULES.resource(
    "default-administrator",
    title="The administrator of a database doesn't have a name that attackers try first.",
    remedy="Choose another `masterUsername`. It can't be changed later without a new database.",
    source=_CONTROLS + "#rds-24",
    severity=Severity.LOW,
    types=_STORED,
    config={
        "refused": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Names that attackers try first",
            "default": ["admin", "administrator", "master", "postgres", "root", "user"],
        }
    },
)
def _default_administrator(database: Resource, judgement: Judgement) -> Iterator[Finding]:
    if database.text("masterUsername").lower() in judgement.config["refused"]:
        yield Finding("`masterUsername` is a name that attackers try first.")


@RULES.resource(
    "plain-database-password",
    title="The administrator's password is readable neither in the program nor in the state.",
    remedy="Pass it as `masterPasswordWo`, wrapped in `pulumi.Output.secret`, or have RDS manage it.",
    source="https://www.pulumi.com/docs/iac/concepts/resources/write-only-fields/",
    severity=Severity.CRITICAL,
    types=_STORED,
)
def _plain_password(database: Resource, _: Judgement) -> Iterator[Finding]:
    kept = "masterPassword" if database.type in DATABASE_CLUSTER else "password"
    written = f"{kept}Wo"
    if database.get(kept) is not None:
        yield Finding(f"`{kept}` is stored in the state's inputs and outputs.")
    if database.get(written) is not None and not isinstance(database.text(written), SecretText):
        yield Finding(f"`{written}` isn't a Pulumi secret.")
