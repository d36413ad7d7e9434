"""Derives pinned facts from a stack's settings, in the form of the pack's configuration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import yaml

_CLOUDFRONT: Final = "us-east-1"
"""The region of CloudFront's certificates, logs and web ACLs
(https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cnames-and-https-requirements.html)."""

_NETWORK: Final = (
    *("vpcId", "publicSubnetIds", "privateSubnetIds", "cloudfrontPrefixListId"),
    *("backstageSecurityGroupId", "prefectSecurityGroupId", "deployerSecurityGroupId"),
)
_OUTSIDE: Final = ("webAclArn", "orkCodeBucket", "alarmTopicArn")
"""Settings that name a resource outside the stack that the stack refers to."""
_ENDPOINTS: Final = ("kindeAuthorizationEndpoint", "kindeTokenEndpoint", "kindeUserInfoEndpoint")


_ANY_USER: Final = "????????-????-????-????-????????????"
"""Matches any user's id, a UUID. A `*` would also match slashes, and so a branch named like the rest of the subject."""


def settings_of(project: Path, stack: str) -> tuple[Mapping[str, Any], str]:
    """Return a stack's settings with the project's defaults; keys are without the project's name.

    The second value is the stack's name, as `project/stack`.

    Raises:
        FileNotFoundError: the project or the stack has no file.
    """
    declared = yaml.safe_load((project / "Pulumi.yaml").read_text(encoding="utf-8"))
    given = yaml.safe_load((project / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8"))["config"]
    defaults = {key: schema["default"] for key, schema in declared["config"].items() if "default" in schema}
    name = declared["name"]
    return defaults | {key.removeprefix(f"{name}:"): value for key, value in given.items()}, f"{name}/{stack}"


def pinned(settings: Mapping[str, Any], stack: str) -> dict[str, dict[str, Any]]:
    """Return rule -> key -> value for the rules whose facts are in the settings; `stack` is `project/stack`."""
    issuer = settings["kindeIssuer"] or f"https://{settings['kindeDomain']}"
    hosts = [settings["kindeDomain"], *(urlsplit(settings[key]).hostname for key in _ENDPOINTS if settings[key])]
    network = [settings[key] for key in _NETWORK]
    buckets = sorted(settings[key] for key in ("stateBucket", "orkCodeBucket") if settings[key])
    outside = sorted(settings[key] for key in _OUTSIDE if settings[key])
    return {
        "pinned-account": {
            "stack": stack,
            "account": settings["aws:allowedAccountIds"][0],
            "region": settings["aws:region"],
            "regions": sorted({_CLOUDFRONT} - {settings["aws:region"]}),
        },
        "pinned-identity-provider": {
            "issuer": issuer,
            "client_id": settings["kindeClientId"],
            "hosts": sorted(set(hosts)),
        },
        "pinned-ci": {"issuers": _ci_issuers(settings)},
        "pinned-network": {
            "ids": sorted({id_ for ids in network for id_ in ([ids] if isinstance(ids, str) else ids)} - {""}),
        },
        "pinned-record": {"zone": settings["cloudflareZoneId"]},
        **({"foreign-bucket": {"agreed": buckets}} if buckets else {}),
        **_state(settings, stack),
        **({"foreign-reference": {"agreed": outside}} if outside else {}),
    }


def _ci_issuers(settings: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return issuer -> audience and subjects, for each CI whose tokens the stack's roles trust."""
    organization = settings["circleciOrganizationId"]
    project, repository = settings["circleciProjectId"], settings["circleciRepository"]
    every: dict[str, tuple[str, dict[str, Any]]] = {
        "circleci": (
            f"oidc.circleci.com/org/{organization}",
            {
                "audience": organization,
                "subjects": [f"org/{organization}/project/{project}/user/{_ANY_USER}/vcs-origin/{repository}/"],
            },
        ),
        "github": (
            "token.actions.githubusercontent.com",
            {"audience": "sts.amazonaws.com", "subjects": [f"repo:{settings['githubRepository']}:"]},
        ),
    }
    return {issuer: pins for name, (issuer, pins) in every.items() if settings["ciIssuer"] in (name, "both")}


def _state(settings: Mapping[str, Any], stack: str) -> dict[str, dict[str, Any]]:
    """Return which of the CI's roles read or write the state, if the settings name its bucket."""
    if not settings["stateBucket"]:
        return {}
    environment, given = stack.rpartition("/")[2], settings["immutable"].get("roles", {})
    preview, deploy, workloads = (
        given.get(role, {}).get("name", role)
        for role in (f"{environment}-ci-{part}" for part in ("preview", "deploy", "workloads"))
    )
    writes = {workloads: "writes"} if settings["workloads"] == "here" else {}
    reads = {preview: "reads"} if settings["previewReadsState"] else {}
    return {
        "pinned-state": {
            "bucket": settings["stateBucket"],
            "key": settings["stateKeyArn"],
            "roles": {deploy: "writes", **writes, **reads},
        },
    }
