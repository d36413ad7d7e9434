"""Who confirms identities: the users' identity provider, and the issuer of the CI's tokens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from policies.inventory.documents import listed, statements
from policies.inventory.elsewhere import OWNERS, pinned_elsewhere
from policies.inventory.table import property_leaves, table, types_with
from policies.rulebook import Finding, Json, Judgement, Resource, Rule, Severity

_SIGN_IN: Final = "pinned-identity-provider"
_CI: Final = "pinned-ci"
_OIDC_PROVIDER: Final = "aws:iam/openIdConnectProvider:OpenIdConnectProvider"
_OF_AN_ISSUER: Final = ":oidc-provider/"
"""The text before the issuer in the ARN of an OIDC provider."""


def _text(description: str) -> Mapping[str, Any]:
    return {"type": "string", "description": description, "default": ""}


def _sign_in(resource: Resource, judgement: Judgement) -> Iterator[Finding]:
    config = judgement.config
    pinned: Mapping[str, Json] = {"issuer": config["issuer"], "clientId": config["client_id"]}
    paths = set(table()[resource.type].paths("by", _SIGN_IN))
    for path, place, value in resource.shared(property_leaves):
        if path not in paths:
            continue
        name = path.rpartition(".")[2]
        if name in pinned:
            accepted, compared = [pinned[name]], value
        else:
            accepted, compared = config["hosts"], _host(value)
        if not isinstance(compared, str) or not compared or compared not in accepted:
            shown = compared if isinstance(compared, str) else ""
            yield Finding(f"`{place}` isn't the pinned value{pinned_elsewhere(shown, judgement.stack)}.")


def _host(url: Json) -> str:
    """Return the host of an https URL; empty for anything else."""
    if not isinstance(url, str) or not url.startswith("https://"):
        return ""
    parts = urlsplit(url)
    return parts.netloc if parts.netloc == parts.hostname else ""


def _ci(resource: Resource, judgement: Judgement) -> Iterator[Finding]:
    issuers = judgement.config["issuers"]
    if resource.type == _OIDC_PROVIDER:
        url = resource.get("url")
        pinned = _pins(issuers, url.removeprefix("https://") if isinstance(url, str) else "")
        if not pinned:
            yield Finding("`url` isn't a pinned token issuer.")
        for index, audience in enumerate(resource.items("clientIdLists")):
            if pinned and audience != pinned.get("audience"):
                yield Finding(f"`clientIdLists.{index}` isn't the pinned audience.")
        return
    document = resource.get("assumeRolePolicy")
    for statement in statements(document):
        for principal in listed(_member(_member(statement, "Principal"), "Federated")):
            yield from _trusts(principal, statement, issuers)


def _pins(issuers: Mapping[str, Json], issuer: str) -> Mapping[str, Json]:
    """Return the facts that are pinned for an issuer; empty if there are none, or if they aren't a mapping."""
    pins = issuers.get(issuer)
    return pins if isinstance(pins, Mapping) else {}


def _trusts(principal: Json, statement: Json, issuers: Mapping[str, Json]) -> Iterator[Finding]:
    _, found, issuer = principal.partition(_OF_AN_ISSUER) if isinstance(principal, str) else ("", "", "")
    pins = _pins(issuers, issuer)
    if not found or not pins:
        yield Finding("The role trusts a token issuer that isn't pinned.")
        return
    subjects = False
    operators = _member(statement, "Condition")
    for conditions in operators.values() if isinstance(operators, Mapping) else ():
        for key, values in conditions.items() if isinstance(conditions, Mapping) else ():
            name = key.lower().removeprefix(f"{issuer.lower()}:")
            for value in listed(values):
                if name == "aud" and value != pins.get("audience"):
                    yield Finding("The role accepts tokens for another audience than the pinned one.")
                if name == "sub":
                    subjects = True
                    if not _is_pinned(value, listed(pins.get("subjects"))):
                        yield Finding("The role accepts tokens of a subject that isn't pinned.")
    if not subjects:
        yield Finding("The role accepts tokens of every subject.")


def _is_pinned(subject: Json, prefixes: Sequence[Json]) -> bool:
    return isinstance(subject, str) and any(
        isinstance(prefix, str) and prefix and subject.startswith(prefix) for prefix in prefixes
    )


def _member(value: Json, key: str) -> Json:
    return value.get(key) if isinstance(value, Mapping) else None


RULES: Final = (
    Rule(
        id=_SIGN_IN,
        title="Users sign in with the identity provider that the owners pinned.",
        remedy=f"Correct the stack's configuration, or have {OWNERS} change "
        "`pinned-identity-provider`: `issuer`, `hosts`, `client_id`.",
        source="https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-authenticate-users.html",
        severity=Severity.CRITICAL,
        check=_sign_in,
        types=types_with("by", _SIGN_IN),
        by_agreement=True,
        config={
            "issuer": _text("Issuer of the users' tokens, an https URL"),
            "client_id": _text("Client id of the load balancer at the identity provider"),
            "hosts": {
                "type": "array",
                "items": {"type": "string"},
                "description": "Hosts of the identity provider's endpoints",
                "default": [],
            },
        },
    ),
    Rule(
        id=_CI,
        title="The CI's tokens come from the issuer, organization, project and repository that the owners pinned.",
        remedy=f"Correct the stack's configuration, or have {OWNERS} change "
        "`pinned-ci`: `issuers`, each with its `audience` and `subjects`.",
        source="https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create_for-idp_oidc.html",
        severity=Severity.CRITICAL,
        check=_ci,
        types=types_with("by", _CI),
        by_agreement=True,
        config={
            "issuers": {
                "type": "object",
                "description": "Issuer of a CI's tokens, without https:// -> `audience` of the tokens (at CircleCI the "
                "organization's id), and `subjects`, the beginnings of the subjects that roles may trust, up to and "
                "including the repository",
                "default": {},
            },
        },
    ),
)
