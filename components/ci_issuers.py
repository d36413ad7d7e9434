"""The token issuers that CI's roles trust: CircleCI, GitHub Actions or both, as the setting `ciIssuer` says."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from components.iam_documents import Tokens
from components.naming import Names
from components.settings import Settings

MAIN: Final = "refs/heads/main"


class Runs(StrEnum):
    """The CI runs that can assume a role."""

    ANY_BRANCH = "any branch"
    """Runs of every branch of the repository: a role that trusts these can't change anything."""
    DEPLOYS = "deploys"
    """Runs of the branch main."""


def issuers(settings: Settings) -> dict[str, str]:
    """Map the name of each trusted CI to its token issuer, without `https://`.

    Sources: https://circleci.com/docs/openid-connect-tokens/,
    https://docs.github.com/en/actions/reference/security/oidc
    """
    every = {
        "circleci": f"oidc.circleci.com/org/{settings.circleci_organization_id}",
        "github": "token.actions.githubusercontent.com",
    }
    return {name: issuer for name, issuer in every.items() if settings.ci_issuer in (name, "both")}


def audience(settings: Settings, name: str) -> str:
    """Return the audience of a CI's tokens."""
    return str(settings.circleci_organization_id) if name == "circleci" else "sts.amazonaws.com"


def is_managed(settings: Settings, name: str) -> bool:
    """Tell whether this stack creates the account's OIDC provider for a CI."""
    return settings.circleci_provider_managed if name == "circleci" else settings.github_provider_managed


def trusted_tokens(names: Names, settings: Settings, runs: Runs) -> list[Tokens]:
    """Return the tokens with which the given runs of the CI can assume a role."""
    found = []
    for name, issuer in issuers(settings).items():
        subjects, claims = (_circleci if name == "circleci" else _github)(names, settings, runs)
        sid = "AssumeWithToken" if name == "circleci" else "AssumeWithGithubToken"
        arn = names.oidc_provider_arn(issuer)
        found.append(Tokens(sid, arn, issuer, audience(settings, name), subjects, claims))
    return found


ANY_USER: Final = "????????-????-????-????-????????????"
"""Any user's id, a UUID. A `*` would match slashes too, so anyone who can push could name a branch after the rest of
the subject: `x/vcs-origin/REPOSITORY/vcs-ref/refs/heads/main`."""


def _circleci(_: Names, settings: Settings, runs: Runs) -> tuple[list[str], dict[str, str]]:
    """Return the subjects of CircleCI's second kind of token, which names the branch.

    Source: https://circleci.com/docs/openid-connect-tokens/
    """
    branches = MAIN if runs is Runs.DEPLOYS else "refs/heads/*"
    project = f"org/{settings.circleci_organization_id}/project/{settings.circleci_project_id}"
    return [f"{project}/user/{ANY_USER}/vcs-origin/{settings.circleci_repository}/vcs-ref/{branches}"], {}


def _github(names: Names, settings: Settings, runs: Runs) -> tuple[list[str], dict[str, str]]:
    """Return the subjects of GitHub's tokens, and the other claims to check.

    A job that deploys runs in the environment of its stack, which requires approval. The subject of its token doesn't
    name the branch, so the claim `ref` is required as well. Other jobs run for a pull request, or on main by a
    schedule.

    Sources: https://docs.github.com/en/actions/reference/security/oidc,
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html
    """
    repository = f"repo:{settings.github_repository}"
    if runs is Runs.DEPLOYS:
        return [f"{repository}:environment:{names.environment}"], {"ref": MAIN}
    return [f"{repository}:pull_request", f"{repository}:ref:{MAIN}"], {}
