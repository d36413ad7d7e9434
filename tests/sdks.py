"""Loads what every plan loads, once, for the processes that are forked from here: half of a plan's time."""

import pulumi_aws as aws
import pulumi_cloudflare
from pulumi.runtime.proto import analyzer_pb2_grpc  # noqa: F401

import rehearsal.__main__
import rehearsal.monitor
import rehearsal.report  # noqa: F401

# The SDK loads a module when one of its names is first used.
_ = (
    aws.acm.Certificate,
    aws.cloudfront.Distribution,
    aws.cloudwatch.LogDelivery,
    aws.ec2.SecurityGroup,
    aws.iam.Role,
    aws.lb.ListenerRule,
    aws.s3.Bucket,
    aws.secretsmanager.Secret,
    aws.ssm.Parameter,
    aws.vpc.SecurityGroupIngressRule,
    aws.wafv2.WebAcl,
    pulumi_cloudflare.DnsRecord,
)
