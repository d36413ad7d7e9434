"""What `verify-login` and `rotate-kinde` share: their options, the test user and the checks of both hosts."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from operations import prompts
from operations.command_line import seconds
from stackfiles.failures import BadConfiguration, Failure

if TYPE_CHECKING:
    from operations.browser import Browser, SigningIn
    from operations.stack import Stack
    from operations.verdicts import Verdict
    from operations.web import Web

EMAIL: Final = "SIGN_IN_EMAIL"
PASSWORD: Final = "SIGN_IN_PASSWORD"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the distributions and of the browser."""
    group = parser.add_argument_group("signing in")
    group.add_argument(
        "--distribution",
        action="append",
        default=[],
        metavar="HOST=NAME",
        help="a host's distribution, such as d111111abcdef8.cloudfront.net (default: looked up in AWS); repeatable",
    )
    group.add_argument("--browser", default="", metavar="PROGRAM", help="Chromium (default: the one on the path)")
    group.add_argument(
        "--browser-driver", default="", metavar="PROGRAM", help="chromedriver (default: the one on the path)"
    )
    group.add_argument(
        "--browser-argument",
        action="append",
        default=[],
        metavar="TEXT",
        help="one more argument for Chromium; repeatable",
    )
    group.add_argument(
        "--sign-in-seconds",
        type=seconds,
        default=60.0,
        metavar="SECONDS",
        help="time limit for one complete sign-in (default: 60)",
    )
    group.add_argument(
        "--screenshots",
        type=Path,
        default=Path("build/sign-in"),
        metavar="FOLDER",
        help="where to save a screenshot of a failed sign-in, with its fields emptied (default: build/sign-in)",
    )


def verdicts(options: argparse.Namespace, stack: Stack, web: Web, user: SigningIn | None) -> list[Verdict]:
    """Check both hosts; if there are no problems and there is a user, sign in at both.

    Raises:
        BadConfiguration: `--distribution` can't be read, or the browser isn't installed.
    """
    from operations import browser, verify_login
    from operations.verdicts import all_passed, progress

    distributions, why_not = _distributions(options, stack)
    with progress("following both hosts to Kinde, and trying to bypass the front"):
        found = verify_login.run(stack, web, distributions, why_no_distributions=why_not)
    if user and all_passed(found):
        with progress("signing in at both hosts in a browser"):
            found += browser.sign_in(stack, web, _browser(options), user)
    return found


def find_test_user() -> SigningIn | None:
    """Return the test user of the environment variables, or None."""
    from pydantic import SecretStr

    from operations.browser import SigningIn

    email, password = os.environ.get(EMAIL, ""), os.environ.get(PASSWORD, "")
    return SigningIn(email, SecretStr(password)) if email and password else None


def require_test_user() -> SigningIn:
    """Return the test user of the environment variables; on a terminal, ask for what is missing.

    Raises:
        BadConfiguration: something is missing, and there is no terminal.
    """
    from operations.browser import SigningIn

    if user := find_test_user():
        return user
    if not sys.stdin.isatty():
        raise BadConfiguration(f"--sign-in: set {EMAIL} and {PASSWORD} for the test user, or run it on a terminal")
    email = os.environ.get(EMAIL, "") or input("Test user's e-mail address: ").strip()
    return SigningIn(email, prompts.ask_hidden("Test user's password"))


def _distributions(options: argparse.Namespace, stack: Stack) -> tuple[dict[str, str], str]:
    """Return host -> domain name of its distribution, and why they couldn't be looked up."""
    from operations import verify_login
    from operations.aws import Aws

    given = {}
    for text in options.distribution:
        host, found, name = text.partition("=")
        if not found or host not in stack.hosts.values():
            raise BadConfiguration(
                f"--distribution {text}: accepted: HOST=NAME, hosts {', '.join(stack.hosts.values())}"
            )
        given[host] = name
    if len(given) == len(stack.hosts):
        return given, ""
    try:
        return verify_login.find_distributions(stack, Aws(stack.settings.region, options.timeout)) | given, ""
    except Failure as failure:
        return given, f"{failure}, or set it: --distribution HOST=NAME"


def _browser(options: argparse.Namespace) -> Browser:
    from operations.browser import Browser

    return Browser(
        options.browser, options.browser_driver, options.browser_argument, options.sign_in_seconds, options.screenshots
    )
