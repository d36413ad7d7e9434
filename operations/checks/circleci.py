"""Checks CircleCI's contexts: only the project, and for deploys only the branch main, can use them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Final

import httpx

from operations.stack import Stack
from operations.verdicts import Check, Verdict
from operations.web import UNAVAILABLE, Web, send

CONTEXTS: Final = Check("circleci/contexts", "CircleCI contexts")

DEPLOY: Final = "platform-deploy"
PREVIEW: Final = "platform-preview"
"""The contexts of the pipeline, `.circleci/config.yml`."""

_COMMON: Final = "platform-"
"""The prefix of both names. The list is filtered by it, so that both are on its first page."""

_API: Final = "https://circleci.com/api/v3"
_TOKEN: Final = "CIRCLE_TOKEN"
_MAIN: Final = 'pipeline.git.branch == "main"'
"""The restriction that limits a context to pipelines of the branch main
(https://circleci.com/docs/reference/expressions-reference/)."""


def check_contexts(stack: Stack, web: Web) -> list[Verdict]:
    """Check that each context is restricted to the project, and the one for deploys to the branch main as well.

    Source: https://circleci.com/docs/api/v3/context-restrictions.md
    """
    project = str(stack.settings.circleci_project_id)
    token = os.environ.get(_TOKEN)
    if not token:
        wanted = f"{DEPLOY} must be restricted to `{_MAIN}` and to project {project}, {PREVIEW} to that project"
        return [CONTEXTS.undecided(f"not checked, because {_TOKEN} isn't set; {wanted}")]
    try:
        with web.client() as client:
            client.headers["Authorization"] = f"Bearer {token}"
            organization = str(stack.settings.circleci_organization_id)
            found = _list(client, "contexts", org_id=organization, name=_COMMON)
            ids = {context["attributes"]["name"]: context["id"] for context in found}
            return [
                _check_context(name, _list(client, "context-restrictions", context_id=ids[name]), project)
                if name in ids
                else _context(name).failed("doesn't exist; create it, with its restrictions, before the first deploy")
                for name in (DEPLOY, PREVIEW)
            ]
    except httpx.HTTPStatusError as error:
        return [CONTEXTS.undecided(f"not checked, because CircleCI answers {error.response.status_code}")]
    except httpx.TransportError as error:
        return [CONTEXTS.undecided(f"not checked, because CircleCI doesn't answer ({type(error).__name__})")]
    except (ValueError, KeyError, TypeError):
        return [CONTEXTS.undecided("not checked, because CircleCI's answer can't be read")]


def _context(name: str) -> Check:
    return Check(f"{CONTEXTS.key}/{name}", f"CircleCI context {name}")


def _list(client: httpx.Client, what: str, **filters: str) -> list[Any]:
    given = {f"filter[{key}]": value for key, value in filters.items()}
    answer = send(client, "GET", f"{_API}/{what}", UNAVAILABLE, params=given).raise_for_status()
    found: list[Any] = answer.json()["data"]
    return found


def _check_context(name: str, restrictions: Sequence[Any], project: str) -> Verdict:
    given: dict[str, set[str]] = {}
    for restriction in restrictions:
        attributes = restriction["attributes"]
        given.setdefault(attributes["restriction_type"], set()).add(attributes["match_pattern"])
    check = _context(name)
    wrong = []
    if given.get("project") != {project}:
        wrong.append(f"restrict it to project {project} and to no other")
    if name == DEPLOY and given.get("expression") != {_MAIN}:
        wrong.append(f"restrict it to `{_MAIN}` and to no other expression")
    if wrong:
        return check.failed(f"{' and '.join(wrong)} (Organization Settings, Contexts)")
    return check.passed("restricted to the project" + (" and the branch main" if name == DEPLOY else ""))
