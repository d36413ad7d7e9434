"""Names and ARNs. Nothing else in the program formats one.

Everything here is built from configuration, so that every name and every policy document is known at preview
(AWS: "Amazon Resource Names", https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Final, Literal, TypeAlias

VIEWER_REGION: Final = "us-east-1"
"""CloudFront accepts certificates from this region only:
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cnames-and-https-requirements.html"""

HostStyle: TypeAlias = Literal["suffix", "subdomain"]
"""How a host shows its environment: `portal-dev.example.com` or `portal.dev.example.com`.

Cloudflare's Universal SSL covers only the first:
https://developers.cloudflare.com/ssl/edge-certificates/universal-ssl/limitations/"""

ACCOUNT_ID: Final = "account-id"
"""The value of the setting `bucketSuffix` that stands for the account's id."""

Immutable: TypeAlias = Mapping[str, Mapping[str, Mapping[str, str]]]
"""Kind -> the program's name for the resource -> property -> its value (see components.immutable)."""


@dataclass(frozen=True)
class Names:
    """The names of one environment of a project in one account and region.

    >>> names = Names("acme-platform", environment="prod", account="123456789012", region="eu-central-1")
    >>> names.secret("backstage/db")
    'prod/backstage/db'
    >>> names.parameter("infra/park_mode")
    '/prod/infra/park_mode'
    """

    project: str
    """The project's name, as `Pulumi.yaml` has it."""
    environment: str
    account: str
    region: str
    partition: str = "aws"
    host_style: HostStyle = "suffix"
    bucket_suffix: str = ACCOUNT_ID
    given_role_path: str = ""
    """The path of roles and managed policies, if it isn't the program's own."""
    immutable: Immutable = field(default_factory=dict, hash=False)

    def fixed(self, kind: str, name: str, property_: str, otherwise: str) -> str:
        """Return a property that AWS can't change later: the value from the setting `immutable`, or else `otherwise`.

        >>> given = {"roles": {"prod-backstage-task": {"name": "backstage"}}}
        >>> names = Names("acme-platform", "prod", "123456789012", "eu-central-1", immutable=given)
        >>> names.fixed("roles", "prod-backstage-task", "name", "prod-backstage-task")
        'backstage'
        """
        return self.immutable.get(kind, {}).get(name, {}).get(property_, otherwise)

    def secret(self, path: str) -> str:
        """Return the name of a secret: `${environment}/service/thing`."""
        return f"{self.environment}/{path}"

    def parameter(self, path: str) -> str:
        """Return the name of a parameter: `/${environment}/namespace/resource`."""
        return f"/{self.environment}/{path}"

    def resource(self, *parts: str) -> str:
        """Return the name of anything else: `${environment}-part-part`.

        >>> Names("acme-platform", "dev", "123456789012", "eu-central-1").resource("backstage", "task")
        'dev-backstage-task'
        """
        return environment_name(self.environment, *parts)

    def replaceable(self, label: str, *fixed: str | int) -> str:
        """Return the name of a resource that AWS replaces if one of `fixed` changes: `${environment}-label-MARK`.

        The mark, four hexadecimal digits, follows from those values. So the replacement has another name, and can be
        created before the old resource is deleted. The resource also needs `delete_before_replace=False`: if the
        program gives the name, even a new one, the provider has the old resource deleted first
        (nameRequiresDeleteBeforeReplace in pkg/tfbridge/schema.go of pulumi/pulumi-terraform-bridge).

        >>> Names("acme-platform", "prod", "123456789012", "eu-central-1").replaceable("portal", 7007, "HTTP")
        'prod-portal-1c62'
        """
        mark = sha256("\n".join(map(str, fixed)).encode()).hexdigest()[:4]
        return self.resource(label, mark)

    @property
    def own_path(self) -> str:
        """The path that only this environment's roles and managed policies have."""
        return f"/{self.project}/{self.environment}/"

    @property
    def role_path(self) -> str:
        """The path of every role and managed policy."""
        return self.given_role_path or self.own_path

    def role(self, name: str) -> str:
        """Return the AWS name of one of this program's roles."""
        return self.fixed("roles", name, "name", name)

    def policy(self, name: str) -> str:
        """Return the AWS name of one of this program's managed policies."""
        return self.fixed("policies", name, "name", name)

    def role_arn(self, name: str) -> str:
        """Return the ARN of one of this program's roles, by the program's own name for it.

        >>> Names("acme-platform", "prod", "123456789012", "eu-central-1").role_arn("prod-backstage-task")
        'arn:aws:iam::123456789012:role/acme-platform/prod/prod-backstage-task'
        """
        return self._global_arn("iam", f"role{self.role_path}{self.role(name)}")

    def policy_arn(self, name: str) -> str:
        """Return the ARN of one of this program's managed policies, by the program's own name for it."""
        return self._global_arn("iam", f"policy{self.role_path}{self.policy(name)}")

    @property
    def role_arns(self) -> list[str]:
        """Patterns of the ARNs of this environment's roles.

        >>> Names("acme-platform", "prod", "123456789012", "eu-central-1", given_role_path="/").role_arns
        ['arn:aws:iam::123456789012:role/prod-*']
        """
        return self._iam_arns("role", "roles")

    @property
    def policy_arns(self) -> list[str]:
        """Patterns of the ARNs of this environment's managed policies."""
        return self._iam_arns("policy", "policies")

    def _iam_arns(self, service_kind: str, kind: str) -> list[str]:
        if self.role_path == self.own_path:
            return [self._global_arn("iam", f"{service_kind}{self.own_path}*")]
        # Others share this path, so the patterns match the environment's prefix and the names that don't have it.
        prefix = self.resource("")
        named = (given["name"] for given in self.immutable.get(kind, {}).values() if "name" in given)
        others = sorted(name for name in named if not name.startswith(prefix))
        return [self._global_arn("iam", f"{service_kind}{self.role_path}{name}") for name in (f"{prefix}*", *others)]

    @property
    def account_arn(self) -> str:
        """The account as a principal of a policy: every principal that its own IAM policies allow."""
        return self._global_arn("iam", "root")

    def oidc_provider_arn(self, issuer: str) -> str:
        """Return the ARN of an OIDC provider; `issuer` is its URL without `https://`."""
        return self._global_arn("iam", f"oidc-provider/{issuer}")

    def secret_arn_pattern(self, name: str) -> str:
        """Return the pattern of a secret's ARN, whose last six characters Secrets Manager chooses.

        It ends in `-??????` rather than `-*`, which would match longer names as well
        (https://docs.aws.amazon.com/secretsmanager/latest/userguide/auth-and-access_examples.html).

        >>> Names("acme-platform", "prod", "123456789012", "eu-central-1").secret_arn_pattern("prod/backstage/db")
        'arn:aws:secretsmanager:eu-central-1:123456789012:secret:prod/backstage/db-??????'
        """
        return self._arn("secretsmanager", f"secret:{name}-??????")

    def secret_arn(self, name_with_suffix: str) -> str:
        """Return the full ARN of a secret whose suffix is known.

        Without the suffix it is a partial ARN, which Secrets Manager and ECS resolve to the secret of that name, unless
        the name itself ends in a hyphen and six characters:
        https://docs.aws.amazon.com/secretsmanager/latest/userguide/troubleshoot.html
        """
        return self._arn("secretsmanager", f"secret:{name_with_suffix}")

    def image(self, repository: str, digest: str) -> str:
        """Return an image of the account's own registry, by its digest.

        >>> Names("acme-platform", "dev", "123456789012", "eu-central-1").image("prefect", "sha256:00")
        '123456789012.dkr.ecr.eu-central-1.amazonaws.com/prefect@sha256:00'
        """
        return f"{self.account}.dkr.{self.service_endpoint('ecr')}/{repository}@{digest}"

    @property
    def namespace(self) -> str:
        """The private DNS zone for connections between tasks: `${environment}.internal`."""
        return f"{self.environment}.internal"

    def parameter_arn(self, name: str) -> str:
        """Return the ARN of a parameter; its name starts with a slash.

        >>> Names("acme-platform", "prod", "123456789012", "eu-central-1").parameter_arn("/prod/infra/park_mode")
        'arn:aws:ssm:eu-central-1:123456789012:parameter/prod/infra/park_mode'
        """
        return self._arn("ssm", f"parameter{name}")

    def bucket(self, purpose: str) -> str:
        """Return the name of a bucket: `${environment}-purpose-SUFFIX`.

        Bucket names are unique across all accounts of a partition, so short names are likely to be taken.

        >>> Names("acme-platform", "prod", "123456789012", "eu-central-1").bucket("edge-logs")
        'prod-edge-logs-123456789012'
        >>> Names("acme-platform", "prod", "123456789012", "eu-central-1", bucket_suffix="").bucket("edge-logs")
        'prod-edge-logs'
        """
        suffix = self.account if self.bucket_suffix == ACCOUNT_ID else self.bucket_suffix
        name = self.resource(purpose)
        return self.fixed("buckets", name, "bucket", f"{name}-{suffix}" if suffix else name)

    def bucket_arn(self, bucket: str) -> str:
        """Return the ARN of a bucket."""
        return f"arn:{self.partition}:s3:::{bucket}"

    def objects_arn(self, bucket: str, pattern: str = "*") -> str:
        """Return the ARN of a bucket's objects, all of them or those whose key matches a pattern."""
        return f"{self.bucket_arn(bucket)}/{pattern}"

    def queue_arn(self, queue: str) -> str:
        """Return the ARN of an SQS queue."""
        return self._arn("sqs", queue)

    def alarm_arn(self, alarm: str) -> str:
        """Return the ARN of a CloudWatch alarm."""
        return self._arn("cloudwatch", f"alarm:{alarm}")

    def lambda_arn(self, resource: str) -> str:
        """Return the ARN of something in Lambda, such as `function:NAME`."""
        return self._arn("lambda", resource)

    def key_arn(self, key: str) -> str:
        """Return the ARN of a KMS key, by its id."""
        return self._arn("kms", f"key/{key}")

    def service_endpoint(self, service: str) -> str:
        """Return a service's endpoint in the region, as `kms:ViaService` names it.

        Source: https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service

        >>> Names("acme-platform", "prod", "123456789012", "eu-central-1").service_endpoint("s3")
        's3.eu-central-1.amazonaws.com'
        """
        end = "amazonaws.com.cn" if self.partition == "aws-cn" else "amazonaws.com"
        return f"{service}.{self.region}.{end}"

    def log_streams_arn(self, log_group: str) -> str:
        """Return the ARN of all streams of a log group; permission to write to the group needs this ARN."""
        return self._arn("logs", f"log-group:{log_group}:*")

    @property
    def log_deliveries_arn(self) -> str:
        """Pattern of `aws:SourceArn` when logs of this account and region are delivered."""
        return self._arn("logs", "*")

    def log_groups_arn(self, prefix: str) -> str:
        """Return the pattern of the ARNs of the log groups whose names begin with a prefix, and of their contents."""
        return self._arn("logs", f"log-group:{prefix}*")

    def repository_arn(self, repository: str) -> str:
        """Return the ARN of an ECR repository."""
        return self._arn("ecr", f"repository/{repository}")

    def cluster_arn(self, cluster: str) -> str:
        """Return the ARN of an ECS cluster."""
        return self._arn("ecs", f"cluster/{cluster}")

    def task_definition_arn(self, family: str, revision: str = "") -> str:
        """Return the ARN of a task definition: its latest revision, or a given one (`*` for any)."""
        return self._arn("ecs", f"task-definition/{family}" + (f":{revision}" if revision else ""))

    def tasks_arn(self, cluster: str) -> str:
        """Return the ARN of all tasks of a cluster."""
        return self._arn("ecs", f"task/{cluster}/*")

    def ecs_arn(self, resource: str) -> str:
        """Return the ARN of something in ECS, such as `service/CLUSTER/NAME`."""
        return self._arn("ecs", resource)

    def rds_arn(self, resource: str) -> str:
        """Return the ARN of something in RDS, such as `cluster:NAME`."""
        return self._arn("rds", resource)

    @property
    def global_clusters_arn(self) -> str:
        """The ARN of all global databases of the account."""
        return self._global_arn("rds", "global-cluster:*")

    def cloud_map_arn(self, resource: str) -> str:
        """Return the ARN of something in Cloud Map, such as `namespace/*`; AWS chooses its id."""
        return self._arn("servicediscovery", resource)

    @property
    def ecs_source_arn(self) -> str:
        """Pattern of `aws:SourceArn` when ECS assumes a role in this account and region."""
        return self._arn("ecs", "*")

    @property
    def load_balancers_arn(self) -> str:
        """Pattern of the ARNs of all load balancers of this account and region."""
        return self._arn("elasticloadbalancing", "loadbalancer/*")

    def load_balancing_arn(self, resource: str) -> str:
        """Return the ARN of a part of a load balancer, such as `targetgroup/NAME/*`; AWS chooses its last part."""
        return self._arn("elasticloadbalancing", resource)

    def ec2_arn(self, resource: str) -> str:
        """Return the ARN of something in EC2, such as `vpc/vpc-0a1b2c3d`."""
        return self._arn("ec2", resource)

    def cloudfront_arn(self, resource: str) -> str:
        """Return the ARN of something in CloudFront, such as `distribution/*`; AWS chooses its id."""
        return self._global_arn("cloudfront", resource)

    def web_acl_arn(self, resource: str) -> str:
        """Return the ARN of a web ACL or IP set for CloudFront."""
        return self._arn("wafv2", f"global/{resource}")

    @property
    def certificates_arn(self) -> str:
        """Pattern of the ARNs of all certificates of this account and region; AWS chooses their ids."""
        return self._arn("acm", "certificate/*")

    @property
    def delivery_sources_arn(self) -> str:
        """Pattern of the ARNs of this environment's log delivery sources."""
        return self._arn("logs", f"delivery-source:{self.environment}-*")

    @property
    def log_delivery_arns(self) -> list[str]:
        """Patterns of the ARNs of this environment's log deliveries; AWS chooses the ids of the deliveries."""
        return [
            self._arn("logs", "delivery:*"),
            self._arn("logs", f"delivery-destination:{self.environment}-*"),
            self.delivery_sources_arn,
        ]

    def in_region(self, region: str) -> Names:
        """Return the same names in another region."""
        return replace(self, region=region)

    def host(self, label: str, domain: str) -> str:
        """Return the host of an application; production's hosts don't show the environment.

        >>> Names("acme-platform", "prod", "123456789012", "eu-central-1").host("portal", "example.com")
        'portal.example.com'
        >>> Names("acme-platform", "dev", "123456789012", "eu-central-1").host("portal", "example.com")
        'portal-dev.example.com'
        """
        if self.environment == "prod":
            return f"{label}.{domain}"
        separator = "-" if self.host_style == "suffix" else "."
        return f"{label}{separator}{self.environment}.{domain}"

    def task_log_group(self, workload: str) -> str:
        """Return the log group of an ECS workload."""
        return f"/ecs/{self.environment}/{workload}"

    def tags(self, component: str) -> Mapping[str, str]:
        """Return the tags that every taggable resource has."""
        return {
            "Project": self.project,
            "Environment": self.environment,
            "Component": component,
            "ManagedBy": "pulumi",
        }

    def _arn(self, service: str, resource: str) -> str:
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"

    def _global_arn(self, service: str, resource: str) -> str:
        return f"arn:{self.partition}:{service}::{self.account}:{resource}"


def environment_name(environment: str, *parts: str) -> str:
    """Return the name of something in an environment, before account and region are known.

    >>> environment_name("dev", "services")
    'dev-services'
    """
    return "-".join((environment, *parts))


def function_log_group(function: str) -> str:
    """Return the log group of a Lambda function."""
    return f"/aws/lambda/{function}"


def database_log_group(cluster: str, log: str) -> str:
    """Return the log group of one of a database cluster's logs."""
    return f"/aws/rds/cluster/{cluster}/{log}"


def final_snapshot(cluster: str, generation: int) -> str:
    """Return the name of the snapshot that remains when a generation of a database cluster is deleted."""
    return f"{cluster}-g{generation}-final"
