"""The command `adopt`: checks its preconditions, then writes the report or carries it out."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from operations import pulumi_cli, verdicts
from operations.adopt import check_plan, hand_over, judging, map_file, report, take_over, terraform_state
from operations.adopt.engine import Engine, scratch_engine
from operations.adopt.live import Account
from operations.adopt.map_file import Map
from operations.adopt.matching import Matcher
from operations.adopt.program_digest import program_digest
from operations.adopt.rehearsal import rehearse
from operations.adopt.report import Report
from operations.adopt.resources import TerraformState, Verdict, arn_place
from operations.aws import Aws
from operations.checks.cloudflare import TOKEN
from operations.command_line import load_stack, load_web
from operations.stack import Stack
from stackfiles import project, text_file
from stackfiles.failures import BadConfiguration, Failure
from stackfiles.plan_document import resource_label


def run(options: argparse.Namespace) -> int:
    """Carry out the command and return its exit code.

    Raises:
        BadConfiguration: a precondition isn't met.
        Failure: the engine, AWS or Cloudflare failed.
    """
    if options.check_plan:
        return _check_plan(options)
    folder: Path = options.project.resolve()
    pulumi_cli.require_cli(folder)
    pulumi_cli.require_no_hidden_options()
    if not options.terraform_state and not options.lookup:
        raise BadConfiguration("nothing says what is running; accepted: --terraform-state FILE, --lookup, or both")
    stack = load_stack(options)
    names = (project.load(folder, options.stack).name, options.stack)
    state = terraform_state.load(options.terraform_state) if options.terraform_state else None
    if state:
        require_place(state, stack.settings.account, stack.settings.region)
    Aws(stack.settings.region, options.timeout).require_account(stack.settings.account)
    if options.take_over:
        return _take_over(options, folder, names, state)
    if options.hand_over:
        return _hand_over(options, folder, names, state)
    if made_already := Engine(folder, options.stack).state().made:
        raise BadConfiguration(
            f"the stack's state already has {len(made_already)} resources; accepted: an empty stack, or --take-over "
            "with the report that you began with"
        )
    made = _rehearsed(options, folder, names, stack, state)
    if options.report:
        text_file.write(options.report, made.document(), "--report")
    if options.format == "json":
        verdicts.say(made.document().rstrip("\n"))
    elif options.format == "markdown":
        verdicts.say(report.markdown(made).rstrip("\n"))
    else:
        verdicts.output().print(report.table(made))
    return 0 if made.clean else 1


def require_place(state: TerraformState, account: str, region: str) -> None:
    """Refuse a Terraform state of another account or region.

    Raises:
        BadConfiguration: it has ARNs, but none of the account, or none of the region.
    """
    places = [arn_place(resource.attributes) for resource in state.resources]
    for part, (what, wanted) in enumerate((("region", region), ("account", account))):
        found = {place[part] for place in places} - {""}
        if found and wanted not in found:
            raise BadConfiguration(
                f"Terraform's state is for {what} {', '.join(sorted(found))}; accepted: {wanted}, the stack's own"
            )


def _rehearsed(
    options: argparse.Namespace, folder: Path, names: tuple[str, str], stack: Stack, state: TerraformState | None
) -> Report:
    known = map_file.load(options.map) if options.map else Map()
    live = Account(stack.settings.region, load_web(options), os.environ.get(TOKEN, ""))
    matcher = Matcher(state, live, known, stack.settings.account, stack.settings.region, options.lookup)
    with verdicts.progress("rehearsing the adoption in a private backend"), scratch_engine(folder, names[1]) as engine:
        rehearsal = rehearse(engine, matcher)
    of_state = (state.lineage, state.serial) if state else ("", 0)
    return report.make(
        names, of_state, program_digest(folder, names[1]), judging.rows(rehearsal, state, names[1]), rehearsal
    )


def _take_over(options: argparse.Namespace, folder: Path, names: tuple[str, str], state: TerraformState | None) -> int:
    reported = Report.load(options.take_over)
    take_over.require_as_reported(reported, names, state, program_digest(folder, names[1]))
    with verdicts.progress("importing, and previewing again"):
        imported = take_over.take_over(reported, Engine(folder, names[1]))
    verdicts.say(
        f"{imported} imported, {len(reported.imports) - imported} were already there; the preview is the same as in "
        "the rehearsal. Have Terraform forget them before the first `up`: docs/runbooks/adopting.md says how."
    )
    return 0


def _hand_over(options: argparse.Namespace, folder: Path, names: tuple[str, str], state: TerraformState | None) -> int:
    reported = Report.load(options.hand_over)
    if state is None:
        raise BadConfiguration("--hand-over needs the state that the report is about; accepted: --terraform-state FILE")
    take_over.require_as_reported(reported, names, state, program_digest(folder, names[1]))
    forgotten = Verdict.FORGOTTEN
    ids = {
        row.address: row.import_id
        for row in reported.rows
        if row.address and (row.import_id or row.verdict is forgotten)
    }
    done = hand_over.prepare(state, ids)
    if done.problems:
        raise Failure("what was taken over can't leave Terraform on its own:\n" + _indented(done.problems))
    written = hand_over.write(done, options.folder)
    verdicts.say(
        f"{len(done.addresses)} resources leave Terraform; written to {options.folder}: {', '.join(written)}. "
        f"{options.folder / hand_over.PAGE} says what to do with these files."
    )
    there = set(Engine(folder, names[1]).state().urns.values())
    if missing := [urn for urn in reported.imports if urn not in there]:
        verdicts.say(
            f"Don't apply any of it yet: the stack's state lacks {len(missing)} of the resources, such as "
            f"{resource_label(missing[0])}. Run --take-over first, or nothing would manage them."
        )
    return 0


def _check_plan(options: argparse.Namespace) -> int:
    addresses = options.folder / hand_over.ADDRESSES
    known = addresses.exists()
    leaving = hand_over.read_addresses(addresses) if known else []
    found = check_plan.check(check_plan.load(options.check_plan), leaving)
    if found.problems:
        raise Failure("Terraform's next plan does more than forget; don't apply it:\n" + _indented(found.problems))
    checked = (
        f"It keeps none of the {len(leaving)} that have to leave"
        if known
        else f"Without {addresses}, it isn't known whether these are all that have to leave"
    )
    verdicts.say(f"Terraform's next plan only forgets: {len(found.forgotten)} resources. {checked}.")
    return 0


def _indented(problems: Sequence[str]) -> str:
    return "\n".join(f"  {problem}" for problem in problems)
