"""The catalogue of parameters in Parameter Store, each declared once, like the secrets in `components.catalogue`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from components.catalogue import Bucket, Consumer, Reader, Workload
from components.naming import Names


@dataclass(frozen=True)
class Parameter:
    """A parameter in Parameter Store.

    `path` is the name without its environment. `accepted` lists the values of an enumeration. A `secret`
    parameter is a SecureString. ECS injects it into `consumers`; `workloads` read it themselves.
    """

    path: str
    purpose: str
    readers: tuple[Reader, ...] = ()
    workloads: tuple[Workload, ...] = ()
    consumers: tuple[Consumer, ...] = ()
    elsewhere: tuple[str, ...] = ()
    accepted: tuple[str, ...] = ()
    secret: bool = False

    def name(self, names: Names) -> str:
        """Return the parameter's name in an environment."""
        return names.parameter(self.path)

    @property
    def allowed_pattern(self) -> str | None:
        """The pattern with which Parameter Store checks new values, if the parameter is an enumeration."""
        return f"^({'|'.join(self.accepted)})$" if self.accepted else None


_CI: Final = (Reader.CI_PREVIEW, Reader.CI_DEPLOY)
_TRIGGER: Final = (Reader.CI_DEPLOYER_TRIGGER,)

HEADER_SECRET: Final = Parameter(
    "shared/cf_alb_secret",
    "header secret between CloudFront and the load balancer",
    readers=(Reader.CI_DEPLOY,),
    elsewhere=("load balancer and distributions",),
    secret=True,
)
PARK_MODE: Final = Parameter(
    "infra/park_mode", "whether the platform is parked", readers=_CI, accepted=("parked", "unparked")
)
DATABASE_RESTORE_MODE: Final = Parameter(
    "infra/database_restore_mode",
    "what a new database starts from",
    readers=_CI,
    accepted=("from_final_snapshot", "clean"),
)
BUCKET_PARAMETERS: Final = {
    bucket: Parameter(
        f"blog-data/buckets/{bucket}",
        f"name of the {bucket} bucket",
        readers=(Reader.ORK_PROCESSOR,) if bucket is Bucket.DESIGN_FILES else (),
        workloads=(Workload.PREFECT_WORKER,),
        elsewhere=("tooling",),
    )
    for bucket in Bucket
}
CLUSTER_ARN: Final = Parameter("prefect/deployer/cluster_arn", "cluster that the deployer runs on", readers=_TRIGGER)
TASK_DEFINITION_ARN: Final = Parameter(
    "prefect/deployer/task_definition_arn", "task definition of the deployer", readers=_TRIGGER
)
SUBNET_IDS: Final = Parameter(
    "prefect/deployer/subnet_ids", "private subnets of the deployer, comma-separated", readers=_TRIGGER
)
SECURITY_GROUP_ID: Final = Parameter(
    "prefect/deployer/security_group_id", "security group of the deployer", readers=_TRIGGER
)
LOAD_BALANCER_ARN: Final = Parameter(
    "backstage/load_balancer_arn",
    "load balancer that signs the identity of users",
    consumers=(Consumer(Workload.BACKSTAGE, "AUTH_AWSALB_SIGNER"),),
)
DATABASE_HOST: Final = Parameter(
    "infra/database_host",
    "host of the database",
    consumers=(
        Consumer(Workload.BACKSTAGE_DB_BOOTSTRAP, "PGHOST"),
        Consumer(Workload.BACKSTAGE_DB_INSPECT, "PGHOST"),
    ),
)
WIRING: Final = (LOAD_BALANCER_ARN, DATABASE_HOST)
"""Parameters of stacks that create their workloads. AWS chooses their values, so task definitions can't have them."""

PARAMETERS: Final = (
    HEADER_SECRET,
    *BUCKET_PARAMETERS.values(),
    PARK_MODE,
    DATABASE_RESTORE_MODE,
    CLUSTER_ARN,
    TASK_DEFINITION_ARN,
    SUBNET_IDS,
    SECURITY_GROUP_ID,
)


def injected_parameters(workload: Workload, *, here: bool) -> tuple[Parameter, ...]:
    """Return the parameters that ECS injects into a workload; none unless the stack creates its workloads (`here`)."""
    return tuple(
        parameter
        for parameter in (WIRING if here else ())
        for consumer in parameter.consumers
        if consumer.workload is workload
    )


def stack_parameters(*, here: bool) -> tuple[Parameter, ...]:
    """Return the parameters of a stack that creates its workloads (`here`), or of one that doesn't."""
    return (*PARAMETERS, *WIRING) if here else PARAMETERS


def workload_parameters(workload: Workload) -> tuple[Parameter, ...]:
    """Return the parameters that a workload reads."""
    return tuple(parameter for parameter in PARAMETERS if workload in parameter.workloads)


def parameters_read_by(reader: Reader) -> tuple[Parameter, ...]:
    """Return the parameters that a role outside ECS reads."""
    return tuple(parameter for parameter in PARAMETERS if reader in parameter.readers)
