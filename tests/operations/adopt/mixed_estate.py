"""An estate with one resource for every verdict, and the report on its adoption."""

from __future__ import annotations

from typing import Any

from operations.adopt import judging, report
from operations.adopt.map_file import Map
from operations.adopt.matching import Matcher
from operations.adopt.rehearsal import rehearse
from operations.adopt.report import Report
from operations.adopt.resources import PlannedResource, TerraformState
from stackfiles.json_type import Json
from tests.operations.adopt.engine_double import EngineDouble
from tests.operations.adopt.estates import ACCOUNT, REGION, ListedAccount, entry, listing_of, planned, state

ROLE = "aws:iam/role:Role"
SECRET = "aws:secretsmanager/secret:Secret"
BUCKET = "aws:s3/bucket:Bucket"
BUCKET_POLICY = "aws:s3/bucketPolicy:BucketPolicy"
RULE = "aws:lb/listenerRule:ListenerRule"
PARAMETER = "aws:ssm/parameter:Parameter"

LISTENER = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:listener/1"
HOSTS: Json = [{"hostHeader": {"values": ["portal.x.com"]}}]
TAGS = ("Component", "Environment", "ManagedBy", "Project")
LONG = "a long policy" * 20
PLAN: dict[str, PlannedResource] = {
    one.name: one
    for one in (
        planned(ROLE, "same", name="prod-same"),
        planned(ROLE, "replaced", name="prod-replaced", path="/platform/prod/"),
        planned(ROLE, "replaced-too", name="prod-replaced-too", path="/platform/prod/"),
        planned(ROLE, "in-place", name="prod-in-place", description="new"),
        planned(ROLE, "tags", name="prod-tags", tags=dict.fromkeys(TAGS, "pulumi"), tagsAll={}),
        planned(ROLE, "missing", name="prod-missing"),
        planned(SECRET, "state-only", name="prod/a", recoveryWindowInDays=30),
        planned(SECRET, "collides", name="prod/b"),
        planned(PARAMETER, "ambiguous", name="/prod/a"),
        planned(BUCKET, "created", bucket="prod-new"),
        planned(BUCKET, "filled-in", bucket="prod-filled-in", forceDestroy=False),
        planned(BUCKET_POLICY, "overwrites", bucket="prod-old", policy=f"{LONG}, new"),
        planned(RULE, "secret", listenerArn=LISTENER, priority=1, conditions=HOSTS, actions="[secret]"),
    )
}
DIFFERENCES: dict[str, dict[str, Any]] = {
    PLAN[name].urn: {"op": op, "before": before}
    for name, op, before in (
        ("replaced", "replace", {"path": "/"}),
        ("replaced-too", "replace", {"path": "/"}),
        ("in-place", "update", {"description": "old"}),
        ("tags", "update", {"tags": dict.fromkeys(TAGS, "terraform"), "tagsAll": {}}),
        ("filled-in", "update", {"forceDestroy": False}),
        ("state-only", "update", {"recoveryWindowInDays": None}),
        ("overwrites", "update", {"policy": f"{LONG}, old"}),
        ("secret", "update", {"actions": "[secret]"}),
    )
}


def secret_arn(name: str) -> str:
    return f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{name}-AAAAAA"


def terraform() -> TerraformState:
    roles = ("same", "replaced", "replaced-too", "in-place", "tags", "missing")
    return state(
        *(entry("aws_iam_role", name, {"name": f"prod-{name}"}, module="module.iam") for name in roles),
        entry("aws_secretsmanager_secret", "a", {"arn": secret_arn("prod/a"), "name": "prod/a"}),
        entry("aws_secretsmanager_secret_version", "a", {"secret_id": secret_arn("prod/a"), "secret_string": "canary"}),
        entry("aws_secretsmanager_secret_version", "other", {"secret_id": "arn:other", "secret_string": "canary"}),
        entry("aws_ssm_parameter", "a", {"name": "/prod/a"}),
        entry("aws_s3_bucket", "filled-in", {"bucket": "prod-filled-in"}),
        entry(
            "aws_lb_listener_rule",
            "portal",
            {
                "arn": "arn:rule",
                "priority": 1,
                "listener_arn": LISTENER,
                "condition": [{"host_header": [{"values": ["portal.x.com"]}]}],
            },
        ),
        entry("aws_ecs_service", "api", {"name": "api"}, dependencies=["module.iam.aws_iam_role.same", "aws_vpc.main"]),
        entry("aws_vpc", "main", {"id": "vpc-1"}),
    )


def mixed_report() -> Report:
    """The report on the estate."""
    read = terraform()
    listed = listing_of(read)
    live = ListedAccount(
        {
            **listed.listed,
            ROLE: [one for one in listed.listed[ROLE] if one["name"] != ("prod-missing",)],
            SECRET: [*listed.listed[SECRET], {"arn": (secret_arn("prod/b"),), "name": ("prod/b",)}],
            BUCKET_POLICY: [{"bucket": ("prod-old",)}],
        }
    )
    plan = [*PLAN.values(), planned(PARAMETER, "ambiguous-too", name="/prod/a")]
    engine = EngineDouble(plan, DIFFERENCES)
    rehearsal = rehearse(engine, Matcher(read, live, Map(), ACCOUNT, REGION, False))
    rows = judging.rows(rehearsal, read, "prod")
    return report.make(("platform", "prod"), (read.lineage, read.serial), "digest", rows, rehearsal)
