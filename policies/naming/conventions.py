"""Names that follow a pattern with the environment in it, one rule for each kind of resource.

A name that is missing altogether is the business of `generated-name`, so that one fault is reported once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from policies.naming.environment import ENVIRONMENT, environment_of
from policies.naming.physical_names import PHYSICAL_NAMES, shown, types_of
from policies.rulebook import Finding, Judgement, Resource, Rule, Severity


@dataclass(frozen=True)
class Convention:
    """What a name has to look like.

    `pattern` is a regular expression for the whole name; in it and in `shape`, which says the same to people,
    `ENV` stands for the environment. `longest` is what AWS takes. `reserved` are the beginnings and ends that AWS
    keeps for itself, as a regular expression that is searched for.
    """

    pattern: str
    shape: str
    longest: int
    reserved: str = ""

    def problem(self, name: str, environment: str) -> str:
        """Return what is wrong with a name, empty if nothing is."""
        if len(name) > self.longest:
            return f"is {len(name)} characters long; AWS takes {self.longest}"
        if not re.fullmatch(self.pattern.replace("ENV", re.escape(environment)), name):
            return f"isn't of the form {self.shape.replace('ENV', environment)}"
        if self.reserved and re.search(self.reserved, name):
            return "has a beginning or an end that AWS reserves"
        return ""

    def judge(self, resource: Resource, judgement: Judgement, property_: str) -> Iterator[Finding]:
        """Find what is wrong with the name in a property, if the resource has it at all."""
        name = resource.text_or_none(property_)
        if name is not None and (problem := self.problem(name, environment_of(judgement))):
            yield Finding(f"`{property_}` {shown(name)} {problem}.")


_WORDS: Final = "ENV(?:-[a-z0-9]+)+"
_EXAMPLE: Final = "`ENV-name`, lower-case letters and digits between single hyphens"


def _rule(
    id_: str, kinds: tuple[str, ...], title: str, convention: Convention, source: str, severity: Severity
) -> Rule:
    def check(resource: Resource, judgement: Judgement) -> Iterator[Finding]:
        return convention.judge(resource, judgement, PHYSICAL_NAMES[resource.type].property)

    return Rule(
        id=id_,
        title=title,
        remedy=f"Name it {convention.shape.replace('ENV', '${environment}')}.",
        source=source,
        severity=severity,
        check=check,
        types=types_of(*kinds),
        config=ENVIRONMENT,
    )


RULES: Final = (
    _rule(
        "misnamed-parameter",
        ("parameter",),
        "Parameters are named /${environment}/namespace/resource.",
        # Parameter Store takes 15 levels and, with the ARN before it, 1,011 characters.
        Convention("/ENV(?:/[a-z0-9][a-z0-9_-]*){2,14}", "`/ENV/namespace/resource`, lower case", 1011),
        "https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-su-create.html",
        Severity.HIGH,
    ),
    _rule(
        "misnamed-role",
        ("role", "instance profile"),
        "Roles are named ${environment}-service-purpose.",
        Convention("ENV(?:-[a-z0-9]+){2,}", "`ENV-service-purpose`, lower case", 64),
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html",
        Severity.HIGH,
    ),
    _rule(
        "misnamed-bucket",
        ("bucket",),
        "Buckets are named ${environment}-purpose, without dots.",
        Convention(
            _WORDS,
            f"{_EXAMPLE} and no dots",
            63,
            reserved=r"\A(?:xn--|sthree-|amzn-s3-demo-)|(?:-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)\Z|\A.{0,2}\Z",
        ),
        "https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html",
        Severity.HIGH,
    ),
    _rule(
        "misnamed-load-balancer",
        ("load balancer", "target group", "trust store"),
        "Load balancers and target groups are named ${environment}-purpose, in 32 characters.",
        Convention(_WORDS, _EXAMPLE, 32, reserved=r"\Ainternal-"),
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html",
        Severity.MEDIUM,
    ),
    _rule(
        "misnamed-security-group",
        ("security group",),
        "Security groups are named ${environment}-purpose.",
        Convention(_WORDS, _EXAMPLE, 255, reserved=r"\Asg-"),
        "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html",
        Severity.MEDIUM,
    ),
    _rule(
        "misnamed-log-group",
        ("log group",),
        "Log groups are named after the ECS workload or the function that writes them.",
        Convention(
            # AWS WAF writes only to log groups that begin with aws-waf-logs-.
            "/ecs/ENV(?:/[a-z0-9][a-z0-9_-]*)+|/aws/lambda/ENV(?:-[a-z0-9]+)+|aws-waf-logs-ENV(?:-[a-z0-9]+)+",
            "`/ecs/ENV/workload`, `/aws/lambda/ENV-function` or `aws-waf-logs-ENV-name`",
            512,
        ),
        "https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html",
        Severity.MEDIUM,
    ),
    _rule(
        "misnamed-ecs-resource",
        ("cluster", "service", "task definition", "capacity provider"),
        "ECS clusters, services and task definition families are named ${environment}-name.",
        Convention(_WORDS, _EXAMPLE, 255),
        "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RegisterTaskDefinition.html",
        Severity.MEDIUM,
    ),
    _rule(
        "misnamed-edge-policy",
        (
            "response headers policy",
            "cache policy",
            "origin request policy",
            "origin access control",
            "CloudFront function",
            "CloudFront trust store",
        ),
        "What distributions refer to (headers policies, functions, ...) is named ${environment}-purpose.",
        Convention(_WORDS, _EXAMPLE, 64),
        "https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_ResponseHeadersPolicyConfig.html",
        Severity.MEDIUM,
    ),
    _rule(
        "misnamed-resource",
        (
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
        ),
        "Functions, web ACLs, tables, queues, databases and log deliveries are named ${environment}-purpose.",
        # 60 is the shortest of their limits (log deliveries); FIFO topics and queues end in .fifo.
        Convention(rf"{_WORDS}(?:\.fifo)?", _EXAMPLE, 60),
        "https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html",
        Severity.MEDIUM,
    ),
)
