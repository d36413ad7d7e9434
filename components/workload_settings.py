"""Settings about network, cluster, services, database and function, which this program creates or others do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel
from pydantic.alias_generators import to_camel

from components import settings_shapes as shapes
from components.naming import environment_name, final_snapshot

HERE: Final = "here"
_GIVEN: Final = (
    *("vpc_id", "public_subnet_ids", "private_subnet_ids"),
    *("backstage_security_group_id", "prefect_security_group_id", "deployer_security_group_id"),
)
_NAMED: Final = {
    "cluster": ("services",),
    "deployer_task_family": ("prefect-deployer",),
    "ork_function": ("ork-processor",),
}
ELSEWHERE_KEYS: Final = tuple(map(to_camel, (*_GIVEN, *_NAMED)))
"""Keys that name what others created: required with `workloads: elsewhere`, refused with `workloads: here`."""
_HERE_KEYS: Final = (
    *("backstageImageDigest", "prefectImageDigest", "postgresqlImageDigest"),
    *("backstageSessionSecret", "databaseSnapshot", "alarmTopicArn"),
    *("orkCodeBucket", "orkCodeKey", "orkCodeVersion", "orkCodeHash", "orkImageDigest"),
)
"""Keys without a default that apply only with `workloads: here`."""


def _require_between(lowest: int, highest: int) -> AfterValidator:
    def require(value: int) -> int:
        if not lowest <= value <= highest:
            raise ValueError(f"accepted: {lowest} to {highest}")
        return value

    return AfterValidator(require)


def _require_two(values: tuple[str, ...]) -> tuple[str, ...]:
    if len(values) != 2 or values[0] == values[1]:
        raise ValueError("accepted: two different letters, such as [a, b]")
    return values


# RFC 1918; a VPC has at most 65,536 addresses: https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html
_NETWORK: Final = shapes.Shape(
    r"(?:10\.(?:\d|[1-9]\d|1\d\d|2[0-4]\d|25[0-5])|172\.(?:1[6-9]|2\d|3[01])|192\.168)\.0\.0/16",
    "a private block of 65,536 addresses, such as 10.20.0.0/16",
)
_DIGEST: Final = shapes.Shape(r"sha256:[0-9a-f]{64}", "an image's digest, sha256: and 64 hexadecimal digits")
_ZONE: Final = shapes.Shape(r"[a-z]", "the letters of two availability zones, such as [a, b]")
_SESSION_SECRET: Final = shapes.Shape(
    r"[a-z0-9-]+/backstage/session-secret-[A-Za-z0-9]{6}",
    "the secret's name with the six characters that end its ARN, such as prod/backstage/session-secret-2pS4d3",
)
# https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-serverless-v2.setting-capacity.html
_CAPACITY: Final = shapes.Shape(
    r"(?:\d|[1-9]\d|1\d\d|2[0-4]\d|25[0-5])(?:\.[05])?|256(?:\.0)?", "Aurora capacity units, 0 to 256 in steps of 0.5"
)
_ENGINE_VERSION: Final = shapes.Shape(r"1[6-9]\.\d{1,2}", "a whole version of Aurora PostgreSQL, such as 17.10")
# The names that attackers try first are refused, as the control RDS.24 of AWS Security Hub requires.
_ADMINISTRATOR: Final = shapes.Shape(
    r"(?!(?:admin|postgres|rdsadmin)$)[a-z][a-z0-9]{0,15}",
    "1 to 16 lower-case letters and digits, a letter first, and not admin or postgres",
)
_SNAPSHOT: Final = shapes.Shape(
    r"(?!.*--)[A-Za-z][A-Za-z0-9-]{0,253}[A-Za-z0-9]", "the name of a snapshot of a database cluster"
)

_KEY: Final = shapes.Shape(r"[\w!.*'()/-]{1,1024}", "the key of an object, such as ork-processor.zip")
_VERSION: Final = shapes.Shape(r"[\w.-]{1,1024}", "the id of an object's version, as S3 gives it")
_HASH: Final = shapes.Shape(r"[A-Za-z0-9+/]{43}=", "the archive's SHA-256 in Base64, 44 characters")
_HANDLER: Final = shapes.Shape(r"[^\s]{1,128}", "the function within the archive, such as handler.handle")
_RUNTIME: Final = shapes.Shape(r"[a-z]+[0-9a-z.]*", "a runtime of Lambda, such as python3.13")
_TOPIC: Final = shapes.Shape(
    r"arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[\w-]{1,256}", "the ARN of an SNS topic, which alarms are sent to"
)

ImageDigest = Annotated[str, AfterValidator(_DIGEST)]
ZoneLetter = Annotated[str, AfterValidator(_ZONE)]
Capacity = Annotated[str, AfterValidator(_CAPACITY)]


class WorkloadSettings(BaseModel):
    """The settings about the workloads.

    With `workloads: elsewhere` others create network, cluster, services, database and function, and the settings name
    them. With `here` the program creates them: their names follow from the environment, and ids aren't accepted.
    """

    model_config = shapes.MODEL

    workloads: Literal["elsewhere", "here"]
    park_mode: Literal["parked", "unparked"]

    vpc_id: shapes.VpcId = ""
    public_subnet_ids: shapes.SubnetIds = ()
    private_subnet_ids: shapes.SubnetIds = ()
    backstage_security_group_id: shapes.SecurityGroupId = ""
    prefect_security_group_id: shapes.SecurityGroupId = ""
    deployer_security_group_id: shapes.SecurityGroupId = ""
    cluster: shapes.ResourceName = ""
    deployer_task_family: shapes.ResourceName = ""
    ork_function: shapes.ResourceName = ""
    backstage_repository: shapes.RepositoryName
    prefect_repository: shapes.RepositoryName
    postgresql_repository: shapes.RepositoryName

    vpc_cidr: Annotated[str, AfterValidator(_NETWORK)]
    zones: Annotated[tuple[ZoneLetter, ...], AfterValidator(_require_two)]
    nat_gateways: Annotated[int, _require_between(1, 2)]
    cpu_architecture: Literal["X86_64", "ARM64"]
    backstage_image_digest: ImageDigest | None = None
    prefect_image_digest: ImageDigest | None = None
    postgresql_image_digest: ImageDigest | None = None
    backstage_session_secret: (
        Annotated[str, AfterValidator(_SESSION_SECRET), AfterValidator(shapes.require_own_environment)] | None
    ) = None
    secrets_revision: Annotated[int, _require_between(1, 1_000_000)]

    ork_code_bucket: shapes.BucketName | None = None
    ork_code_key: Annotated[str, AfterValidator(_KEY)] | None = None
    ork_code_version: Annotated[str, AfterValidator(_VERSION)] | None = None
    ork_code_hash: Annotated[str, AfterValidator(_HASH)] | None = None
    ork_handler: Annotated[str, AfterValidator(_HANDLER)]
    ork_runtime: Annotated[str, AfterValidator(_RUNTIME)]
    ork_repository: shapes.RepositoryName
    ork_image_digest: ImageDigest | None = None
    alarm_topic_arn: Annotated[str, AfterValidator(_TOPIC)] | None = None

    database_generation: Annotated[int, _require_between(0, 9999)]
    database_engine_version: Annotated[str, AfterValidator(_ENGINE_VERSION)]
    database_administrator: Annotated[str, AfterValidator(_ADMINISTRATOR)]
    database_minimum_capacity: Capacity
    database_maximum_capacity: Capacity
    database_deletable: bool
    database_snapshot: Annotated[str, AfterValidator(_SNAPSHOT)] | None = None
    database_restore_mode: Literal["from_final_snapshot", "clean"]
    database_when_parked: Literal["paused", "deleted"]

    @property
    def here(self) -> bool:
        """Whether this program creates the workloads."""
        return self.workloads == HERE

    @property
    def ork_code(self) -> str:
        """Where the code of the `.ork` processor is; empty until the settings say so."""
        return self.ork_code_bucket or self.ork_image_digest or ""

    @property
    def parked(self) -> bool:
        """Whether the platform is parked: only the load balancer costs by the hour."""
        return self.park_mode == "parked"

    @property
    def has_database(self) -> bool:
        """Whether a database should exist now; one that is deleted while parked leaves its generation's snapshot."""
        return bool(self.database_generation) and not (self.parked and self.database_when_parked == "deleted")

    def start_snapshot(self, cluster: str) -> str | None:
        """Return the snapshot from which a new database with this cluster name starts; None for an empty database."""
        if self.database_restore_mode == "clean":
            return None
        return self.database_snapshot or final_snapshot(cluster, self.database_generation - 1)


def completed(given: Mapping[str, Any], environment: str) -> dict[str, Any]:
    """Return the given values, by key, and with `workloads: here` also the names that follow from the environment.

    Empty texts and lists count as missing, like the defaults in `Pulumi.yaml`.

    >>> completed({"workloads": "here", "vpcId": ""}, "dev")["cluster"]
    'dev-services'
    """
    said = {key: value for key, value in given.items() if key not in ELSEWHERE_KEYS or value not in ("", [])}
    if said.get("workloads") == HERE:
        said |= {to_camel(key): environment_name(environment, *parts) for key, parts in _NAMED.items()}
    return said


def misplaced_keys(given: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Return the problems with keys for the other value of `workloads`, and the keys that are missing for this one."""
    said = {key for key, value in given.items() if value not in ("", [])}
    if given.get("workloads") == HERE:
        refused = [key for key in ELSEWHERE_KEYS if key in said]
        problem = "the stack creates this itself; leave it empty, or set workloads `elsewhere`"
        return [f"{key}: {problem}" for key in refused], []
    refused = [key for key in _HERE_KEYS if key in said]
    return (
        [f"{key}: applies only with workloads `here`; leave it empty, or set workloads `here`" for key in refused],
        [key for key in ELSEWHERE_KEYS if key not in said],
    )


def contradictions(settings: WorkloadSettings) -> list[str]:
    """Describe the problems of values about the workloads that don't fit together."""
    if not settings.here:
        return []
    services = {
        "backstageImageDigest": settings.backstage_image_digest,
        "prefectImageDigest": settings.prefect_image_digest,
        "backstageSessionSecret": settings.backstage_session_secret,
    }
    archive = {
        "orkCodeBucket": settings.ork_code_bucket,
        "orkCodeKey": settings.ork_code_key,
        "orkCodeVersion": settings.ork_code_version,
        "orkCodeHash": settings.ork_code_hash,
    }
    problems = _incomplete(services, "all three, once `fill-secrets` has run, or none")
    problems += _incomplete(archive, "all four, or none")
    if any(services.values()) and not settings.database_generation:
        problems.append("databaseGeneration: `0` means no database, but the services need one; accepted: 1 or more")
    if any(archive.values()) and settings.ork_image_digest:
        problems.append(
            f"orkImageDigest: can't be combined with {_set_keys(archive)}; accepted: an image or an archive"
        )
    lowest, highest = float(settings.database_minimum_capacity), float(settings.database_maximum_capacity)
    if not max(1.0, lowest) <= highest:
        problems.append(
            f"databaseMaximumCapacity: `{settings.database_maximum_capacity}` is too low; accepted: 1 or more, and at "
            "least databaseMinimumCapacity"
        )
    if settings.database_generation and not settings.has_database and not settings.database_deletable:
        problems.append(
            "databaseWhenParked: `deleted` needs databaseDeletable `true`, applied before parkMode becomes `parked`; "
            "accepted: both, or `paused`"
        )
    return problems + _snapshot_contradictions(settings)


def _set_keys(values: Mapping[str, str | None]) -> str:
    return ", ".join(sorted(key for key, value in values.items() if value))


def _incomplete(values: Mapping[str, str | None], accepted: str) -> list[str]:
    """Describe the missing ones of some keys that belong together."""
    said = _set_keys(values)
    return [
        f"{key}: is missing, but set: {said}; accepted: {accepted}"
        for key, value in values.items()
        if said and not value
    ]


def _snapshot_contradictions(settings: WorkloadSettings) -> list[str]:
    """Describe the problem with a new database's start; generation 1 has no generation before it."""
    first = settings.database_generation == 1
    restores = settings.database_restore_mode == "from_final_snapshot"
    if settings.database_snapshot and not (first and restores):
        return [
            "databaseSnapshot: applies only to generation 1; accepted: nothing, or databaseGeneration `1` with "
            "databaseRestoreMode `from_final_snapshot`"
        ]
    if first and restores and not settings.database_snapshot:
        return [
            "databaseRestoreMode: `from_final_snapshot` needs a snapshot, and generation 1 has none before it; "
            "accepted: `clean`, or databaseSnapshot with the name of a snapshot"
        ]
    return []
