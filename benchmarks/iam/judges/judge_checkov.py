"""Checkov's IAM checks over a Terraform plan, one document at a time."""

from __future__ import annotations

import itertools
import json
import logging
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.iam.judges import harness
from benchmarks.iam.judges.checkov_rules import OF_PLANS

_RESOURCES = {
    "s3": ("aws_s3_bucket_policy", "policy"),
    "kms": ("aws_kms_key", "policy"),
    "secretsmanager": ("aws_secretsmanager_secret_policy", "policy"),
    "sqs": ("aws_sqs_queue_policy", "policy"),
    "sns": ("aws_sns_topic_policy", "policy"),
    "ecr": ("aws_ecr_repository_policy", "policy"),
}


def load(_: str) -> harness.Judge:
    """Load Checkov and return its judge; there is one mode."""
    from checkov.runner_filter import RunnerFilter  # type: ignore[import-not-found,unused-ignore]
    from checkov.terraform.plan_runner import Runner  # type: ignore[import-not-found,unused-ignore]

    logging.disable(logging.CRITICAL)
    runner_filter = RunnerFilter(checks=[*OF_PLANS])

    def judge(document: dict[str, Any]) -> Sequence[str]:
        resources = _resources(document)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "plan.json"
            path.write_text(json.dumps(_plan(resources)), encoding="utf-8")
            report = Runner().run(root_folder=None, files=[str(path)], runner_filter=runner_filter)
        return [record.check_id for record in report.failed_checks]

    judge(_WARM_UP)
    return judge


_WARM_UP = {
    "kind": "identity",
    "managed": [],
    "texts": [json.dumps({"Version": "2012-10-17", "Statement": []})],
}


_numbers = itertools.count()
"""Checkov caches what it read by a resource's address, so each document needs its own address."""


def _resources(document: dict[str, Any]) -> list[dict[str, Any]]:
    texts = document["texts"]
    if document["kind"] == "trust":
        return [_resource("aws_iam_role", 0, name="role", assume_role_policy=texts[0])]
    if document["kind"] == "resource":
        if document["on"] not in _RESOURCES:
            raise harness.NoVerdict
        kind, attribute = _RESOURCES[document["on"]]
        return [_resource(kind, 0, **{attribute: texts[0]})]
    return [
        *(_resource("aws_iam_policy", index, name="policy", policy=text) for index, text in enumerate(texts)),
        *(
            _resource("aws_iam_role_policy_attachment", index, role="role", policy_arn=arn)
            for index, arn in enumerate(document["managed"])
        ),
    ]


def _resource(kind: str, index: int, **values: str) -> dict[str, Any]:
    label = f"it{index}_{next(_numbers)}"
    return {
        "address": f"{kind}.{label}",
        "mode": "managed",
        "type": kind,
        "name": label,
        "provider_name": "registry.terraform.io/hashicorp/aws",
        "schema_version": 0,
        "values": values,
    }


def _plan(resources: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "format_version": "1.2",
        "terraform_version": "1.9.0",
        "planned_values": {"root_module": {"resources": resources}},
        "resource_changes": [
            {
                **{key: resource[key] for key in ("address", "mode", "type", "name", "provider_name")},
                "change": {"actions": ["create"], "before": None, "after": resource["values"], "after_unknown": {}},
            }
            for resource in resources
        ],
        "configuration": {"root_module": {}},
    }


harness.run(load)
