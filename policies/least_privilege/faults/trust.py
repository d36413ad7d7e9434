"""Faults of trust policies: somebody else than meant may assume the role."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from policies.least_privilege.faults.fault import Fault, short, some
from policies.least_privilege.faults.identity import element_faults
from policies.least_privilege.language import patterns
from policies.least_privilege.language.documents import Statement
from policies.least_privilege.meaning import conditions, principals

_ASSUMING: Final = frozenset(
    (
        *("sts:assumerole", "sts:assumerolewithwebidentity", "sts:assumerolewithsaml"),
        *("sts:tagsession", "sts:setsourceidentity", "sts:setcontext"),
    )
)

_WITH_A_TOKEN: Final = frozenset(("sts:assumerolewithwebidentity", "sts:assumerolewithsaml"))

SOURCE_KEYS: Final = frozenset(
    ("aws:sourceaccount", "aws:sourcearn", "aws:sourceorgid", "aws:sourceorgpaths", "sts:externalid")
)

DEPUTIES: Final = frozenset(
    f"{service}.amazonaws.com"
    for service in (
        *("access-analyzer", "amplify", "appconfig", "appflow", "athena", "auditmanager", "batch"),
        *("bedrock", "bedrock-agentcore", "budgets", "codebuild", "cognito-idp", "comprehend", "config", "databrew"),
        *("datasync", "delivery.logs", "directoryservice", "dms", "ecs-tasks", "elastictranscoder", "events"),
        *("firehose", "fis", "forecast", "grafana", "healthlake", "imagebuilder", "iot", "iotevents", "iotsitewise"),
        *("kendra", "kinesisanalytics", "lex", "lexv2", "logs", "lookoutmetrics", "macie", "mediaconvert"),
        *("monitoring.rds", "personalize", "pipes", "quicksight", "rds", "rekognition", "resource-groups"),
        *("rolesanywhere", "scheduler", "ses", "sms", "sns", "ssm", "ssm-incidents", "states"),
        *("storagegateway", "textract", "timestream", "transcribe", "transfer", "translate", "vpc-flow-logs"),
        *("wellarchitected", "workmail", "workspaces-web"),
    )
)
"""Services whose documentation asks for `aws:SourceAccount` or `aws:SourceArn` in the trust policy of their roles
(each has a page "Cross-service confused deputy prevention"). The others, EC2 and Lambda first, either send no such key
or don't say so; a condition on a key that isn't sent would make the role unusable, so the rule doesn't ask for it. Nor
where the service's page on its role has none, and its page on deputies is about resource policies: S3's replication,
AWS Backup, CloudTrail, Glue, SageMaker, App Runner, AppSync, the exports of RDS."""


def faults(statements: Sequence[Statement]) -> Iterator[Fault]:
    """Yield the faults of a trust policy's statements."""
    for statement in statements:
        if statement.allow:
            yield from _actions(statement)
            yield from _identity_of_the_source(statement)
            yield from _names_of_users(statement)
            if statement.negated_principals:
                yield Fault("not-principal", f"{statement.where} trusts everybody but those in `NotPrincipal`.")
            else:
                yield from _principals(statement)


def _actions(statement: Statement) -> Iterator[Fault]:
    yield from element_faults(statement)
    other = [action for action in statement.actions if action not in _ASSUMING]
    if other:
        yield Fault(
            "trust-action",
            f"{statement.where} allows {some([short(one) for one in other])}; "
            "a trust policy is about assuming the role only.",
        )
    tokens = [action for action in statement.actions if action in _WITH_A_TOKEN]
    if tokens and not any(principal.kind == "Federated" for principal in statement.principals):
        yield Fault(
            "trust-action",
            f"{statement.where} grants nothing for {some(tokens)}: none of its principals brings a token.",
        )


_SESSIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "pods.eks.amazonaws.com": ("sts:tagsession",),
    "rolesanywhere.amazonaws.com": ("sts:setsourceidentity", "sts:tagsession"),
}
"""Service -> what it does with each session that it opens, which the role has to allow
(https://docs.aws.amazon.com/eks/latest/userguide/pod-id-role.html,
https://docs.aws.amazon.com/rolesanywhere/latest/userguide/trust-model.html)."""


def _missing(statement: Statement, needed: Sequence[str]) -> list[str]:
    return [one for one in needed if not any(patterns.matches(action, one) for action in statement.actions)]


def _principals(statement: Statement) -> Iterator[Fault]:
    where = statement.where
    for principal in statement.principals:
        found = principals.meaning(principal)
        if found.is_open:
            if principal.kind != "AWS" or not conditions.bound_by(statement.conditions, "identity"):
                yield Fault(
                    "open-trust", f"{where} trusts `{short(principal.name)}`, and no condition says who that is."
                )
        elif principal.kind == "AWS" and found.account:
            if not conditions.bound_by(statement.conditions, "partner"):
                yield Fault(
                    "cross-account-trust",
                    f"{where} trusts `{principal.name}` without an external id or a bound on the principal.",
                    found.account,
                    found.whole,
                )
        elif principal.kind == "Service":
            yield from _service(statement, principal.name)
        elif principal.kind == "Federated" and found.issuer:
            if found.account:
                yield Fault(
                    "cross-account-trust",
                    f"{where} trusts `{principal.name}`, a provider of another account.",
                    found.account,
                    False,
                )
            yield from _token(statement, found.issuer)


def _identity_of_the_source(statement: Statement) -> Iterator[Fault]:
    asks = any(conditions.demands(one) for one in statement.conditions if one.key == "sts:sourceidentity")
    if asks and _missing(statement, ("sts:setsourceidentity",)):
        yield Fault(
            "invalid-condition",
            f"{statement.where} asks for a source identity, and doesn't let one be set: `sts:SetSourceIdentity`.",
        )


def _names_of_users(statement: Statement) -> Iterator[Fault]:
    """Sessions of a role have no user name, so a condition on it lets none of them in."""
    roles = [":role/" in principal.name or principal.kind != "AWS" for principal in statement.principals]
    values = [value.lower() for condition in statement.conditions for value in condition.values]
    if roles and all(roles) and any("${aws:username}" in value for value in values):
        yield Fault("invalid-condition", f"{statement.where}: none of its principals has an `aws:username`.")


def _service(statement: Statement, service: str) -> Iterator[Fault]:
    missing = _missing(statement, _SESSIONS.get(principals.general(service), ()))
    if missing:
        yield Fault("resource-mismatch", f"{statement.where} grants nothing: `{service}` needs {some(missing)} too.")
    where = f"{statement.where} trusts `{service}`"
    meant = any(condition.key in SOURCE_KEYS for condition in statement.conditions)
    bound = conditions.bound_by(statement.conditions, "source")
    if principals.general(service) not in DEPUTIES:
        if meant and not bound:
            yield Fault(
                "invalid-condition",
                f"{where} for whichever account it acts: the condition on the source doesn't bind it.",
                service,
            )
    elif not bound:
        unbound = ": the condition on the source doesn't bind it" if meant else ""
        yield Fault("unscoped-service-trust", f"{where} for whichever account it acts{unbound}.", service)
    else:
        for account in conditions.source_accounts(statement.conditions):
            yield Fault("cross-account-trust", f"{where} where it acts for another account.", account, False)


# --- tokens ------------------------------------------------------------------------------------------------------

_AUDIENCES: Final[Mapping[str, str]] = {"www.amazon.com": "app_id", "graph.facebook.com": "app_id"}
_SIGN_IN: Final = frozenset(("accounts.google.com", "www.amazon.com", "graph.facebook.com"))
"""Providers whose subjects are people that an application signs in: the audience is the bound."""

_SUBJECTS: Final[Sequence[tuple[re.Pattern[str], re.Pattern[str]]]] = tuple(
    (re.compile(issuer), re.compile(subject))
    for issuer, subject in (
        # Owner and repository; what follows is the ref, environment or event. `@` holds GitHub's immutable ids.
        # A workflow that all repositories share may be named in their stead.
        (
            r"token\.actions\.githubusercontent\.com(?:/.*)?",
            r"repo:[^*?/:]+/[^*?/:]+:.+|[a-z_]+:[^*?]+|repo:[^*?/:]+/\*:(?:[^*?]+:)?job_workflow_ref:[^*?/]+/[^*?]+",
        ),
        (r"oidc\.circleci\.com/org/.*", r"(?:/)?org/[^*?/]+/project/[^*?/]+/.+"),
        (r"oidc\.eks\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?/id/.*", r"system:serviceaccount:[^*?:]+:[^*?:]+"),
        (r"app\.terraform\.io", r"organization:[^*?:]+:project:[^*?:]+:workspace:[^*?:]+:.+"),
        (r"gitlab\..*", r"project_path:[^*?:]+/[^*?:/]+:.+"),
        (r"api\.bitbucket\.org/.*", r"\{?[0-9a-f-]{36}\}?:.+"),
        # Anything else: two names and their values are literal.
        (r".*", r"[^*?]+|[^*?:/]+[:/][^*?:/]+[:/][^*?:/]+[:/][^*?:/]+[:/].+"),
    )
)
"""Issuer -> what its subject looks like when it names one project, whatever branch or run."""


_HOSTS: Final = (
    *("token.actions.githubusercontent.com", "gitlab.com", "oidc.circleci.com", "app.terraform.io"),
    *("api.bitbucket.org", "agent.buildkite.com", "accounts.google.com", "cognito-identity.amazonaws.com"),
)


def _look_alike(issuer: str) -> str:
    """Return the host of a known issuer that another one's is nearly, empty if there is none."""
    host = issuer.partition("/")[0]
    near = difflib.get_close_matches(host, _HOSTS, n=1, cutoff=0.9) if host not in _HOSTS else ()
    return near[0] if near and not host.endswith("." + near[0]) else ""


def _token(statement: Statement, issuer: str) -> Iterator[Fault]:
    known = _look_alike(issuer)
    if known:
        yield Fault("malformed-principal", f"{statement.where} trusts `{short(issuer)}`; `{known}` is near it.")
    where, given = statement.where, statement.conditions
    wanted = "sts:assumerolewithsaml" if issuer == "saml" else "sts:assumerolewithwebidentity"
    if wanted not in statement.actions and not any(patterns.wild(action) for action in statement.actions):
        yield Fault(
            "resource-mismatch", f"{where} grants nothing: a token of `{short(issuer)}` can't be used with its action."
        )
    audience = f"{issuer}:{_AUDIENCES.get(issuer, 'aud')}"
    if not conditions.asks_for(given, audience, None if issuer == "saml" else conditions.literal):
        yield Fault(
            "federation-without-audience",
            f"{where} takes tokens of `{short(issuer)}` made for anybody: nothing binds `{short(audience)}`.",
            issuer,
        )
    if issuer == "saml" or issuer in _SIGN_IN:
        return
    if issuer == "cognito-identity.amazonaws.com":
        if not conditions.asks_for(given, f"{issuer}:amr") and not conditions.asks_for(given, f"{issuer}:sub"):
            yield Fault(
                "federation-without-subject",
                f"{where} takes identities of the pool that haven't signed in: nothing binds `{issuer}:amr`.",
                issuer,
            )
        return
    projects = tuple(conditions.values_of(given, f"{issuer}:oidc.circleci.com/project-id"))
    if any(not patterns.wild("".join(values)) for values in projects):
        return
    subjects = tuple(conditions.values_of(given, f"{issuer}:sub"))
    if not subjects:
        yield Fault(
            "federation-without-subject",
            f"{where} takes every token of `{short(issuer)}`: nothing binds `{short(issuer)}:sub`.",
            issuer,
        )
    elif not any(_tight(issuer, values) for values in subjects):
        yield Fault(
            "loose-federation-subject",
            f"{where} takes tokens of more than one project of `{short(issuer)}`: its `sub` is too wide.",
            issuer,
        )


def _tight(issuer: str, values: tuple[str, ...]) -> bool:
    subject = next(subject for pattern, subject in _SUBJECTS if pattern.fullmatch(issuer))
    return bool(values) and all(subject.fullmatch(value) and not _OPEN_BRANCH.search(value) for value in values)


_OPEN_BRANCH: Final = re.compile(r"refs/heads/(?:main|master)\*")
"""Whoever may make a branch makes one of a name that begins so."""
