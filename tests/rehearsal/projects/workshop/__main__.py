"""Nested components, unknowns, secrets, options, providers and a data source."""

import json
from typing import Any

import pulumi


class Thing(pulumi.CustomResource):
    """A resource of any type, with an `arn` that the provider computes."""

    arn: pulumi.Output[str]

    def __init__(
        self, type_: str, name: str, props: dict[str, Any], opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(type_, name, {**props, "arn": None}, opts)


class Provider(pulumi.ProviderResource):
    """An explicit provider."""

    def __init__(self, name: str, region: str) -> None:
        super().__init__("aws", name, {"region": region})


class Drawer(pulumi.ComponentResource):
    """The inner component."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions) -> None:
        super().__init__("workshop:index:Drawer", name, {}, opts)
        self.bucket = Thing("aws:s3/bucket:Bucket", name, {"bucket": f"rc-{name}"}, pulumi.ResourceOptions(parent=self))
        self.register_outputs({"bucketArn": self.bucket.arn})


class Bench(pulumi.ComponentResource):
    """The outer component."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("workshop:index:Bench", name, {}, opts)
        self.drawer = Drawer(f"{name}-drawer", pulumi.ResourceOptions(parent=self))
        self.register_outputs({})


config = pulumi.Config()
bench = Bench("bench", pulumi.ResourceOptions(protect=True))
secret = pulumi.runtime.invoke("aws:secretsmanager/getSecret:getSecret", {"name": "dev/workshop/key"}).value
Thing(
    "aws:ssm/parameter:Parameter",
    "settings",
    {
        "name": "/dev/workshop/settings",
        "type": "String",
        "value": json.dumps({"owner": config.require("owner"), "zones": config.require_object("zones")}),
        "replicas": config.require_int("replicas"),
    },
)
Thing(
    "aws:ssm/parameter:Parameter",
    "token",
    {
        "name": "/dev/workshop/token",
        "value": config.require_secret("token"),
        "nested": {"values": ["plain", config.require_secret("token")]},
    },
)
role = Thing(
    "aws:iam/role:Role",
    "reader",
    {
        "name": "dev-reader",
        "policy": bench.drawer.bucket.arn.apply(lambda arn: json.dumps({"Resource": arn})),
        "tags": {"bucket": bench.drawer.bucket.arn, "key": secret["arn"]},
    },
    pulumi.ResourceOptions(depends_on=[bench]),
)
abroad = Provider("virginia", "us-east-1")
Thing(
    "aws:acm/certificate:Certificate",
    "viewer",
    {"domainName": "x.example", "roleArn": role.arn},
    pulumi.ResourceOptions(provider=abroad, ignore_changes=["tags"]),
)
pulumi.export("roleArn", role.arn)
pulumi.export("token", config.require_secret("token"))
pulumi.export("bench", "open")
