"""Faults of trust in an identity provider: the role also accepts tokens of others."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Final

from policies.least_privilege.faults import remedies
from policies.least_privilege.faults.fault import Fault, RuleId
from policies.least_privilege.faults.subjects import SIGNING_IN, forgeable_text, name_one_project, name_project
from policies.least_privilege.faults.wording import shorten
from policies.least_privilege.language import patterns
from policies.least_privilege.language.binding_keys import is_literal
from policies.least_privilege.language.documents import Statement

_AUDIENCE_CLAIMS: Final[Mapping[str, str]] = {"www.amazon.com": "app_id", "graph.facebook.com": "app_id"}
_COGNITO: Final = "cognito-identity.amazonaws.com"
_SIGN_IN: Final = frozenset(("accounts.google.com", "www.amazon.com", "graph.facebook.com"))
"""Providers that sign people in to an application. The audience, which is the application, limits these tokens."""

_KNOWN_HOSTS: Final = """
    token.actions.githubusercontent.com gitlab.com oidc.circleci.com app.terraform.io api.bitbucket.org
    agent.buildkite.com accounts.google.com cognito-identity.amazonaws.com
""".split()


def token_faults(statement: Statement, issuer: str) -> Iterator[Fault]:
    """Yield the faults of trusting an issuer's tokens; `issuer` is its host and path, or `saml`."""
    where, conditions = statement.where, statement.conditions
    shown = shorten(issuer)
    known = _imitated_host(issuer)
    if known:
        yield Fault(RuleId.MALFORMED_PRINCIPAL, f"{where} trusts `{shown}`, which looks like `{known}`.")
    wanted = "sts:assumerolewithsaml" if issuer == "saml" else "sts:assumerolewithwebidentity"
    if wanted not in statement.actions and not any(map(patterns.wild, statement.actions)):
        yield Fault(
            RuleId.RESOURCE_MISMATCH, f"{where} grants nothing: its action doesn't accept a token of `{shown}`."
        )
    audience = f"{issuer}:{_AUDIENCE_CLAIMS.get(issuer, 'aud')}"
    if not conditions.ask_for(audience, None if issuer == "saml" else is_literal):
        yield Fault(
            RuleId.FEDERATION_WITHOUT_AUDIENCE,
            f"{where} accepts tokens of `{shown}` for any audience: no condition limits `{shorten(audience)}`.",
            issuer,
        )
    if issuer == _COGNITO:
        if not conditions.ask_for_any(f"{issuer}:amr", f"{issuer}:sub"):
            yield Fault(
                RuleId.FEDERATION_WITHOUT_SUBJECT,
                f"{where} accepts identities of the pool that haven't signed in: no condition limits `{issuer}:amr`.",
                issuer,
                mend=partial(
                    remedies.add_condition, {"ForAnyValue:StringLike": {f"{issuer}:amr": "authenticated"}}, [SIGNING_IN]
                ),
            )
    elif issuer != "saml" and issuer not in _SIGN_IN:
        yield from _subject_faults(statement, issuer)


def _subject_faults(statement: Statement, issuer: str) -> Iterator[Fault]:
    conditions, shown = statement.conditions, shorten(issuer)
    subjects = list(conditions.demanded_values(f"{issuer}:sub"))
    # A token must meet every line about the subject, so one that names a project and can't be forged is enough.
    named = [values for values in subjects if name_one_project(issuer, values)]
    bound = any(not any(forgeable_text(issuer, one) for one in values) for values in named)
    claims = [values for name in _CHOSEN_CLAIMS for values in conditions.demanded_values(f"{issuer}:{name}")]
    read = [value for values in (*(() if bound else subjects), *claims) for value in values]
    in_claims = {value for values in claims for value in values}
    forged = {value: text for value in read if (text := forgeable_text(issuer, value))}
    for value, text in forged.items():
        yield Fault(
            RuleId.LOOSE_FEDERATION_SUBJECT,
            f"{statement.where} accepts more tokens of `{shown}` than it seems to: in `{shorten(value)}` a wildcard "
            f"stands before `{shorten(text)}`, which others can write into a field that they choose.",
            issuer,
            mend="" if value in in_claims else partial(name_project, issuer),
        )
    projects = conditions.demanded_values(f"{issuer}:oidc.circleci.com/project-id")
    if any(not any(map(patterns.wild, values)) for values in projects):
        return
    if not subjects:
        yield Fault(
            RuleId.FEDERATION_WITHOUT_SUBJECT,
            f"{statement.where} accepts every token of `{shown}`: no condition limits `{shown}:sub`.",
            issuer,
            mend=partial(name_project, issuer),
        )
    elif not forged and not named:
        yield Fault(
            RuleId.LOOSE_FEDERATION_SUBJECT,
            f"{statement.where} accepts tokens of more than one project of `{shown}`: the pattern for `sub` is too "
            "wide.",
            issuer,
            mend=partial(name_project, issuer),
        )


_CHOSEN_CLAIMS: Final = ("ref", "base_ref", "head_ref", "job_workflow_ref", "workflow_ref")
"""Claims that hold the name of a branch, which anyone who can push chooses
(https://docs.github.com/en/actions/reference/security/oidc)."""


def _imitated_host(issuer: str) -> str:
    """Return the known host that an issuer's host is similar to, empty if there is none."""
    host = issuer.partition("/")[0]
    near = difflib.get_close_matches(host, _KNOWN_HOSTS, n=1, cutoff=0.9) if host not in _KNOWN_HOSTS else ()
    return near[0] if near and not host.endswith("." + near[0]) else ""
