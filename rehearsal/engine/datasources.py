"""The table of data sources: what a provider would answer to a lookup.

A rehearsal has no account to look anything up in. Every data source that the program uses must be in `ANSWERS`; any
other is an error, so that no rule judges an invented value by accident.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from rehearsal.engine.program_fault import ProgramFault

STAND_IN: Final = "known when it is applied"
"""Replaces a secret in Secrets Manager; the default of `stand_in` in the gate's rule `literal-secret`."""


@dataclass(frozen=True)
class Lookup:
    """One call of a data source: its arguments, and the account and region of the provider that is asked."""

    arguments: Mapping[str, Any]
    account: str
    region: str


def _secret(lookup: Lookup) -> dict[str, Any]:
    """`getSecret` by name. AWS ends a secret's ARN with a hyphen and six random characters."""
    name = str(lookup.arguments.get("name", ""))
    arn = str(
        lookup.arguments.get("arn") or f"arn:aws:secretsmanager:{lookup.region}:{lookup.account}:secret:{name}-XXXXXX"
    )
    return {"arn": arn, "id": arn, "name": name or arn.rpartition(":")[2][:-7]}


def _secret_version(lookup: Lookup) -> dict[str, Any]:
    """`getSecretVersion`, by ARN or by name. No value is read; it is replaced by the text that the gate knows."""
    secret = str(lookup.arguments.get("secretId", ""))
    named = {"arn" if secret.startswith("arn:") else "name": secret}
    arn = _secret(Lookup(named, lookup.account, lookup.region))["arn"]
    version = "00000000-0000-4000-8000-000000000000"
    return {
        "arn": arn,
        "id": f"{secret}|{version}",
        "secretId": secret,
        "secretString": STAND_IN,
        "secretBinary": "",
        "versionId": version,
        "versionStages": ["AWSCURRENT"],
        "createdDate": "2026-01-01T00:00:00Z",
        "region": lookup.region,
    }


def _cloudflare_ranges(_: Lookup) -> dict[str, Any]:
    """`getIpRanges`, with addresses that are reserved for documentation (RFC 5737, RFC 3849)."""
    return {
        "etag": "0",
        "ipv4Cidrs": ["192.0.2.0/24", "198.51.100.0/24"],
        "ipv6Cidrs": ["2001:db8::/32"],
        "jdcloudCidrs": [],
        "networks": "",
    }


ANSWERS: Final[Mapping[str, Callable[[Lookup], dict[str, Any]]]] = {
    "aws:secretsmanager/getSecret:getSecret": _secret,
    "aws:secretsmanager/getSecretVersion:getSecretVersion": _secret_version,
    "cloudflare:index/getIpRanges:getIpRanges": _cloudflare_ranges,
}
"""Token of a data source -> function that returns the answer's properties for a call."""


def answer(token: str, lookup: Lookup) -> dict[str, Any]:
    """Return the answer to a data-source call.

    Raises:
        ProgramFault: the token isn't in the table.
    """
    if token not in ANSWERS:
        raise ProgramFault(
            f"the program calls the data source {token}, which a rehearsal can't answer, because it has no account "
            "to look it up in. Add it to ANSWERS in rehearsal/engine/datasources.py, or take the value from "
            "configuration."
        )
    return ANSWERS[token](lookup)
