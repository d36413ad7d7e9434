"""The real engine, run with every policy pack attached.

A self-managed backend doesn't remember policy packs, and an engine that skips the preview makes resources before a
violation is found. So `up` and `preview` always get the project's gate, which serves every pack with its configuration
for the stack, and the engine's own preview always comes first. Options in the environment (`PULUMI_OPTION_...`) are
refused, because they could change either unseen.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, Final

from operations import state_backend
from stackfiles import project, text_file
from stackfiles.failures import BadConfiguration, Failure
from stackfiles.plan_document import Enforcement, PlanDocument, SourceLines, State, Violation, enforced
from stackfiles.visible_text import visible, visible_line

PULUMI: Final = "pulumi"
"""The CLI's program."""

INSTALL_PAGE: Final = "https://www.pulumi.com/docs/install/versions/"
"""Where Pulumi lists every version of its CLI with the ways to install it."""

FROM_ENVIRONMENT: Final = "PULUMI_OPTION_"
"""The CLI takes any of its flags from variables with this prefix (pkg/cmd/pulumi/pulumi.go)."""

READS_SECRETS: Final = "readSecretsInPreview"
"""Key of the setting with which a preview reads the Kinde client secret (components/settings.py)."""

PARK_MODE: Final = "parkMode"
"""Key of the setting that says whether the platform is parked."""

RECORD_FILE: Final = "PREVIEW_RECORD_FILE"
RECORD_KEY: Final = "PREVIEW_RECORD_KEY"
"""Variables that say where the packs keep what the preview had, and the key of its digests (policies/previewed)."""

_PACK_TIMEOUT: Final = 60.0
"""Seconds for a pack to start, and for each of its answers."""

_SIGNALLED: Final = 128
"""What is added to the number of the signal that ended a process, to make an exit code."""

_EVENT_LOG: Final = {"PULUMI_DEBUG_COMMANDS": "true"}
"""Makes the CLI know `--event-log`; `preview --json` itself leaves the packs' violations out."""


def run(given: argparse.Namespace) -> int:
    """Carry out an operation of `operations.commands.deploy` and return its exit code.

    Raises:
        BadConfiguration: the Pulumi CLI is missing, or something is asked for that isn't allowed.
        Failure: the engine wrote no plan, the gate didn't start, or nobody confirmed.
    """
    folder: Path = given.project.resolve()
    require_cli(folder)
    require_no_hidden_options()
    project.require_stack(folder, given.stack)
    os.environ.update(state_backend.environment(folder, given.stack))
    if given.operation in ("up", "preview") and given.plan:
        _require_real_secrets(folder, given.stack)
    command = command_line(given, folder)
    if given.operation == "preview" and given.json:
        return _preview_as_json(command, folder, given.stack, given.json.absolute())
    if given.operation == "destroy":
        return _destroy(command, folder, given)
    code = _up(command, folder, given) if given.operation == "up" else run_engine(command, folder)
    if code and given.operation in ("up", "preview"):
        _require_gate(folder, given.stack)
    return code


_WITH_HEADER_SECRET: Final = ("aws:lb/listenerRule:ListenerRule", "aws:cloudfront/distribution:Distribution")
"""The types whose state holds the header secret."""
_WORKLOADS: Final = ("guarded:network:Premises", "guarded:ecs:Workloads")
"""The components that hold workloads that are made here, and what they stand in."""


def command_line(given: argparse.Namespace, folder: Path) -> list[str]:
    """Return the command line of the Pulumi CLI that carries out an operation."""
    if given.operation == "unlock":
        return [PULUMI, "cancel", given.stack, "--yes"]
    command = [PULUMI, given.operation, "--stack", given.stack, *(["--diff"] if given.diff else [])]
    if given.operation in ("up", "preview"):
        command += pack_options(folder, given.stack)
    if given.operation == "up" and given.without_workloads:
        command += WITHOUT_WORKLOADS
    if given.operation in ("up", "preview") and given.plan:
        command += ["--plan" if given.operation == "up" else "--save-plan", str(given.plan.absolute())]
    if given.operation == "refresh" and given.clear_pending:
        command.append("--clear-pending-creates")
    if given.operation == "refresh" and given.expect_no_changes:
        command.append("--expect-no-changes")
    if given.operation == "refresh" and given.without_secrets:
        command += _exclusions(f"**{kind}::**" for kind in _WITH_HEADER_SECRET)
    if given.operation == "refresh" and given.preview_only:
        command.append("--preview-only")
    elif given.operation in ("up", "refresh") and given.yes:
        command.append("--yes")
    return command


def _exclusions(patterns: Iterable[str]) -> list[str]:
    """Return the CLI's options that leave out what URNs with these patterns name."""
    return [word for pattern in patterns for word in ("--exclude", pattern)]


WITHOUT_WORKLOADS: Final = _exclusions(f"**::{kind}**" for kind in _WORKLOADS)
"""The CLI's options of an update that leaves out workloads that are made here, as CI's first one does."""


def pack_options(folder: Path, stack: str) -> list[str]:
    """Return the CLI's options that attach a project's gate, or else each of its packs with its configuration."""
    options = []
    for pack in project.attached(folder):
        # The CLI pairs the two flags by position, so that a pack without configuration needs an empty one.
        config = project.policy_config(folder, pack, stack) or Path(os.devnull)
        options += ["--policy-pack", _listed(pack), "--policy-pack-config", _listed(config)]
    return options


def _listed(path: Path) -> str:
    """Return a path as one element: the CLI reads these flags as comma-separated values."""
    text = str(path).replace('"', '""')
    return f'"{text}"' if "," in text or '"' in text else text


def require_cli(folder: Path) -> None:
    """Say how to get the Pulumi CLI where there is none.

    Raises:
        BadConfiguration: it isn't on the path.
    """
    if shutil.which(PULUMI):
        return
    version = project.pulumi_version(folder)
    raise BadConfiguration(
        f"there is no `{PULUMI}` on the path, and nothing is previewed or applied without it.\n"
        f"Install Pulumi CLI {version}, which this project is tested with (Pulumi.yaml, `requiredPulumiVersion`):\n"
        f"  1. {INSTALL_PAGE} has every version: choose {version} for your system, and compare the checksum\n"
        f"     (with Pulumi's install script instead: its option `--version {version}`);\n"
        "  2. put its folder on the PATH: it also holds pulumi-language-python, which runs this project;\n"
        f"  3. `{PULUMI} version` must answer v{version}.\n"
        "Until then `make preview` plans and judges the stack on the embedded engine, with no CLI."
    )


def require_no_hidden_options() -> None:
    """Refuse options of the Pulumi CLI in the environment.

    Raises:
        BadConfiguration: there are some.
    """
    if hidden := sorted(name for name in os.environ if name.startswith(FROM_ENVIRONMENT)):
        raise BadConfiguration(
            f"{', '.join(hidden)}: options of the Pulumi CLI in the environment could skip the preview or the packs; "
            "accepted: the options of this command"
        )


def _require_real_secrets(folder: Path, stack: str) -> None:
    """Refuse a saved plan with a stand-in for the Kinde client secret, because `up` would stop half-way.

    Raises:
        BadConfiguration: the stack's previews don't read the secret.
    """
    loaded = project.load(folder, stack)
    key = f"{loaded.name}:{READS_SECRETS}"
    if loaded.config.get(key) != "true":
        raise BadConfiguration(
            f"{key} is `{loaded.config.get(key, 'false')}`, so a saved plan holds a stand-in for the Kinde client "
            "secret, and `up` would stop at the listener rules with much of it applied; accepted with a plan: true"
        )


def _destroy(command: list[str], folder: Path, given: argparse.Namespace) -> int:
    """Show what would go, ask for the stack's name (unless `--confirm` gives it), then destroy."""
    if given.confirm is not None and given.confirm != given.stack:
        raise BadConfiguration(f"--confirm is `{given.confirm}`; accepted: the stack's name, {given.stack}")
    if code := run_engine([*command, "--preview-only"], folder):
        return code
    if given.confirm is None:
        if not sys.stdin.isatty():
            raise BadConfiguration(f"nobody is there to confirm; accepted: --confirm {given.stack}")
        if input(f"Type the stack's name to destroy everything above ({given.stack}): ").strip() != given.stack:
            raise Failure("that isn't the stack's name: nothing was destroyed")
    return run_engine([*command, "--yes"], folder)


def _up(command: list[str], folder: Path, given: argparse.Namespace) -> int:
    """Say what is destroyed or replaced, then preview and apply.

    The packs keep what the preview had in a private folder, and hold the update against it. The preview that is made
    first goes without the packs. A state that can't be read isn't taken for an empty one.

    Raises:
        Failure: it can't succeed.
        BadConfiguration: it would park or unpark the platform, which `operations park` and `unpark` do.
    """
    from operations import deploy_consequences, engine_state

    try:
        state = engine_state.load(folder, given.stack)
    except Failure:
        state = None
    if state and not given.change_park_mode:
        _require_park_mode(folder, given.stack, state.park_mode)
    with tempfile.TemporaryDirectory() as private:
        if state is None or state.urns:
            print("Looking for what this destroys or replaces …", file=sys.stderr, flush=True)
            with Path(private, "preview.json").open("w+b") as preview:
                # What stays as it is counts too: AWS keeps what that refers to.
                first_look = [PULUMI, "preview", "--stack", given.stack, "--json", "--show-sames"]
                first_look += WITHOUT_WORKLOADS if given.without_workloads else []
                code = run_engine(first_look, folder, stdout=preview)
                preview.seek(0)
                impossible = deploy_consequences.say_written(preview.read())
            if code > _SIGNALLED:
                return code
            if impossible:
                raise Failure(f"nothing was applied, because of the {impossible} above that can't succeed")
        record = {RECORD_FILE: str(Path(private, "previewed.json")), RECORD_KEY: secrets.token_hex()}
        return run_engine(command, folder, record)


def _require_park_mode(folder: Path, stack: str, marker: str) -> None:
    """Refuse to park or unpark workloads that are made here: an update alone leaves out what is checked before.

    Raises:
        BadConfiguration: the stack's file says another mode than the marker in its state.
    """
    loaded = project.load(folder, stack)
    mode = loaded.config.get(f"{loaded.name}:{PARK_MODE}")
    if marker in ("", mode) or loaded.config.get(f"{loaded.name}:workloads") != "here":
        return
    raise BadConfiguration(
        f"{PARK_MODE} is `{mode}`, and the platform is {marker}; accepted: `{marker}`, or "
        f"`make {'park' if mode == 'parked' else 'unpark'} STACK={stack}`, which checks before and after "
        "(docs/runbooks/parking.md)"
    )


def _preview_as_json(command: list[str], folder: Path, stack: str, output: Path) -> int:
    """Write the preview in the embedded engine's format: the CLI's own JSON, with what the packs say and enforce.

    What can't succeed makes it fail.
    """
    from operations import deploy_consequences

    with tempfile.TemporaryDirectory() as scratch:
        events = Path(scratch) / "events.jsonl"
        with (Path(scratch) / "preview.json").open("w+b") as preview:
            code = run_engine([*command, "--json", "--event-log", str(events)], folder, _EVENT_LOG, stdout=preview)
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
        return packs.enforcement(packs.configured(started, settings))


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


def run_engine(
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str] | None = None,
    stdout: Any = None,  # noqa: ANN401 - what subprocess takes
    stderr: Any = None,  # noqa: ANN401 - as above
) -> int:
    """Run the CLI in the project's folder and return its exit code.

    This never kills the engine. Told to stop, the engine ends what is under way and writes its state first.
    """
    if stdout is None:
        print(f"$ {shlex.join(command)}", file=sys.stderr, flush=True)

    def pass_on(number: int, _frame: FrameType | None) -> None:
        # Ctrl-C at a terminal has reached the engine already, because it is in the same process group.
        if number != signal.SIGINT:
            process.send_signal(number)

    with subprocess.Popen(  # noqa: S603 - the CLI, with the stack's name
        command,
        cwd=folder,
        env={**os.environ, **(environment or {})},
        stdin=None if stdout is None else subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
    ) as process:
        before = {number: signal.signal(number, pass_on) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            code = process.wait()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
    return code if code >= 0 else _SIGNALLED - code
