"""The two secrets that pass through the program: nothing shows them, and changing one changes only what contains it."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from review.diagram.draw import svg
from review.diagram.flowchart import mermaid
from review.diagram.read import read_stack
from review.page.data import Shown
from review.page.document import page
from stackfiles.plan_document import PlanDocument, rules_named
from tests import ended_processes
from tests.forks import forked
from tests.owner import owned
from tests.planning import command, copy_project
from tests.raw_plan import Variant, answer_with, raw_plan

CLIENT_CANARY: Final = "canary-of-the-client-secret"
HEADER_CANARY: Final = sha256(b"header").hexdigest()
PREVIOUS_CANARY: Final = sha256(b"previous header").hexdigest()
CANARIES: Final = (CLIENT_CANARY, HEADER_CANARY, PREVIOUS_CANARY, HEADER_CANARY[:8], PREVIOUS_CANARY[:8])

NEW: Final = Variant(
    settings=(("readSecretsInPreview", "true"),), header_secret=HEADER_CANARY, client_secret=CLIENT_CANARY
)
BOTH: Final = replace(NEW, previous_header_secret=PREVIOUS_CANARY)
OLD: Final = replace(NEW, header_secret=PREVIOUS_CANARY)
"""The stack after a rotation of the header secret, in the middle of it, and before it."""


def with_client_secret(client_secret: str, register: Path, packs: Path, *arguments: str) -> int:
    """Run the command line in an account with this client secret."""
    answer_with(client_secret)
    return command(register, packs, *arguments)


class Change(NamedTuple):
    """A change to a program file that leaks a secret, and the rule that reports it."""

    file: str
    old: str
    new: str
    rule: str


BROKEN: Final[dict[str, Change]] = {
    "the rules accept more": Change(
        "components/guarded_application.py",
        "_header(HEADER, args.header_secrets)",
        '_header(HEADER, [*args.header_secrets, pulumi.Output.concat("*", args.header_secrets[0])])',
        "weak-header-secret",
    ),
    "the distribution sends something else": Change(
        "components/distribution.py",
        "value=args.header_secret",
        'value=pulumi.Output.concat(args.header_secret, "?")',
        "host-without-rule",
    ),
    "the client secret in another property": Change(
        "components/guarded_application.py",
        "issuer=args.kinde.issuer",
        "issuer=args.kinde.client_secret",
        "foreign-identity-provider",
    ),
    "the header secret for a host": Change(
        "components/guarded_application.py",
        "values=[args.host]",
        "values=[args.header_secrets[0]]",
        "rule-without-host",
    ),
    "the header secret as an origin": Change(
        "components/distribution.py",
        "domain_name=args.origin",
        "domain_name=args.header_secret",
        "origin-elsewhere",
    ),
    "the header secret as a cookie": Change(
        "components/guarded_application.py",
        "session_cookie_name=args.application.session_cookie",
        "session_cookie_name=args.header_secrets[0]",
        "shared-session",
    ),
    "the header secret as a parameter's name": Change(
        "components/parameters.py",
        "name=parameter.name(self._names)",
        "name=value if parameter.secret else parameter.name(self._names)",
        "misnamed-parameter",
    ),
}
PROGRAMS: Final = {
    "as it is": (),
    "listener, parameter, what is sent and cookie": (
        "the rules accept more",
        "the client secret in another property",
        "the header secret as a parameter's name",
        "the distribution sends something else",
        "the header secret as a cookie",
    ),
    "host and origin": ("the header secret for a host", "the header secret as an origin"),
}
"""Changes that are planned together: each breaks a rule that no other change of its program breaks."""


@cache
def rehearsed(*changes: str) -> tuple[PlanDocument, str]:
    """Plan a changed copy of the project with the canaries; return the plan and everything that was written."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        project = copy_project(folder)
        for path, before, after in (
            *((project / BROKEN[name].file, BROKEN[name].old, BROKEN[name].new) for name in changes),
            (
                project / "components" / "settings.py",
                'sha256(f"{number:064x}".encode()).hexdigest() for number, key in enumerate(SECRET_KEYS)}',
                f"{(HEADER_CANARY, PREVIOUS_CANARY)}[number] for number, key in enumerate(SECRET_KEYS)}}",
            ),
            (
                project / "Pulumi.prod.yaml",
                "  originHeaderSecret:",
                "  readSecretsInPreview: true\n"
                "  previousOriginHeaderSecret: {secure: v1:EXAMPLE:EXAMPLE}\n"
                "  originHeaderSecret:",
            ),
        ):
            text = path.read_text()
            assert text.count(before) == 1
            path.write_text(text.replace(before, after))
        output = folder / "plan.json"
        options = ("--project", str(project), "--json", str(output))
        packs = owned() / "policies"
        done = forked(with_client_secret, CLIENT_CANARY, ended_processes.register(), packs, *options)
        return json.loads(output.read_text()), done.printed + output.read_text()


@pytest.mark.parametrize("changes", PROGRAMS.values(), ids=PROGRAMS)
def test_canaries_show_nowhere(changes: tuple[str, ...]) -> None:
    plan, written = rehearsed(*changes)
    assert "error" not in plan
    for canary in CANARIES:
        assert canary not in written
    assert "[secret]" in written
    said = {rule for violation in plan["policyViolations"] for rule in rules_named(violation)}
    assert {rule.rpartition("/")[2] for rule in said} >= {BROKEN[name].rule for name in changes}
    # A rehearsal reads no secret, so the canary must be a literal in the program, and the gate says so whatever
    # the setting says.
    assert "inventory/literal-secret" in said
    assert bool(said - {"inventory/literal-secret"}) == bool(changes)


def test_each_leak_is_planned() -> None:
    assert {name for changes in PROGRAMS.values() for name in changes} == BROKEN.keys()


def test_the_canaries_are_in_the_program_and_neither_in_the_diagram_nor_on_the_page() -> None:
    """The canaries really are in the program; otherwise their absence above would prove nothing."""
    raw = json.dumps([step.inputs for step in raw_plan(BOTH)])
    assert all(canary in raw for canary in CANARIES)
    plan, _ = rehearsed()
    parts = read_stack(plan)
    written = svg(parts) + mermaid(parts) + page(Shown("prod", plan))
    assert not any(canary in written for canary in CANARIES)


def changed(before: Variant, after: Variant) -> set[tuple[str, str]]:
    """Return type and name of each resource whose inputs differ between the plans of two variants."""
    plans = [{step.urn: step for step in raw_plan(variant)} for variant in (before, after)]
    assert plans[0].keys() == plans[1].keys()
    return {
        (step.type, step.name)
        for urn, step in plans[0].items()
        if json.dumps(step.inputs) != json.dumps(plans[1][urn].inputs)
    }


RULES: Final = {("aws:lb/listenerRule:ListenerRule", f"prod-{name}") for name in ("portal", "pipelines")}


def test_changing_the_client_secret_changes_only_the_listener_rules() -> None:
    assert changed(NEW, replace(NEW, client_secret="another")) == RULES


def test_a_client_secret_stored_as_json_changes_nothing() -> None:
    assert changed(NEW, replace(NEW, client_secret=json.dumps({"client_secret": CLIENT_CANARY}))) == set()


def test_a_preview_reads_the_client_secret_only_if_a_setting_allows_it() -> None:
    unread = replace(NEW, settings=())
    assert changed(NEW, unread) == RULES
    assert CLIENT_CANARY not in json.dumps([step.inputs for step in raw_plan(unread)])


def test_changing_the_header_secret_changes_only_parameter_distributions_and_rules() -> None:
    assert changed(OLD, NEW) == RULES | {
        ("aws:ssm/parameter:Parameter", "shared/cf_alb_secret"),
        ("aws:cloudfront/distribution:Distribution", "prod-portal"),
        ("aws:cloudfront/distribution:Distribution", "prod-pipelines"),
    }


def test_each_step_of_a_rotation_changes_only_what_it_needs() -> None:
    """First, both values are accepted and the new one is sent; then the old one is no longer accepted."""
    assert changed(BOTH, NEW) == RULES
    assert changed(OLD, BOTH) > RULES
