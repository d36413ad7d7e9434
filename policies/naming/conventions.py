"""Names that follow a pattern with the environment in it, one rule for each kind of resource.

A missing name passes here, because `generated-name` reports it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from policies.naming.environment import AGREED, ENVIRONMENT, stack_environment
from policies.naming.physical_names import PHYSICAL_NAMES, resource_types, shown
from policies.rulebook import Finding, Judgement, Properties, Resource, Rules, Severity

RULES: Final = Rules()


@dataclass(frozen=True)
class Convention:
    """What a name has to look like.

    `pattern` is a regular expression for the whole name, and `shape` says the same to people; in both, `ENV` stands
    for the environment. `longest` is the length that AWS accepts. `reserved` is a regular expression that finds the
    beginnings and ends that AWS reserves.
    """

    pattern: str
    shape: str
    longest: int
    reserved: str = ""

    def problem(self, name: str, environment: str) -> str:
        """Return what is wrong with a name, empty if nothing is."""
        if len(name) > self.longest:
            return f"is {len(name)} characters long; AWS accepts {self.longest}"
        if not re.fullmatch(self.pattern.replace("ENV", re.escape(environment)), name):
            return f"isn't of the form {self.shape.replace('ENV', environment)}"
        if self.reserved and re.search(self.reserved, name):
            return "has a beginning or end that AWS reserves"
        return ""

    def judge(self, properties: Properties, path: str, judgement: Judgement) -> Iterator[Finding]:
        """Find what is wrong with the name at a path, if there is one at all."""
        name = properties.text_or_none(path)
        agreed = judgement.config.get("agreed", ())
        if name is not None and name not in agreed and (problem := self.problem(name, stack_environment(judgement))):
            yield Finding(f"`{properties.place(path)}` {shown(name)} {problem}.")

    def check(self, resource: Resource, judgement: Judgement) -> Iterator[Finding]:
        """Judge the physical name of a resource."""
        return self.judge(resource, PHYSICAL_NAMES[resource.type].property, judgement)


_WORDS: Final = "ENV(?:-[a-z0-9]+)+"
_EXAMPLE: Final = "`ENV-name`, lower-case letters and digits between single hyphens"


def _require(
    id_: str, convention: Convention, *kinds: str, title: str, source: str, severity: Severity = Severity.MEDIUM
) -> None:
    """Add the rule that names of some kinds of resources follow a convention."""
    RULES.resource(
        id_,
        title=title,
        remedy=f"Name it {convention.shape.replace('ENV', '${environment}')}.",
        source=source,
        severity=severity,
        types=resource_types(*kinds),
        config={**ENVIRONMENT, **AGREED},
    )(convention.check)


# Parameter Store accepts 15 levels, and 1,011 characters including the start of the ARN.
_require(
    "misnamed-parameter",
    Convention("/ENV(?:/[a-z0-9][a-z0-9_-]*){2,14}", "`/ENV/namespace/resource`, lower case", 1011),
    "parameter",
    title="Parameters are named /${environment}/namespace/resource.",
    source="https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-su-create.html",
    severity=Severity.HIGH,
)
_require(
    "misnamed-role",
    Convention("ENV(?:-[a-z0-9]+){2,}", "`ENV-service-purpose`, lower case", 64),
    "role",
    "instance profile",
    title="Roles are named ${environment}-service-purpose.",
    source="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html",
    severity=Severity.HIGH,
)
_require(
    "misnamed-bucket",
    Convention(
        _WORDS,
        f"{_EXAMPLE} and no dots",
        63,
        reserved=r"\A(?:xn--|sthree-|amzn-s3-demo-)|(?:-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)\Z|\A.{0,2}\Z",
    ),
    "bucket",
    title="Buckets are named ${environment}-purpose, without dots.",
    source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html",
    severity=Severity.HIGH,
)
_require(
    "misnamed-load-balancer",
    Convention(_WORDS, _EXAMPLE, 32, reserved=r"\Ainternal-"),
    "load balancer",
    "target group",
    "trust store",
    title="Load balancers, target groups and trust stores are named ${environment}-purpose, in at most 32 characters.",
    source="https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html",
)
_require(
    "misnamed-security-group",
    Convention(_WORDS, _EXAMPLE, 255, reserved=r"\Asg-"),
    "security group",
    title="Security groups are named ${environment}-purpose.",
    source="https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html",
)
_require(
    "misnamed-log-group",
    Convention(
        # AWS WAF writes only to log groups that begin with aws-waf-logs-.
        "/ecs/ENV(?:/[a-z0-9][a-z0-9_-]*)+|/aws/lambda/ENV(?:-[a-z0-9]+)+|aws-waf-logs-ENV(?:-[a-z0-9]+)+"
        "|/aws/rds/cluster/ENV(?:-[a-z0-9]+)+/[a-z-]+",
        "`/ecs/ENV/workload`, `/aws/lambda/ENV-function`, `/aws/rds/cluster/ENV-name/log` or `aws-waf-logs-ENV-name`",
        512,
    ),
    "log group",
    title="Log groups are named after the ECS workload, the function or the database that writes them.",
    source="https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html",
)
_require(
    "misnamed-ecs-resource",
    Convention(_WORDS, _EXAMPLE, 255),
    "cluster",
    "service",
    "task definition",
    "capacity provider",
    title="ECS clusters, services and task definition families are named ${environment}-name.",
    source="https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RegisterTaskDefinition.html",
)
_require(
    "misnamed-edge-policy",
    Convention(_WORDS, _EXAMPLE, 64),
    "response headers policy",
    "cache policy",
    "origin request policy",
    "origin access control",
    "CloudFront function",
    "CloudFront trust store",
    title="CloudFront policies, functions, access controls and trust stores are named ${environment}-purpose.",
    source="https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_ResponseHeadersPolicyConfig.html",
)
# 60 is the lowest of their limits, that of log deliveries; names of FIFO topics and queues end in .fifo.
_require(
    "misnamed-resource",
    Convention(rf"{_WORDS}(?:\.fifo)?", _EXAMPLE, 60),
    "log delivery source",
    "log delivery destination",
    "web ACL",
    "IP set",
    "rule group",
    "function",
    "table",
    "topic",
    "queue",
    "database cluster",
    "database instance",
    "database subnet group",
    "database parameters",
    "alarm",
    title="Functions, web ACLs, tables, queues, alarms, databases and log deliveries are named ${environment}-purpose.",
    source="https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html",
)
