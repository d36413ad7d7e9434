"""Runs the real engine with every policy pack attached.

A self-managed backend doesn't remember policy packs, and an engine that skips the preview creates resources before a
violation is found. So `up` and `preview` always attach the project's gate, which serves every pack with its
configuration for the stack, and always let the engine preview first. Options in the environment (`PULUMI_OPTION_...`)
are refused, because they could silently change either.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any, Final

from operations import deploy_consequences, engine_state, state_backend
from operations.pulumi_cli import PULUMI, SIGNALLED, require_cli, require_no_hidden_options, run_cli
from stackfiles import project, text_file
from stackfiles.failures import BadConfiguration, Failure
from stackfiles.plan_document import Enforcement, PlanDocument, SourceLines, State, Violation, enforced
from stackfiles.visible_text import visible, visible_line

READS_SECRETS: Final = "readSecretsInPreview"
"""The setting that makes previews read the Kinde client secret (components/settings.py)."""

RECORD_FILE: Final = "PREVIEW_RECORD_FILE"
RECORD_KEY: Final = "PREVIEW_RECORD_KEY"
"""Variables with the file in which the packs record the preview, and the key of its digests (policies/previewed)."""
LEFT_OUT: Final = "LEFT_OUT_OF_UPDATE"
"""Variable with the patterns of URNs that an update leaves out; the engine shows these resources as in the state."""
READING: Final = "PREVIEW_READS_SECRETS"
"""Variable that tells the packs that this engine's previews read secrets if the stack's `READS_SECRETS` is true.
policies/inventory/secret_copies.py reads both."""

GATE_PROGRAM: Final = "serve"
"""A gate's program in its folder. The engine starts it in half the time that it needs to start the folder as a pack."""

_PACK_TIMEOUT: Final = 60.0
"""The limit in seconds for a pack to start, and for each of its answers."""

_EVENT_LOG: Final = {"PULUMI_DEBUG_COMMANDS": "true"}
"""Makes the CLI accept `--event-log`; `preview --json` on its own leaves out the packs' violations."""


def preview(
    folder: Path, stack: str, *, diff: bool = False, plan: Path | None = None, output: Path | None = None
) -> int:
    """Show what `up` would do, and the packs' verdict on it.

    Like the other operations, it returns an exit code: 0, or the CLI's.

    Args:
        folder: The project's folder.
        stack: The stack's name.
        diff: Whether each changed property is shown.
        plan: Where to save the plan for `up`.
        output: Where to write the plan as JSON, in the embedded engine's format.

    Raises:
        BadConfiguration: the Pulumi CLI or the stack's file is missing, or an option isn't allowed.
        Failure: the engine wrote no plan, or the gate didn't start.
    """
    folder = _prepare(folder, stack)
    command = [*_command("preview", stack, diff=diff), *pack_options(folder, stack)]
    command += _plan_option("--save-plan", plan, folder, stack)
    if output:
        return _preview_as_json(command, folder, stack, output.absolute())
    if code := _run(command, folder, stack):
        _require_gate(folder, stack)
    return code


def up(
    folder: Path,
    stack: str,
    *,
    yes: bool = False,
    diff: bool = False,
    plan: Path | None = None,
    without_workloads: bool = False,
    change_park_mode: bool = False,
) -> int:
    """Print what the update destroys or replaces, then preview and apply.

    The packs record the preview in a private folder, and compare the update with it. An earlier preview, which finds
    what is destroyed or replaced, runs without the packs.

    Args:
        folder: As in `preview`.
        stack: As in `preview`.
        yes: Whether to apply without asking.
        diff: As in `preview`.
        plan: A plan that `preview` saved: only what it contains is done.
        without_workloads: Whether the workloads that the program creates, and their network, are left as they are.
        change_park_mode: Whether this is allowed to park or unpark the platform.

    Raises:
        BadConfiguration: as in `preview`, or it would park or unpark the platform without `change_park_mode`.
        Failure: the state can't be read, the update can't succeed, or the gate didn't start.
    """
    folder = _prepare(folder, stack)
    command = [*_command("up", stack, diff=diff), *pack_options(folder, stack)]
    left_out = WITHOUT_WORKLOADS if without_workloads else []
    command += [*left_out, *_plan_option("--plan", plan, folder, stack), *(["--yes"] if yes else [])]
    try:
        state = engine_state.load(folder, stack)
    except Failure as failure:
        raise Failure(f"the stack's state can't be read, so nothing was applied: {failure}") from None
    if not change_park_mode and state.park_mode is not None:
        _require_park_mode(folder, stack, state.park_mode)
    with tempfile.TemporaryDirectory() as private:
        if state.urns and (code := _look_first(folder, stack, left_out)):
            return code
        told = {RECORD_FILE: str(Path(private, "previewed.json")), RECORD_KEY: secrets.token_hex()}
        told[LEFT_OUT] = " ".join(_WORKLOAD_URNS if without_workloads else ())
        if code := _run(command, folder, stack, told):
            _require_gate(folder, stack)
        return code


def destroy(folder: Path, stack: str, *, diff: bool = False, confirm: str | None = None) -> int:
    """Show what would be destroyed, ask for the stack's name (unless `confirm` gives it), then destroy.

    Raises:
        BadConfiguration: as in `preview`, or `confirm` is another name, or there is no terminal to ask at.
        Failure: somebody typed another name.
    """
    folder = _prepare(folder, stack)
    command = _command("destroy", stack, diff=diff)
    if confirm is not None and confirm != stack:
        raise BadConfiguration(f"--confirm is `{confirm}`; accepted: the stack's name, {stack}")
    if code := _run([*command, "--preview-only"], folder, stack):
        return code
    if confirm is None:
        if not sys.stdin.isatty():
            raise BadConfiguration(f"there is no terminal to confirm at; accepted: --confirm {stack}")
        if input(f"Type the stack's name to destroy everything above ({stack}): ").strip() != stack:
            raise Failure("that isn't the stack's name: nothing was destroyed")
    return _run([*command, "--yes"], folder, stack)


def refresh(
    folder: Path,
    stack: str,
    *,
    diff: bool = False,
    preview_only: bool = False,
    yes: bool = False,
    expect_no_changes: bool = False,
    without_secrets: bool = False,
    clear_pending: bool = False,
) -> int:
    """Compare the state with what exists, then write the differences into the state.

    Args:
        folder: As in `preview`.
        stack: As in `preview`.
        diff: As in `preview`.
        preview_only: Whether differences are only shown.
        yes: Whether they are written without asking.
        expect_no_changes: Whether a difference is an error.
        without_secrets: Whether resources whose state contains the header secret are left out.
        clear_pending: Whether the state forgets what a killed `up` was about to create.

    Raises:
        BadConfiguration: as in `preview`.
    """
    folder = _prepare(folder, stack)
    options = {
        "--clear-pending-creates": clear_pending,
        "--expect-no-changes": expect_no_changes,
        "--preview-only": preview_only,
        "--yes": yes and not preview_only,
    }
    command = [*_command("refresh", stack, diff=diff), *(option for option, given in options.items() if given)]
    command += _exclusions(f"**{kind}::**" for kind in _WITH_HEADER_SECRET) if without_secrets else []
    return _run(command, folder, stack)


def unlock(folder: Path, stack: str) -> int:
    """Remove the lock of an operation that was killed.

    Raises:
        BadConfiguration: as in `preview`.
    """
    return _run([PULUMI, "cancel", stack, "--yes"], _prepare(folder, stack), stack)


_WITH_HEADER_SECRET: Final = (
    "aws:lb/listenerRule:ListenerRule",
    "aws:cloudfront/distribution:Distribution",
    "aws:ssm/parameter:Parameter",
)
"""The types whose state contains the header secret."""
_WORKLOADS: Final = ("guarded:network:Premises", "guarded:ecs:Workloads")
"""The components with the workloads that the program creates, and their network."""


def _prepare(folder: Path, stack: str) -> Path:
    """Check that the CLI can run on a stack in the folder, and return the folder's absolute path.

    Raises:
        BadConfiguration: the CLI is missing, the stack's file is missing or wrong, or the environment has options.
    """
    folder = folder.resolve()
    require_cli(folder)
    require_no_hidden_options()
    project.load(folder, stack)
    return folder


def _run(
    command: Sequence[str],
    folder: Path,
    stack: str,
    variables: Mapping[str, str] = MappingProxyType({}),
    stdout: IO[bytes] | None = None,
) -> int:
    """Run the CLI with the stack's backend and the variables that the gate's program reads; `variables` override."""
    environment = {"PULUMI_STACK": stack, READING: "true", LEFT_OUT: "", **state_backend.environment(folder, stack)}
    return run_cli(command, folder, {**environment, **variables}, stdout=stdout)


def _command(operation: str, stack: str, *, diff: bool) -> list[str]:
    return [PULUMI, operation, "--stack", stack, *(["--diff"] if diff else [])]


def _plan_option(option: str, plan: Path | None, folder: Path, stack: str) -> list[str]:
    if plan is None:
        return []
    _require_real_secrets(folder, stack)
    return [option, str(plan.absolute())]


def _exclusions(patterns: Iterable[str]) -> list[str]:
    """Return the CLI's options that leave out the URNs that match these patterns."""
    return [word for pattern in patterns for word in ("--exclude", pattern)]


_WORKLOAD_URNS: Final = tuple(f"**::{kind}**" for kind in _WORKLOADS)
WITHOUT_WORKLOADS: Final = _exclusions(_WORKLOAD_URNS)
"""The CLI's options for an update without the workloads that the program creates, such as CI's first update."""


def pack_options(folder: Path, stack: str) -> list[str]:
    """Return the CLI's options that attach a project's gate or, without one, each of its packs, with configuration."""
    options = []
    for pack in project.attached(folder):
        # The CLI pairs the two flags by position, so a pack without configuration gets an empty one.
        config = project.policy_config(folder, pack, stack) or Path(os.devnull)
        program = pack / GATE_PROGRAM
        attached = program if program.is_file() else pack
        options += ["--policy-pack", _listed(attached), "--policy-pack-config", _listed(config)]
    return options


def _listed(path: Path) -> str:
    """Quote a path as one element: the CLI reads these flags as comma-separated values."""
    text = str(path).replace('"', '""')
    return f'"{text}"' if "," in text or '"' in text else text


def _require_real_secrets(folder: Path, stack: str) -> None:
    """Refuse a saved plan with a placeholder for the Kinde client secret, because `up` would stop half-way.

    Raises:
        BadConfiguration: the stack's previews don't read the secret.
    """
    if (given := project.load(folder, stack).setting(READS_SECRETS)) != "true":
        raise BadConfiguration(
            f"{READS_SECRETS} is `{given}`, so a saved plan contains a placeholder for the Kinde client "
            "secret, and `up` would stop at the listener rules with much already applied; accepted with a plan: true"
        )


def _look_first(folder: Path, stack: str, left_out: Sequence[str]) -> int:
    """Print what an update destroys or replaces; return the CLI's exit code if it was interrupted, else 0.

    Raises:
        Failure: the update can't succeed.
    """
    print("Checking what this would destroy or replace …", file=sys.stderr, flush=True)
    with tempfile.TemporaryFile() as written:
        # Unchanged resources count too: AWS refuses to delete what they refer to.
        command = [PULUMI, "preview", "--stack", stack, "--json", "--show-sames", *left_out]
        code = _run(command, folder, stack, stdout=written)
        written.seek(0)
        impossible = deploy_consequences.say_written(written.read())
    if code > SIGNALLED:
        return code
    if impossible:
        raise Failure(f"nothing was applied, because {impossible} of the changes above can't succeed")
    return 0


def _require_park_mode(folder: Path, stack: str, marker: str) -> None:
    """Refuse to park or unpark the workloads that the program creates: an update alone would skip the checks.

    Raises:
        BadConfiguration: the mode in the stack's file differs from the marker in its state.
    """
    from operations.stack import load

    settings = load(folder, stack).settings
    if not settings.here or marker == settings.park_mode:
        return
    now = f"the platform is {marker}" if marker else "the marker in its state can't be read"
    raise BadConfiguration(
        f"parkMode is `{settings.park_mode}`, but {now}; accepted: the mode that the platform is in, or "
        f"`make {'park' if settings.parked else 'unpark'} STACK={stack}`, which checks before and after "
        "(docs/runbooks/parking.md)"
    )


def _preview_as_json(command: list[str], folder: Path, stack: str, output: Path) -> int:
    """Write the preview in the embedded engine's format: the CLI's own JSON, with violations and enforcement levels.

    A change that can't succeed makes it fail.
    """
    with tempfile.TemporaryDirectory() as scratch:
        events = Path(scratch) / "events.jsonl"
        with (Path(scratch) / "preview.json").open("w+b") as preview:
            code = _run([*command, "--json", "--event-log", str(events)], folder, stack, _EVENT_LOG, stdout=preview)
            preview.seek(0)
            written = preview.read()
        try:
            document: PlanDocument = json.loads(written)
        except ValueError:
            sys.stderr.write(written.decode(errors="replace"))
            _require_gate(folder, stack)
            raise Failure(f"`{PULUMI} preview` ended with exit code {code} and without a plan") from None
        document["policyViolations"] = violations(
            [json.loads(line) for line in events.read_text(encoding="utf-8").splitlines()], document
        )
    document["policyEnforcement"] = _enforcement(folder, stack)
    text_file.write(output, json.dumps(document, indent=2) + "\n", "--json")
    impossible = deploy_consequences.say(document)
    for violation in document["policyViolations"]:
        said = f"{violation['level']}  {violation['policy']}: {visible_line(violation['urn'])}"
        print(f"{said}\n    {visible(violation['message'])}")
    print(enforced(document["policyEnforcement"]))
    return code or int(bool(impossible))


def _require_gate(folder: Path, stack: str) -> None:
    """If the gate doesn't start, say why: for a pack that ends, the engine only reports a refused connection.

    Raises:
        Failure: it doesn't start.
        BadConfiguration: its configuration is wrong.
    """
    _enforcement(folder, stack)


def _enforcement(folder: Path, stack: str) -> Enforcement:
    """Return the enforcement levels of the attached packs' rules, which the engine's preview doesn't contain."""
    from rehearsal.engine import packs, processes

    settings = project.load(folder, stack)
    attached = [(pack, project.policy_config(folder, pack, stack)) for pack in project.attached(folder)]
    with processes.launch(settings, attached, _PACK_TIMEOUT) as started:
        return packs.enforcement(packs.configured(started))


def violations(events: Sequence[Mapping[str, Any]], preview: PlanDocument) -> list[Violation]:
    """Return the packs' violations in an event log, in the embedded engine's format.

    Args:
        events: The lines of `--event-log` (apitype.EngineEvent).
        preview: The document of `preview --json`, for the source positions.
    """
    states = {step["urn"]: step["newState"] for step in preview.get("steps", []) if step.get("newState")}
    return [
        {
            "pack": said["policyPackName"],
            "policy": said["policyName"],
            "level": said["enforcementLevel"],
            "severity": said.get("severity", ""),
            "urn": said.get("resourceUrn", ""),
            "message": said["message"].rstrip("\n"),  # the display adds an end of line
            **_lines(states.get(said.get("resourceUrn", ""))),
        }
        for said in (event["policyEvent"] for event in events if "policyEvent" in event)
    ]


def _lines(state: State | None) -> SourceLines:
    """Return the lines of the program that registered a resource, from the engine's state."""
    if state is None:
        return {"sourcePosition": ""}
    trace = [frame.get("sourcePosition", "") for frame in state.get("stackTrace", ())]
    return {"sourcePosition": state.get("sourcePosition", ""), "sourceTrace": trace}
