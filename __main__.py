"""The stack as a table of contents: secrets, data, roles, entry points, workloads. The parts are in `components`."""

import pulumi

from components import settings as stack_settings
from components.catalogue import Bucket, Maker, Reader, Workload, secrets_made_by
from components.circleci_access import CircleciAccess, CircleciAccessArgs
from components.container_environment import ContainerEnvironment, ContainerEnvironmentArgs
from components.guarded_role import GuardedRole
from components.iam_names import workload_boundary_name
from components.kept_differences import KeptDifferences
from components.managed_policy import ManagedPolicy, ManagedPolicyArgs
from components.ork_processor_role import ork_processor_role
from components.parameters import Parameters, ParametersArgs, parameter_values
from components.premises import Premises, PremisesArgs
from components.private_bucket import PrivateBucket, PrivateBucketArgs
from components.secret_containers import SecretContainers, SecretContainersArgs
from components.surroundings import given_surroundings
from components.way_in import WayIn, WayInArgs
from components.workload_permissions import boundary_statements
from components.workload_roles import WorkloadRoles, WorkloadRolesArgs
from components.workloads import Workloads, WorkloadsArgs

settings, names = stack_settings.load()
kept = KeptDifferences(settings.kept_differences)
production = names.environment == "prod"

secrets = SecretContainers(
    "secrets",
    SecretContainersArgs(names, secrets_made_by(Maker.PROGRAM), settings.secret_recovery_days, protect=production),
)

environment = ContainerEnvironment("container-environment", ContainerEnvironmentArgs(names, secrets.arns))

buckets = []
for bucket in Bucket:
    private = PrivateBucketArgs(names, bucket.name_in(names), "data", noncurrent_days=90, protect=production)
    buckets += [PrivateBucket(names.resource(bucket.purpose), private)]

premises = Premises("premises", PremisesArgs(names, settings)) if settings.here else None
surroundings = premises.surroundings if premises else given_surroundings(settings)
parameters = Parameters("parameters", ParametersArgs(names, parameter_values(names, settings, surroundings)))

boundary_name = workload_boundary_name(names)
boundary = ManagedPolicy(
    boundary_name,
    ManagedPolicyArgs(
        names, "The most that a workload of this environment may ever do", boundary_statements(names, settings)
    ),
)
bounded = pulumi.ResourceOptions(depends_on=[boundary])
workload_roles = {
    workload: WorkloadRoles(
        names.resource(workload), WorkloadRolesArgs(names, settings, workload, boundary_name), bounded
    )
    for workload in Workload
}
ork_processor = GuardedRole(
    names.resource(Reader.ORK_PROCESSOR), ork_processor_role(names, settings, boundary_name), bounded
)
way_in = WayIn(
    "way-in",
    WayInArgs(names, settings, surroundings, protect=production),
    # An internet-facing load balancer needs a VPC with an internet gateway.
    pulumi.ResourceOptions(depends_on=[premises.network] if premises else None),
)
circleci = CircleciAccess("circleci", CircleciAccessArgs(names, settings))
if premises:
    needed = [secrets, *buckets, *workload_roles.values(), ork_processor]
    Workloads("workloads", WorkloadsArgs(names, settings, premises, way_in, parameters, needed, production))
kept.require_resources()

pulumi.export("urls", way_in.urls)
pulumi.export("kindeCallbackUrls", way_in.callback_urls)
pulumi.export("loadBalancerArn", way_in.load_balancer.arn)
pulumi.export("roleArns", [*(arn for roles in workload_roles.values() for arn in roles.arns), ork_processor.arn])
pulumi.export("ciRoleArns", circleci.arns)
pulumi.export("dataBuckets", {bucket.value: bucket.name_in(names) for bucket in Bucket})
pulumi.export("containerEnvironment", environment.variables)
