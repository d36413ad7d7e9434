"""The real engine, run with every policy pack attached.

A self-managed backend doesn't remember policy packs, and an engine that skips the preview makes resources before a
violation is found. So `up` and `preview` always get the project's gate, which serves every pack with its configuration
for the stack, and the engine's own preview always comes first. Options in the environment (`PULUMI_OPTION_...`) are
refused, because they could change either unseen.
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
"""Key of the setting with which a preview reads the Kinde client secret (components/settings.py)."""

RECORD_FILE: Final = "PREVIEW_RECORD_FILE"
RECORD_KEY: Final = "PREVIEW_RECORD_KEY"
"""Variables that say where the packs keep what the preview had, and the key of its digests (policies/previewed)."""
LEFT_OUT: Final = "LEFT_OUT_OF_UPDATE"
"""Variable with the patterns of URNs that an update leaves out: of these the engine shows what the state has."""
READING: Final = "PREVIEW_READS_SECRETS"
"""Variable that tells the packs that previews of this engine read secrets, where the stack's `READS_SECRETS` is true.
policies/inventory/secret_copies.py reads both."""

GATE_PROGRAM: Final = "serve"
"""A gate's program, in its folder. The engine starts it in half the time that it takes to start the folder."""

_PACK_TIMEOUT: Final = 60.0
"""Seconds for a pack to start, and for each of its answers."""

_EVENT_LOG: Final = {"PULUMI_DEBUG_COMMANDS": "true"}
"""Makes the CLI know `--event-log`; `preview --json` itself leaves the packs' violations out."""


def preview(
    folder: Path, stack: str, *, diff: bool = False, plan: Path | None = None, output: Path | None = None
) -> int:
    """Show what `up` would do, and what the packs say about it.

    Like the other operations it returns an exit code: 0, or what the CLI ends with.

    Args:
        folder: The project's folder.
        stack: The stack's name.
        diff: Whether each changed property is shown.
        plan: Where to save what was seen, for `up`.
        output: Where to write the plan as JSON, in the embedded engine's format.

    Raises:
        BadConfiguration: the Pulumi CLI or the stack's file is missing, or something is asked for that isn't allowed.
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
    """Say what is destroyed or replaced, then preview and apply.

    The packs keep what the preview had in a private folder, and hold the update against it. The preview that is made
    first goes without the packs.

    Args:
        folder: As in `preview`.
        stack: As in `preview`.
        yes: Whether what the preview shows is applied without asking.
        diff: As in `preview`.
        plan: A plan that `preview` saved: nothing is done that it doesn't have.
        without_workloads: Whether workloads that are made here, and their network, are left as they are.
        change_park_mode: Whether this may park or unpark the platform.

    Raises:
        BadConfiguration: as in `preview`, or it would park or unpark the platform, which `park` and `unpark` do.
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
    """Show what would go, ask for the stack's name (unless `confirm` gives it), then destroy.

    Raises:
        BadConfiguration: as in `preview`, or the name is another one, or nobody is there to type it.
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
            raise BadConfiguration(f"nobody is there to confirm; accepted: --confirm {stack}")
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
    """Compare the state with what exists, then take the differences over.

    Args:
        folder: As in `preview`.
        stack: As in `preview`.
        diff: As in `preview`.
        preview_only: Whether differences are shown and no more.
        yes: Whether they are taken over without asking.
        expect_no_changes: Whether a difference is an error.
        without_secrets: Whether resources whose state holds the header secret are left out.
        clear_pending: Whether the state forgets what a killed `up` was about to make.

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
    """Take away the lock of an operation that was killed.

    Raises:
        BadConfiguration: as in `preview`.
    """
    return _run([PULUMI, "cancel", stack, "--yes"], _prepare(folder, stack), stack)


_WITH_HEADER_SECRET: Final = (
    "aws:lb/listenerRule:ListenerRule",
    "aws:cloudfront/distribution:Distribution",
    "aws:ssm/parameter:Parameter",
)
"""The types whose state holds the header secret."""
_WORKLOADS: Final = ("guarded:network:Premises", "guarded:ecs:Workloads")
"""The components that hold workloads that are made here, and what they stand in."""


def _prepare(folder: Path, stack: str) -> Path:
    """Return the folder's whole path, once the CLI can be started on a stack in it.

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
    told: Mapping[str, str] = MappingProxyType({}),
    stdout: IO[bytes] | None = None,
) -> int:
    """Run the CLI with the backend of a stack's state, and with what its gate's program is told, beside `told`."""
    environment = {"PULUMI_STACK": stack, READING: "true", LEFT_OUT: "", **state_backend.environment(folder, stack)}
    return run_cli(command, folder, {**environment, **told}, stdout=stdout)


def _command(operation: str, stack: str, *, diff: bool) -> list[str]:
    return [PULUMI, operation, "--stack", stack, *(["--diff"] if diff else [])]


def _plan_option(option: str, plan: Path | None, folder: Path, stack: str) -> list[str]:
    if plan is None:
        return []
    _require_real_secrets(folder, stack)
    return [option, str(plan.absolute())]


def _exclusions(patterns: Iterable[str]) -> list[str]:
    """Return the CLI's options that leave out what URNs with these patterns name."""
    return [word for pattern in patterns for word in ("--exclude", pattern)]


_WORKLOAD_URNS: Final = tuple(f"**::{kind}**" for kind in _WORKLOADS)
WITHOUT_WORKLOADS: Final = _exclusions(_WORKLOAD_URNS)
"""The CLI's options of an update that leaves out workloads that are made here, as CI's first one does."""


def pack_options(folder: Path, stack: str) -> list[str]:
    """Return the CLI's options that attach a project's gate, or else each of its packs with its configuration."""
    options = []
    for pack in project.attached(folder):
        # The CLI pairs the two flags by position, so that a pack without configuration needs an empty one.
        config = project.policy_config(folder, pack, stack) or Path(os.devnull)
        program = pack / GATE_PROGRAM
        attached = program if program.is_file() else pack
        options += ["--policy-pack", _listed(attached), "--policy-pack-config", _listed(config)]
    return options


def _listed(path: Path) -> str:
    """Return a path as one element: the CLI reads these flags as comma-separated values."""
    text = str(path).replace('"', '""')
    return f'"{text}"' if "," in text or '"' in text else text


def _require_real_secrets(folder: Path, stack: str) -> None:
    """Refuse a saved plan with a stand-in for the Kinde client secret, because `up` would stop half-way.

    Raises:
        BadConfiguration: the stack's previews don't read the secret.
    """
    if (given := project.load(folder, stack).setting(READS_SECRETS)) != "true":
        raise BadConfiguration(
            f"{READS_SECRETS} is `{given}`, so a saved plan holds a stand-in for the Kinde client "
            "secret, and `up` would stop at the listener rules with much of it applied; accepted with a plan: true"
        )


def _look_first(folder: Path, stack: str, left_out: Sequence[str]) -> int:
    """Say what an update destroys or replaces; return how the CLI ended if somebody stopped it, else 0.

    Raises:
        Failure: the update can't succeed.
    """
    print("Looking for what this destroys or replaces …", file=sys.stderr, flush=True)
    with tempfile.TemporaryFile() as written:
        # What stays as it is counts too: AWS keeps what that refers to.
        command = [PULUMI, "preview", "--stack", stack, "--json", "--show-sames", *left_out]
        code = _run(command, folder, stack, stdout=written)
        written.seek(0)
        impossible = deploy_consequences.say_written(written.read())
    if code > SIGNALLED:
        return code
    if impossible:
        raise Failure(f"nothing was applied, because of the {impossible} above that can't succeed")
    return 0


def _require_park_mode(folder: Path, stack: str, marker: str) -> None:
    """Refuse to park or unpark workloads that are made here: an update alone leaves out what is checked before.

    Raises:
        BadConfiguration: the stack's file says another mode than the marker in its state.
    """
    from operations.stack import load

    settings = load(folder, stack).settings
    if not settings.here or marker == settings.park_mode:
        return
    told = f"the platform is {marker}" if marker else "the marker in its state can't be read"
    raise BadConfiguration(
        f"parkMode is `{settings.park_mode}`, and {told}; accepted: the mode that the platform is in, or "
        f"`make {'park' if settings.parked else 'unpark'} STACK={stack}`, which checks before and after "
        "(docs/runbooks/parking.md)"
    )


def _preview_as_json(command: list[str], folder: Path, stack: str, output: Path) -> int:
    """Write the preview in the embedded engine's format: the CLI's own JSON, with what the packs say and enforce.

    What can't succeed makes it fail.
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
    """Say why the gate doesn't start, if it doesn't: of a pack that ends, the engine tells a refused connection.

    Raises:
        Failure: it doesn't start; or BadConfiguration, it isn't configured as it must be.
    """
    _enforcement(folder, stack)


def _enforcement(folder: Path, stack: str) -> Enforcement:
    """Return what the attached packs enforce, which the engine's preview doesn't tell."""
    from rehearsal.engine import packs, processes

    settings = project.load(folder, stack)
    attached = [(pack, project.policy_config(folder, pack, stack)) for pack in project.attached(folder)]
    with processes.launch(settings, attached, _PACK_TIMEOUT) as started:
        return packs.enforcement(packs.configured(started))


def violations(events: Sequence[Mapping[str, Any]], preview: PlanDocument) -> list[Violation]:
    """Return what the packs said, in the embedded engine's format, from an event log.

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
    """Return the lines of the program that made a resource, as the engine tells them."""
    if state is None:
        return {"sourcePosition": ""}
    trace = [frame.get("sourcePosition", "") for frame in state.get("stackTrace", ())]
    return {"sourcePosition": state.get("sourcePosition", ""), "sourceTrace": trace}
