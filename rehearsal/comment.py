"""`python -m rehearsal.comment NAME FILE`: post a report to the pull request on GitHub, or update it there.

An invisible first line in each comment contains the report's name, so a pull request has one comment per report, with
the latest content.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import httpx

from stackfiles import text_file
from stackfiles.failures import BadConfiguration, Failure

_LONGEST: Final = 65_536
"""The most characters in a comment on GitHub, which answers 422 to a longer one."""
_CUT: Final = "\n\n… the rest is in the artifacts of the pipeline.\n"
_SECONDS: Final = 20.0


class Skipped(Exception):
    """There is no pull request or no token; the message says which."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Post the report and return the exit code."""
    given = _parser().parse_args(arguments)
    try:
        if not re.fullmatch(r"[a-z][a-z-]*", given.name):
            raise BadConfiguration(f"the name `{given.name}` isn't valid; accepted: lower-case letters and hyphens")
        print(_post(given.name, text_file.read(given.file), os.environ))
    except Skipped as reason:
        print(f"not posted: {reason}")
    except Failure as failure:
        print(f"error: {failure}", file=sys.stderr)
        return failure.exit_code
    return 0


def _post(name: str, text: str, environment: Mapping[str, str]) -> str:
    """Post or update a comment and return what was done.

    Raises:
        Skipped: there is no token, or no pull request.
        Failure: GitHub refuses or doesn't answer.
    """
    token = environment.get("GITHUB_TOKEN")
    if not token:
        raise Skipped("GITHUB_TOKEN isn't set")
    repository, number = _pull_request(environment)
    marker = f"<!-- report: {name} -->"
    body = f"{marker}\n{text}"
    if len(body) > _LONGEST:
        body = body[: _LONGEST - len(_CUT)].rpartition("\n")[0] + _CUT
    api = environment.get("GITHUB_API_URL", "https://api.github.com")
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/vnd.github+json"}
    try:
        with httpx.Client(base_url=f"{api}/repos/{repository}/issues", headers=headers, timeout=_SECONDS) as client:
            for comment in _comments(client, number):
                if str(comment["body"]).startswith(marker):
                    client.patch(f"/comments/{comment['id']}", json={"body": body}).raise_for_status()
                    return f"updated the report `{name}` on pull request {number}"
            client.post(f"/{number}/comments", json={"body": body}).raise_for_status()
    except httpx.HTTPStatusError as error:
        raise Failure(
            f"GitHub answers {error.response.status_code} to {error.request.method} of the report's comment; "
            "GITHUB_TOKEN needs the permission to write comments (Issues or Pull requests: write)"
        ) from None
    except httpx.TransportError as error:
        raise Failure(f"GitHub doesn't answer ({type(error).__name__}); the report wasn't posted") from None
    except (ValueError, KeyError, TypeError):
        raise Failure("GitHub's answer can't be read; the report wasn't posted") from None
    return f"posted the report `{name}` to pull request {number}"


def _comments(client: httpx.Client, number: str) -> Iterator[Mapping[str, Any]]:
    """Yield the comments on a pull request, page by page.

    Source: https://docs.github.com/en/rest/issues/comments
    """
    address: str | httpx.URL = f"/{number}/comments?per_page=100"
    while address:
        answer = client.get(address).raise_for_status()
        yield from answer.json()
        address = answer.links.get("next", {}).get("url", "")


def _pull_request(environment: Mapping[str, str]) -> tuple[str, str]:
    """Return the repository (`owner/name`) and the pull request's number, from GitHub Actions or CircleCI.

    Sources: https://docs.github.com/en/actions/reference/workflows-and-actions/variables,
    https://circleci.com/docs/reference/variables/

    Raises:
        Skipped: the run belongs to no pull request.
    """
    if number := re.fullmatch(r"refs/pull/(\d+)/merge", environment.get("GITHUB_REF", "")):
        return environment["GITHUB_REPOSITORY"], number[1]
    address = environment.get("CIRCLE_PULL_REQUEST", "")
    if found := re.fullmatch(r"https://github\.com/([\w.-]+/[\w.-]+)/pull/(\d+)", address):
        return found[1], found[2]
    raise Skipped("this run belongs to no pull request on GitHub")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m rehearsal.comment",
        description="Post a report to the pull request on GitHub that this run of GitHub Actions or CircleCI belongs "
        "to, or update the comment that an earlier run posted. GITHUB_TOKEN contains the token.",
        epilog="Exit codes: 0 posted, updated, or skipped with the reason; 1 GitHub refused; 2 bad usage.",
    )
    parser.add_argument("name", help="the report's name; each name has one comment")
    parser.add_argument("file", type=Path, help="the report, as Markdown")
    return parser


if __name__ == "__main__":
    sys.exit(main())
