"""Transforms of a resource, of its component, of the stack, and of look-ups."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws
from pulumi import (
    InvokeTransformArgs,
    InvokeTransformResult,
    ResourceOptions,
    ResourceTransform,
    ResourceTransformArgs,
    ResourceTransformResult,
)

PARAMETER = "aws:ssm/parameter:Parameter"


def described(word: str) -> ResourceTransform:
    """Return a transform that adds a word to a parameter's description."""

    def transform(args: ResourceTransformArgs) -> ResourceTransformResult | None:
        if args.type_ != PARAMETER:
            return None
        text = pulumi.Output.concat(args.props.get("description", ""), word)
        return ResourceTransformResult(props={**args.props, "description": text}, opts=args.opts)

    return transform


def protected(args: ResourceTransformArgs) -> ResourceTransformResult | None:
    if not args.name.startswith("kept"):
        return None
    options = ResourceOptions.merge(args.opts, ResourceOptions(protect=True, ignore_changes=["value"]))
    return ResourceTransformResult(props=args.props, opts=options)


async def shouted(args: InvokeTransformArgs) -> InvokeTransformResult:
    return InvokeTransformResult(args={**args.args, "name": str(args.args["name"]).upper()}, opts=args.opts)


class Shelf(pulumi.ComponentResource):
    def __init__(self, name: str, opts: ResourceOptions) -> None:
        super().__init__("workshop:index:Shelf", name, {}, opts)


pulumi.runtime.register_resource_transform(described("stack"))
pulumi.runtime.register_resource_transform(protected)
pulumi.runtime.register_invoke_transform(shouted)
shelf = Shelf("shelf", ResourceOptions(transforms=[described("shelf ")]))
bucket = aws.s3.Bucket("kept-bucket", bucket="rc-old")
looked_up = aws.secretsmanager.get_secret_output(name="looked-up")
aws.ssm.Parameter("plain", name="/a", type="String", value=bucket.arn, opts=ResourceOptions(parent=shelf))
aws.ssm.Parameter(
    "kept",
    name="/b",
    type="SecureString",
    value=pulumi.Output.secret("hidden"),
    tags={"bucket": bucket.arn, "known": "yes"},
    opts=ResourceOptions(parent=shelf, depends_on=[bucket], transforms=[described("own "), lambda args: None]),
)
aws.ssm.Parameter("untouched", name="/c", type="String", value=looked_up.arn)
