"""The account and the regions of a stack, in its providers and in every text of its resources."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from policies.inventory.elsewhere import OWNERS, foreign_agreement, pinned_elsewhere
from policies.inventory.providers import judged_provider
from policies.inventory.table import property_leaves, table
from policies.rulebook import MAY_BE_UNKNOWN, Finding, Json, Judgement, Resource, Rule, SecretText, Severity

_ARN: Final = re.compile(r"arn:aws[\w-]*:[^:\s\"]*:(?P<region>[^:\s\"]*):(?P<account>[^:\s\"]*):")
_NUMBER: Final = re.compile(r"(?<![\w-])\d{12}(?![\w-])")
_ORGANIZATION: Final = re.compile(r"(?<![\w-])o-[a-z0-9]{10,32}(?![\w-])")
"""https://docs.aws.amazon.com/organizations/latest/APIReference/API_Organization.html"""

_RULE: Final = "pinned-account"

_MANAGED: Final = "aws"
"""The account in ARNs of policies that AWS manages; `broad-managed-policy` judges these."""

ACCOUNT: Final[Mapping[str, Mapping[str, Any]]] = {
    "stack": {
        "type": "string",
        "description": "The stack that this agreement is for, as `project/stack`; empty for any",
        "default": "",
    },
    "account": {"type": "string", "description": "The stack's own account, 12 digits", "default": ""},
    "region": {"type": "string", "description": "The stack's own region", "default": ""},
    "regions": {
        "type": "array",
        "items": {"type": "string"},
        "description": "Other regions of the stack",
        "default": [],
    },
    "accounts": {
        "type": "array",
        "items": {"type": "string"},
        "description": "Other accounts that the stack's resources may name",
        "default": [],
    },
    "organizations": {
        "type": "array",
        "items": {"type": "string"},
        "description": "Organizations that the stack's resources may name",
        "default": [],
    },
}


def _other_stack(judgement: Judgement) -> Iterator[Finding]:
    """Yield a finding if the agreement is for another stack, as far as the stack's configuration shows."""
    config, own = judgement.config, f"{judgement.project}/{judgement.stack}"
    pairs = (
        ("stack", config["stack"], own if config["stack"] else ""),
        ("account", config["account"], judgement.account),
        ("region", config["region"], judgement.region),
    )
    wrong = [(what, agreed, given) for what, agreed, given in pairs if given and given != agreed]
    if wrong and not config["account"]:
        yield foreign_agreement(judgement.stack, "it is missing, or pins no account")
    elif wrong:
        differences = (f"the {what} `{agreed}`, but the stack has `{given}`" for what, agreed, given in wrong)
        others = pinned_elsewhere(judgement.account, judgement.stack)
        yield foreign_agreement(judgement.stack, f"it is agreed for {'; for '.join(differences)}{others}")


def _foreign(resource: Resource, judgement: Judgement) -> Iterator[Finding]:
    # The first resource reports it. After that the analyzer silences this rule, unless the finding stops nothing.
    if other := list(_other_stack(judgement)):
        yield from other
        return
    provider = judged_provider(resource)
    if provider and provider[0] == "aws":
        for problem in _provider_problems(provider[1], judgement):
            yield Finding(problem)
    if resource.type.startswith("pulumi:"):
        return
    reported: set[str] = set()
    judged = table()[resource.type].paths("by", _RULE) if resource.type in table() else []
    open_ = MAY_BE_UNKNOWN.get(resource.type, frozenset())
    for path, place, value in resource.shared(property_leaves):
        if not isinstance(value, str) and path in judged and path.partition(".")[0] not in open_:
            yield Finding(f"`{place}` isn't a text that is known at preview.")
        if isinstance(value, str) and not isinstance(value, SecretText):
            for problem in _text_problems(path, value, judgement):
                if problem not in reported:
                    reported.add(problem)
                    yield Finding(f"`{place}` names {problem}.")


def _provider_problems(inputs: Mapping[str, Json], judgement: Judgement) -> Iterator[str]:
    account, regions = judgement.config["account"], _regions(judgement)
    bound = _sequence(inputs.get("allowedAccountIds"))
    if not account or bound != [account]:
        others = "".join(pinned_elsewhere(other, judgement.stack) for other in bound if isinstance(other, str))
        yield f"`allowedAccountIds` doesn't bind the provider to the stack's account{others}."
    region = inputs.get("region")
    if not isinstance(region, str) or region not in regions:
        yield "The provider's `region` isn't one of the stack's."


def _regions(judgement: Judgement) -> set[str]:
    return {judgement.config["region"], *judgement.config["regions"]} - {""}


def _sequence(value: Json) -> list[Json]:
    """Return a list among a provider's inputs, where nested values arrive as JSON text."""
    try:
        read = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return []
    return read if isinstance(read, list) else []


def _text_problems(path: str, text: str, judgement: Judgement) -> Iterator[str]:
    config, stack = judgement.config, judgement.stack
    accounts, regions = {config["account"], *config["accounts"]}, _regions(judgement)
    if path == "region" and text not in regions:
        yield f"the region `{text}`, which isn't agreed"
    for arn in _ARN.finditer(text):
        region, account = arn["region"], arn["account"]
        if region and region not in regions:
            yield f"the region `{region}`, which isn't agreed"
        if account not in accounts | {"", _MANAGED}:
            yield f"the account `{account}`, which isn't agreed{pinned_elsewhere(account, stack)}"
    for number in set(_NUMBER.findall(text)) - accounts:
        yield f"the account `{number}`, which isn't agreed{pinned_elsewhere(number, stack)}"
    for organization in set(_ORGANIZATION.findall(text)) - set(config["organizations"]):
        yield f"the organization `{organization}`, which isn't agreed{pinned_elsewhere(organization, stack)}"


RULES: Final = (
    Rule(
        id=_RULE,
        title="A stack uses and names only its own account and regions.",
        remedy=f"Correct the stack's configuration, or have {OWNERS} agree to "
        "the account, region or organization under `pinned-account`.",
        source="https://docs.aws.amazon.com/wellarchitected/latest/security-pillar/sec_permissions_analyze_cross_account.html",
        severity=Severity.CRITICAL,
        check=_foreign,
        config=ACCOUNT,
        by_agreement=True,
    ),
)
