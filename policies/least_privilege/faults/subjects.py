"""The subjects of tokens: which patterns name one project, and which wildcards let others write the text behind them.

A subject joins fields with a separator: `org/ORG/project/PROJECT/user/USER/vcs-origin/ORIGIN/vcs-ref/REF`. A star also
matches separators. So anyone who can choose a field that may hold the separator, such as the name of a branch, can
write the rest of a pattern into it. A token of a branch called `x/vcs-origin/ORIGIN/vcs-ref/refs/heads/main` matches
`…/user/*/vcs-origin/ORIGIN/vcs-ref/refs/heads/main`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from policies.least_privilege.faults import remedies
from policies.least_privilege.language import patterns


class _Issuer(NamedTuple):
    """How an issuer builds its subjects. `host` and `project` are regular expressions."""

    host: str
    """Host and path of the issuer."""
    project: str
    """A subject that names one project, with any branch or run."""
    example: str
    """The pattern that a remedy shows for one project; words in capitals stand for what only the author knows."""
    separator: str = ""
    """A separator that no field can hold; empty if others can write every separator into a field."""
    uuid: str = ""
    """The text before a UUID. Question marks may stand for a UUID, since nobody can make it shorter or longer."""


_ISSUERS: Final[Sequence[tuple[re.Pattern[str], _Issuer]]] = tuple(
    (re.compile(issuer.host), issuer)
    for issuer in (
        # Owner and repository, then ref, environment or event. Owner and repository have `@` and their ids if the
        # repository was created after 15 July 2026. A pattern may instead name a workflow that all repositories share.
        # A ref can't hold `:` (https://git-scm.com/docs/git-check-ref-format), and in other fields GitHub writes `%3A`
        # for it.
        # https://docs.github.com/en/actions/reference/security/oidc
        _Issuer(
            r"token\.actions\.githubusercontent\.com(?:/.*)?",
            r"repo:[^*?/:]+/[^*?/:]+:.+|[a-z_]+:[^*?]+|repo:[^*?/:]+/\*:(?:[^*?]+:)?job_workflow_ref:[^*?/]+/[^*?]+",
            "repo:OWNER/REPOSITORY:ref:refs/heads/BRANCH",
            separator=":",
        ),
        # Branches may hold `/`. This is the second kind of token; the first kind ends after the user.
        # https://circleci.com/docs/guides/permissions-authentication/openid-connect-tokens/
        _Issuer(
            r"oidc\.circleci\.com/org/.*",
            r"(?:/)?org/[^*?/]+/project/[^*?/]+/.+",
            "org/ORGANIZATION/project/PROJECT/user/*",
            uuid="/user/",
        ),
        # Namespaces and service accounts are DNS names.
        # https://kubernetes.io/docs/concepts/overview/working-with-objects/names/
        _Issuer(
            r"oidc\.eks\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?/id/.*",
            r"system:serviceaccount:[^*?:]+:[^*?:]+",
            "system:serviceaccount:NAMESPACE:ACCOUNT",
            separator=":",
        ),
        # That page doesn't say which characters the names may hold.
        # https://developer.hashicorp.com/terraform/cloud-docs/workspaces/dynamic-provider-credentials/workload-identity-tokens
        _Issuer(
            r"app\.terraform\.io",
            r"organization:[^*?:]+:project:[^*?:]+:workspace:[^*?:]+:.+",
            "organization:ORGANIZATION:project:PROJECT:workspace:WORKSPACE:run_phase:*",
        ),
        # Neither paths nor refs hold `:`. A project's subjects may leave out or reorder the ref and its type. A tag may
        # have the name of a protected branch, so a pattern that names a ref must name its type, too.
        # https://docs.gitlab.com/ci/secrets/id_token_authentication/
        _Issuer(
            r"gitlab\..*",
            r"project_path:[^*?:]+/[^*?:/]+:(?=.*ref_type:(?:branch|tag)(?::|$)|(?!.*ref:[^*?])).+",
            "project_path:GROUP/PROJECT:ref_type:branch:ref:BRANCH",
            separator=":",
        ),
        # Every field is a UUID.
        # https://support.atlassian.com/bitbucket-cloud/docs/integrate-pipelines-with-resource-servers-using-oidc/
        _Issuer(r"api\.bitbucket\.org/.*", r"\{?[0-9a-f-]{36}\}?:.+", "{UUID}:*", separator=":"),
        # A branch chooses the keys of its steps, and a key may hold `:`, so a pattern that names a step must name the
        # ref, too. A job may ask for another subject, such as the id of its cluster; an id alone doesn't show that it's
        # one of a pipeline.
        # https://buildkite.com/docs/agent/cli/reference/oidc
        _Issuer(
            r"agent\.buildkite\.com",
            r"organization:[^*?:]+:pipeline:[^*?:]+:(?:ref:[^*?:]+:.+|(?!.*[*?].*:step:[^*]).+)",
            "organization:ORGANIZATION:pipeline:PIPELINE:ref:refs/heads/BRANCH:commit:*",
            separator=":",
        ),
        # Ids of spaces and stacks are slugs; types of runs and scopes are from fixed lists.
        # https://docs.spacelift.io/integrations/cloud-providers/oidc
        _Issuer(
            r"[a-z0-9-]+\.app\.spacelift\.io",
            r"space:[^*?:]+:(?:stack|module):[^*?:]+:.+",
            "space:SPACE:stack:STACK:*",
            separator=":",
        ),
        # Any other issuer: no wildcard, or two names with literal values before the first wildcard, no text after it.
        _Issuer(r".*", r"[^*?]+|[^*?:/]+[:/][^*?:/]+[:/][^*?:/]+[:/][^*?:/]+[:/][^*?]*[*?]+", "SUBJECT"),
    )
)
"""The first issuer that fits counts."""

_BRANCH_PREFIX: Final = re.compile(r"refs/heads/(?:main|master)\*")
"""Anyone who can push can create a branch with this prefix."""

_UUID: Final = 36
"""Characters of a UUID, dashes included."""

_WILDCARDS: Final = re.compile(r"[*?]*\*[*?]*")
_QUESTION_MARKS: Final = re.compile(r"\?[?\w-]*")
_JOINS: Final = frozenset("/:@|#,;")
"""Characters that join fields, or the parts of one."""


def name_one_project(issuer: str, subjects: Sequence[str]) -> bool:
    """Tell whether all patterns of an issuer's subjects name one project, as far as the fixed text goes."""
    form = _issuer(issuer).project
    return bool(subjects) and all(re.fullmatch(form, one) and not _BRANCH_PREFIX.search(one) for one in subjects)


SIGNING_IN: Final = "sts:AssumeRoleWithWebIdentity"
"""The action with which a token opens a session of a role."""


def name_project(issuer: str) -> str:
    """Return the remedy for a role that the tokens of more than one project may assume."""
    example = _issuer(issuer).example
    operator = "StringLike" if patterns.wild(example) else "StringEquals"
    return remedies.add_condition({operator: {f"{issuer}:sub": example}}, [SIGNING_IN])


def forgeable_text(issuer: str, subject: str) -> str:
    """Return the fixed text of a subject's pattern that a wildcard before it lets others write; empty if there is none.

    A star inside a name (`release-*-candidate`) lets nobody write anything: it says which names are accepted.
    """
    known = _issuer(issuer)
    for found in _WILDCARDS.finditer(subject):
        before, rest = subject[: found.start()][-1:], subject[found.end() :]
        # Up to a separator that can't be forged, or the next wildcard, which is judged by itself.
        part = re.split(rf"[*?{re.escape(known.separator)}]", rest, maxsplit=1)[0]
        if part and (before in _JOINS or _JOINS & {*part}):
            return part
    if not known.separator:
        for found in _QUESTION_MARKS.finditer(subject):
            before, rest = subject[: found.start()], subject[found.end() :]
            is_uuid = known.uuid and before.endswith(known.uuid) and len(found[0]) <= _UUID
            if rest.strip("*?") and not is_uuid:
                return rest
    return ""


def _issuer(host: str) -> _Issuer:
    return next(issuer for pattern, issuer in _ISSUERS if pattern.fullmatch(host))
