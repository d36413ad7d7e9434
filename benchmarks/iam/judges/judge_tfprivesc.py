"""tfprivesc over a Terraform plan: a user and a role with the policies, in an account with a target for each rule.

It reports what a plan's principals can reach in the plan, so without targets it could find nothing. It names a
principal that may already do everything beside its findings, not as an escalation; here that counts as a finding.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from benchmarks.iam.judges import harness

_ACCOUNT = "123456789012"
_SERVICES = "appstream cloudformation codebuild codestar datapipeline ec2 glue lambda sagemaker".split()
_TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Principal": {
                "AWS": f"arn:aws:iam::{_ACCOUNT}:root",
                "Service": [f"{service}.amazonaws.com" for service in _SERVICES],
            },
            "Action": "sts:AssumeRole",
        },
    }
)
_EVERYTHING = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}})
_NOTHING = json.dumps(
    {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sts:GetCallerIdentity", "Resource": "*"}}
)

Entry = tuple[str, str, dict[str, str], dict[str, str]]
"""A resource: type, name, values, and the address to which each attribute refers."""


def load(_: str) -> harness.Judge:
    """Load tfprivesc and return its judge; there is one mode."""
    from tfprivesc import analyse_plan  # type: ignore[import-not-found,unused-ignore]

    def judge(document: dict[str, Any]) -> Sequence[str]:
        if document["kind"] not in ("identity", "bundle"):
            raise harness.NoVerdict
        result = analyse_plan(_plan([*_subject(document), *_targets(document["account"] or _ACCOUNT)]))
        privileged = [one for one in result["coverage"]["already_privileged"] if one.endswith(".subject")]
        return [*(finding["rule_id"] for finding in result["findings"]), *privileged]

    return judge


def _subject(document: dict[str, Any]) -> Iterator[Entry]:
    account = document["account"] or _ACCOUNT
    for kind in ("user", "role"):
        it = f"aws_iam_{kind}.subject"
        values = {"name": "subject", "arn": f"arn:aws:iam::{account}:{kind}/subject"}
        yield f"aws_iam_{kind}", "subject", values | ({"assume_role_policy": _TRUST} if kind == "role" else {}), {}
        for index, text in enumerate(document["texts"]):
            yield f"aws_iam_{kind}_policy", f"p{index}", {"policy": text}, {kind: it}
        for index, arn in enumerate(document["managed"]):
            yield f"aws_iam_{kind}_policy_attachment", f"m{index}", {"policy_arn": arn}, {kind: it}
        yield f"aws_iam_{kind}_policy_attachment", "own", {}, {kind: it, "policy_arn": "aws_iam_policy.own"}
    yield "aws_iam_user_group_membership", "it", {}, {"user": "aws_iam_user.subject", "groups": "aws_iam_group.team"}


def _targets(account: str) -> Iterator[Entry]:
    iam = f"arn:aws:iam::{account}"
    yield "aws_iam_policy", "own", {"name": "own", "arn": f"{iam}:policy/own", "policy": _NOTHING}, {}
    yield "aws_iam_group", "team", {"name": "team", "arn": f"{iam}:group/team"}, {}
    role = {"name": "target", "arn": f"{iam}:role/target", "assume_role_policy": _TRUST}
    yield "aws_iam_role", "target", role, {}
    for kind in ("user", "group"):
        yield f"aws_iam_{kind}", "target", {"name": "target", "arn": f"{iam}:{kind}/target"}, {}
    for kind in ("user", "group", "role"):
        yield f"aws_iam_{kind}_policy", "target", {"policy": _EVERYTHING}, {kind: f"aws_iam_{kind}.target"}
    yield "aws_iam_instance_profile", "target", {"name": "target"}, {"role": "aws_iam_role.target"}
    runs = f"eu-central-1:{account}"
    for kind, attribute, arn in (
        ("aws_lambda_function", "role", f"lambda:{runs}:function:target"),
        ("aws_glue_dev_endpoint", "role_arn", f"glue:{runs}:devEndpoint/target"),
        ("aws_sagemaker_notebook_instance", "role_arn", f"sagemaker:{runs}:notebook-instance/target"),
        ("aws_codebuild_project", "service_role", f"codebuild:{runs}:project/target"),
        ("aws_instance", "iam_instance_profile", f"ec2:{runs}:instance/i-0a1b2c3d"),
    ):
        target = "aws_iam_instance_profile.target" if kind == "aws_instance" else "aws_iam_role.target"
        yield kind, "target", {"name": "target", "arn": f"arn:aws:{arn}"}, {attribute: target}


def _plan(entries: Sequence[Entry]) -> dict[str, Any]:
    heads = [
        {"address": f"{kind}.{name}", "mode": "managed", "type": kind, "name": name} for kind, name, _, _ in entries
    ]
    return {
        "format_version": "1.2",
        "planned_values": {
            "root_module": {
                "resources": [
                    {**head, "values": values} for head, (_, _, values, _) in zip(heads, entries, strict=True)
                ]
            }
        },
        "configuration": {
            "root_module": {
                "resources": [
                    {**head, "expressions": {attribute: {"references": [to]} for attribute, to in refers.items()}}
                    for head, (_, _, _, refers) in zip(heads, entries, strict=True)
                ]
            }
        },
    }


harness.run(load)
