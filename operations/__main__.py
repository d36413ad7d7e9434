"""`python -m operations`: the command line."""

from __future__ import annotations

import argparse
import datetime as dt
import getpass
import logging
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import SecretStr

from components.catalogue import Maker, secrets_made_by
from stackfiles.failures import BadConfiguration, Failure

if TYPE_CHECKING:
    from operations.browser import Browser, SigningIn
    from operations.stack import Stack
    from operations.verdicts import Verdict
    from operations.web import Web

_INTERRUPTED: Final = 130
_EMAIL: Final = "ROCKETCLUB_TEST_EMAIL"
_PASSWORD: Final = "ROCKETCLUB_TEST_PASSWORD"
_CODES: Final = (
    "Exit codes: 0 nothing wrong; 1 problems were found, or a step failed; 2 the command line, the stack's "
    "configuration or the AWS credentials are wrong."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    options = _parser().parse_args(arguments)
    # What botocore, httpcore and Selenium log for debugging holds the values that are sent.
    logging.disable(logging.DEBUG)
    try:
        code: int = options.command(options)
    except Failure as failure:
        print(f"error: {failure}", file=sys.stderr)
        return failure.exit_code
    except KeyboardInterrupt:
        print("interrupted; run the command again to go on", file=sys.stderr)
        return _INTERRUPTED
    except Exception as error:
        # The text of an unforeseen error may hold a value, so only its kind and place are told.
        place = traceback.extract_tb(error.__traceback__)[-1]
        print(f"error: unforeseen {type(error).__name__} at {place.filename}:{place.lineno}", file=sys.stderr)
        return 1
    return code


def _preflight(options: argparse.Namespace) -> int:
    from operations import preflight, verdicts
    from operations.aws import Aws

    stack, web = _stack(options), _web(options)
    with verdicts.progress("checking the account, secrets, parameters, Kinde, certificates and names"):
        found = preflight.run(stack, Aws(stack.settings.region, options.timeout), web)
    return _shown(f"Preflight of {options.stack}", found, as_json=options.json)


def _fill_secrets(options: argparse.Namespace) -> int:
    from operations import fill_secrets, verdicts
    from operations.aws import Aws

    stack = _stack(options)
    aws = Aws(stack.settings.region, options.timeout)
    rotated = set(options.rotate)
    endpoint = options.database_endpoint
    if not endpoint and sys.stdin.isatty() and fill_secrets.needs_endpoint(stack, aws, rotated):
        endpoint = input("Database endpoint (HOST or HOST:PORT): ").strip()
    database = fill_secrets.Database(
        endpoint,
        options.admin_user,
        options.backstage_user,
        options.backstage_database,
        options.backstage_parameters,
        options.prefect_user,
        options.prefect_database,
        options.prefect_parameters,
    )
    if rotated and not options.dry_run:
        print(f"Should this break off, go on with the same options and --rotation {options.rotation}", file=sys.stderr)
    with verdicts.progress("filling secrets"):
        found = fill_secrets.run(stack, aws, database, rotated, options.rotation, dry_run=options.dry_run)
    return _shown(f"Secrets of {options.stack}{' (dry run)' if options.dry_run else ''}", found, as_json=False)


def _rotate_kinde(options: argparse.Namespace) -> int:
    from operations import kinde_rotation
    from operations.aws import Aws

    stack, web = _stack(options), _web(options)
    if options.roll_back and options.replace:
        raise BadConfiguration("--roll-back, --replace: accepted: one of both")

    def works() -> bool:
        return _sign_in_works(options, stack, web)

    done = kinde_rotation.run(
        stack,
        Aws(stack.settings.region, options.timeout),
        web,
        kinde_rotation.Person(
            new_secret=lambda: _hidden("New client secret, as Kinde shows it"),
            applied=lambda: options.applied or _confirmed("Has it been applied?"),
            works=works,
        ),
        roll_back=options.roll_back,
        replace=options.replace,
    )
    return 0 if done else 1


def _sign_in_works(options: argparse.Namespace, stack: Stack, web: Web) -> bool:
    """Check both hosts; the whole sign-in is the test user's or a person's."""
    from operations import verdicts, verify_login

    user = _test_user(ask=False)
    found = _login_verdicts(options, stack, web, user)
    verdicts.show("Signing in", found, as_json=False)
    if not verdicts.all_passed(found):
        return False
    if user:
        return verify_login.whole_sign_in(stack, found)
    hosts = " and ".join(f"https://{host}" for host in stack.hosts.values())
    if options.signed_in or _confirmed(f"Sign in at {hosts} in a private window. Did both work?"):
        return True
    verdicts.say(
        "Whether the client secret is right shows in a whole sign-in only: "
        f"set {_EMAIL} and {_PASSWORD}, or sign in yourself at {hosts} and add --signed-in."
    )
    return False


def _verify_login(options: argparse.Namespace) -> int:
    stack, web = _stack(options), _web(options)
    found = _login_verdicts(options, stack, web, _test_user(ask=True) if options.sign_in else None)
    return _shown(f"Signing in at {options.stack}", found, as_json=options.json)


def _login_verdicts(options: argparse.Namespace, stack: Stack, web: Web, user: SigningIn | None) -> list[Verdict]:
    from operations import browser, verdicts, verify_login

    distributions, why_not = _distributions(options, stack)
    with verdicts.progress("following both hosts to Kinde, and trying the ways round"):
        found = verify_login.run(stack, web, distributions, why_no_distributions=why_not)
    if user and verdicts.all_passed(found):
        with verdicts.progress("signing in at both hosts in a browser"):
            found += browser.sign_in(stack, web, _browser(options), user)
    return found


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
        return given, f"{failure}, or name it: --distribution HOST=NAME"


def _stack(options: argparse.Namespace) -> Stack:
    from operations import stack

    return stack.load(options.project, options.stack)


def _web(options: argparse.Namespace) -> Web:
    from operations.web import Web, parse_routes

    return Web(options.timeout, parse_routes(options.connect_to))


def _browser(options: argparse.Namespace) -> Browser:
    from operations.browser import Browser

    return Browser(
        options.browser, options.browser_driver, options.browser_argument, options.sign_in_seconds, options.screenshots
    )


def _test_user(*, ask: bool) -> SigningIn | None:
    from operations.browser import SigningIn

    email, password = os.environ.get(_EMAIL, ""), os.environ.get(_PASSWORD, "")
    if email and password:
        return SigningIn(email, SecretStr(password))
    if not ask:
        return None
    if not sys.stdin.isatty():
        raise BadConfiguration(f"--sign-in: set {_EMAIL} and {_PASSWORD} to the test user's, or run it on a terminal")
    return SigningIn(email or input("Test user's e-mail address: ").strip(), _hidden("Test user's password"))


def _hidden(prompt: str) -> SecretStr:
    """Read a secret without showing it: from the terminal, or a line of standard input."""
    text = getpass.getpass(f"{prompt}: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    return SecretStr(text)


def _confirmed(question: str) -> bool:
    return sys.stdin.isatty() and input(f"{question} [y/N] ").strip().lower() in ("y", "yes")


def _shown(title: str, found: Sequence[Verdict], *, as_json: bool) -> int:
    from operations import verdicts

    verdicts.show(title, found, as_json=as_json)
    return 0 if verdicts.all_passed(found) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m operations",
        description="What people run around a deploy. AWS credentials come from the shell, as with the AWS CLI.",
        epilog=_CODES,
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    # In groups of their own, so that `--help` begins with what is the command's own.
    common_parser = argparse.ArgumentParser(add_help=False)
    common = common_parser.add_argument_group("where")
    common.add_argument(
        "--stack", default="prod", metavar="NAME", help="the stack, which is the environment (default: prod)"
    )
    common.add_argument(
        "--project", type=Path, default=Path(), metavar="FOLDER", help="the project's folder (default: this one)"
    )
    common.add_argument(
        "--timeout",
        type=_seconds,
        default=10.0,
        metavar="SECONDS",
        help="how long to wait for any answer (default: 10)",
    )
    web_parser = argparse.ArgumentParser(add_help=False)
    web_parser.add_argument_group("connections").add_argument(
        "--connect-to",
        action="append",
        default=[],
        metavar="HOST:PORT:ADDRESS:PORT",
        help="reach a host at another address, as curl does; repeatable",
    )

    preflight = commands.add_parser(
        "preflight",
        parents=[common_parser, web_parser],
        help="check that everything a deploy relies on is there",
        description="Check the account and region, every secret and parameter of the catalogue (values are looked at, "
        "never shown), Kinde's discovery document, the certificates, the Cloudflare zone (with CLOUDFLARE_API_TOKEN) "
        "and the hosts' addresses. Changes nothing.",
        epilog=f"{_CODES} What is open, because the first apply makes it or there is no way to look, is no problem.",
    )
    preflight.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    preflight.set_defaults(command=_preflight)
    _add_fill_secrets(commands, common_parser)
    _add_sign_in_commands(commands, common_parser, web_parser)
    return parser


def _add_fill_secrets(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], common: argparse.ArgumentParser
) -> None:
    fill = commands.add_parser(
        "fill-secrets",
        parents=[common],
        help="give the secrets that the program makes their first values",
        description="Give every secret that the program makes a value, generated or composed, straight into Secrets "
        "Manager. What has a value keeps it. After a failure, run it again with the same options: it goes on.",
        epilog=_CODES,
    )
    fill.add_argument(
        "--database-endpoint", default="", metavar="HOST[:PORT]", help="Aurora's cluster endpoint (asked for if needed)"
    )
    for option, default, meaning in (
        ("--admin-user", "postgres", "Aurora's administrator"),
        ("--backstage-user", "backstage", "Backstage's database user"),
        ("--backstage-database", "backstage", "Backstage's database"),
        ("--prefect-user", "prefect", "Prefect's database user"),
        ("--prefect-database", "prefect", "Prefect's database"),
    ):
        fill.add_argument(option, default=default, metavar="NAME", help=f"{meaning} (default: {default})")
    fill.add_argument(
        "--backstage-parameters",
        default="sslmode=require",
        metavar="NAME=VALUE",
        help="end of Backstage's URL (default: sslmode=require, for which the image must trust RDS's authority)",
    )
    fill.add_argument(
        "--prefect-parameters",
        default="ssl=require",
        metavar="NAME=VALUE",
        help="end of Prefect's URL (default: ssl=require)",
    )
    fill.add_argument(
        "--rotate",
        action="append",
        default=[],
        choices=[secret.path for secret in secrets_made_by(Maker.PROGRAM)],
        metavar="PATH",
        help="replace this secret's value too, and what is composed of it; repeatable: "
        + ", ".join(secret.path for secret in secrets_made_by(Maker.PROGRAM)),
    )
    fill.add_argument(
        "--rotation",
        default=dt.datetime.now(dt.UTC).date().isoformat(),
        metavar="NAME",
        help="name of the rotation: the same name goes on with it, another one rotates anew (default: today, UTC)",
    )
    fill.add_argument("--dry-run", action="store_true", help="say what would be done, write nothing")
    fill.set_defaults(command=_fill_secrets)


def _add_sign_in_commands(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    common: argparse.ArgumentParser,
    web: argparse.ArgumentParser,
) -> None:
    sign_in_parser = argparse.ArgumentParser(add_help=False)
    sign_in = sign_in_parser.add_argument_group("signing in")
    sign_in.add_argument(
        "--distribution",
        action="append",
        default=[],
        metavar="HOST=NAME",
        help="a host's distribution, such as d111111abcdef8.cloudfront.net (default: looked up in AWS); repeatable",
    )
    sign_in.add_argument("--browser", default="", metavar="PROGRAM", help="Chromium (default: the one on the path)")
    sign_in.add_argument(
        "--browser-driver", default="", metavar="PROGRAM", help="chromedriver (default: the one on the path)"
    )
    sign_in.add_argument(
        "--browser-argument",
        action="append",
        default=[],
        metavar="TEXT",
        help="one more argument for Chromium; repeatable",
    )
    sign_in.add_argument(
        "--sign-in-seconds",
        type=_seconds,
        default=60.0,
        metavar="SECONDS",
        help="time for one whole sign-in (default: 60)",
    )
    sign_in.add_argument(
        "--screenshots",
        type=Path,
        default=Path("build/sign-in"),
        metavar="FOLDER",
        help="where a failed sign-in leaves a picture, its fields emptied (default: build/sign-in)",
    )

    rotate = commands.add_parser(
        "rotate-kinde",
        parents=[common, web, sign_in_parser],
        help="bring a new Kinde client secret to the load balancer",
        description="Guide a rotation of Kinde's client secret: the new one is read hidden (or from a line of standard "
        "input), checked with Kinde, stored beside the one before, applied by you, and proven by signing in. Run it "
        "again at any time: it goes on where the rotation stands.",
        epilog=f"{_CODES} Signing in is proven by a test user ({_EMAIL}, {_PASSWORD}) or by you.",
    )
    rotate.add_argument("--applied", action="store_true", help="the change has been applied: check signing in")
    rotate.add_argument("--signed-in", action="store_true", help="you have signed in at both hosts, and it worked")
    rotate.add_argument("--roll-back", action="store_true", help="go back to the client secret before this rotation")
    rotate.add_argument(
        "--replace", action="store_true", help="put another new client secret in the place of this rotation's"
    )
    rotate.set_defaults(command=_rotate_kinde)

    verify = commands.add_parser(
        "verify-login",
        parents=[common, web, sign_in_parser],
        help="check that signing in works at both hosts",
        description="Follow both hosts to Kinde's sign-in page as a visitor: certificate, redirect, callback, client "
        "id, scope, cookies, no loop; and check that nobody gets in past the front. Known symptoms are named.",
        epilog=_CODES,
    )
    verify.add_argument(
        "--sign-in",
        action="store_true",
        help=f"sign in as a test user in Chromium ({_EMAIL}, {_PASSWORD}, or asked for)",
    )
    verify.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    verify.set_defaults(command=_verify_login)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 3600:
        raise argparse.ArgumentTypeError(f"{text}: accepted: seconds, more than 0 and at most 3600")
    return seconds


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
