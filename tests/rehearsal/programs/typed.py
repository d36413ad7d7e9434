"""The real SDK: computed properties are unknown, and optional ones stay absent."""

import json

import pulumi
import pulumi_aws as aws

abroad = aws.Provider("abroad", region="us-east-1", allowed_account_ids=["123456789012"])
key = aws.secretsmanager.get_secret_output(name="dev/x", opts=pulumi.InvokeOutputOptions(provider=abroad))
parameter = aws.ssm.Parameter("plain", name="/dev/plain", type="String", value=key.arn)
aws.ssm.Parameter(
    "derived", name="/dev/derived", type="String", value=parameter.arn.apply(lambda arn: json.dumps({"arn": arn}))
)
