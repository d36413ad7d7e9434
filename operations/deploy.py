"""`python -m operations.deploy up|preview|destroy|refresh|unlock`: the real engine, with every policy pack attached.

A self-managed backend doesn't remember policy packs, and a preview that is skipped lets resources be made before a
violation is found. So nothing here runs without them: `up` and `preview` get every pack of the project with its
configuration for the stack, the engine's own preview always comes first, and options from the environment
(`PULUMI_OPTION_...`), which could change either unseen, are refused.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, Final

from stackfiles import project
from stackfiles.failures import BadConfiguration, Failure
from stackfiles.plan_document import PlanDocument, Violation

PULUMI: Final = "pulumi"

INSTALL_PAGE: Final = "https://www.pulumi.com/docs/install/versions/"
"""Where Pulumi lists every version of its CLI with the ways to install it."""

FROM_ENVIRONMENT: Final = "PULUMI_OPTION_"
"""The CLI takes any of its flags from variables with this prefix (pkg/cmd/pulumi/pulumi.go)."""

READS_SECRETS: Final = "readSecretsInPreview"
"""Key of the setting with which a preview reads the Kinde client secret (components/settings.py)."""

_EVENT_LOG: Final = {"PULUMI_DEBUG_COMMANDS": "true"}
"""Makes the CLI know `--event-log`; `preview --json` itself leaves the packs' violations out."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    given = _parser().parse_args(arguments)
    try:
        return _run(given)
    except Failure as failure:
        print(f"error: {failure}", file=sys.stderr)
        return failure.exit_code


def _run(given: argparse.Namespace) -> int:
    folder: Path = given.project.resolve()
    _require_cli(folder)
    if hidden := sorted(name for name in os.environ if name.startswith(FROM_ENVIRONMENT)):
        raise BadConfiguration(
            f"{', '.join(hidden)}: options of the Pulumi CLI in the environment could skip the preview or the packs; "
            "accepted: the options of this command"
        )
    project.require_stack(folder, given.stack)
    if given.command in ("up", "preview") and given.plan:
        _require_real_secrets(folder, given.stack)
    command = command_line(given, folder)
    if given.command == "preview" and given.json:
        return _preview_as_json(command, folder, given.json.absolute())
    if given.command == "destroy":
        return _destroy(command, folder, given)
    return _engine(command, folder)


def command_line(given: argparse.Namespace, folder: Path) -> list[str]:
    """Return the Pulumi command that a command line of this module stands for."""
    if given.command == "unlock":
        return [PULUMI, "cancel", given.stack, "--yes"]
    command = [PULUMI, given.command, "--stack", given.stack, *(["--diff"] if given.diff else [])]
    if given.command in ("up", "preview"):
        command += pack_options(folder, given.stack)
    if given.command in ("up", "preview") and given.plan:
        command += ["--plan" if given.command == "up" else "--save-plan", str(given.plan.absolute())]
    if given.command == "refresh" and given.clear_pending:
        command.append("--clear-pending-creates")
    if given.command == "refresh" and given.preview_only:
        command.append("--preview-only")
    elif given.command in ("up", "refresh") and given.yes:
        command.append("--yes")
    return command


def pack_options(folder: Path, stack: str) -> list[str]:
    """Return the CLI's options that attach every pack of a project, each with its configuration for a stack."""
    options = []
    for pack in project.packs(folder):
        # The CLI pairs the two flags by position, so that a pack without configuration needs an empty one.
        config = project.policy_config(folder, pack, stack) or Path(os.devnull)
        options += ["--policy-pack", _listed(pack), "--policy-pack-config", _listed(config)]
    return options


def _listed(path: Path) -> str:
    """Return a path as one element: the CLI reads these flags as comma-separated values."""
    text = str(path).replace('"', '""')
    return f'"{text}"' if "," in text or '"' in text else text


def _require_cli(folder: Path) -> None:
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


def _require_real_secrets(folder: Path, stack: str) -> None:
    """Refuse a saved plan that `up` would leave half-way: one with a stand-in for the Kinde client secret.

    Raises:
        BadConfiguration: the stack's previews don't read the secret.
    """
    loaded = project.load(folder, stack)
    key = f"{loaded.name}:{READS_SECRETS}"
    if loaded.config.get(key) != "true":
        raise BadConfiguration(
            f"{key} is `{loaded.config.get(key, 'false')}`, so that a plan holds a stand-in for the Kinde client "
            "secret, and `up` would stop at the listener rules with much of it applied; accepted with a plan: true"
        )


def _destroy(command: list[str], folder: Path, given: argparse.Namespace) -> int:
    """Show what would go, then have the stack's name typed (or given with `--confirm`), then destroy."""
    if given.confirm is not None and given.confirm != given.stack:
        raise BadConfiguration(f"--confirm is `{given.confirm}`; accepted: the stack's name, {given.stack}")
    if code := _engine([*command, "--preview-only"], folder):
        return code
    if given.confirm is None:
        if not sys.stdin.isatty():
            raise BadConfiguration(f"nobody is there to confirm; accepted: --confirm {given.stack}")
        if input(f"Type the stack's name to destroy everything above ({given.stack}): ").strip() != given.stack:
            raise Failure("that isn't the stack's name: nothing was destroyed")
    return _engine([*command, "--yes"], folder)


def _preview_as_json(command: list[str], folder: Path, output: Path) -> int:
    """Write the preview in the embedded engine's format: the CLI's own JSON, with `policyViolations` added."""
    with tempfile.TemporaryDirectory() as scratch:
        events = Path(scratch) / "events.jsonl"
        with (Path(scratch) / "preview.json").open("w+b") as preview:
            code = _engine([*command, "--json", "--event-log", str(events)], folder, _EVENT_LOG, stdout=preview)
            preview.seek(0)
            written = preview.read()
        try:
            document: PlanDocument = json.loads(written)
        except ValueError:
            sys.stderr.write(written.decode(errors="replace"))
            raise Failure(f"`{PULUMI} preview` ended with exit code {code} and without a plan") from None
        document["policyViolations"] = violations(
            [json.loads(line) for line in events.read_text(encoding="utf-8").splitlines()], document
        )
    try:
        output.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise BadConfiguration(f"--json {output}: {error.strerror}") from None
    for violation in document["policyViolations"]:
        print(f"{violation['level']}  {violation['policy']}: {violation['urn']}\n    {violation['message']}")
    return code


def violations(events: Sequence[Mapping[str, Any]], preview: PlanDocument) -> list[Violation]:
    """Return what the packs said, in the embedded engine's format, from an event log.

    Args:
        events: The lines of `--event-log` (apitype.EngineEvent).
        preview: The document of `preview --json`, for the source positions.
    """
    sources = {
        step["urn"]: step["newState"].get("sourcePosition", "")
        for step in preview.get("steps", [])
        if step.get("newState")
    }
    return [
        {
            "pack": said["policyPackName"],
            "policy": said["policyName"],
            "level": said["enforcementLevel"],
            "severity": said.get("severity", ""),
            "urn": said.get("resourceUrn", ""),
            "message": said["message"].rstrip("\n"),  # the display adds an end of line
            "sourcePosition": sources.get(said.get("resourceUrn", ""), ""),
        }
        for said in (event["policyEvent"] for event in events if "policyEvent" in event)
    ]


def _engine(
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str] | None = None,
    stdout: Any = None,  # noqa: ANN401 - what subprocess takes
) -> int:
    """Run the CLI in the project's folder and return its exit code.

    It is never killed from here: an engine that is told to stop ends what is under way and writes its state first.
    """
    if stdout is None:
        print(f"$ {shlex.join(command)}", file=sys.stderr, flush=True)

    def pass_on(number: int, _frame: FrameType | None) -> None:
        # A terminal's Ctrl-C has reached the engine already, which is of the same process group.
        if number != signal.SIGINT:
            process.send_signal(number)

    with subprocess.Popen(command, cwd=folder, env={**os.environ, **(environment or {})}, stdout=stdout) as process:  # noqa: S603
        before = {number: signal.signal(number, pass_on) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            code = process.wait()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
    return code if code >= 0 else 128 - code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m operations.deploy",
        description="Preview and apply a stack with the Pulumi CLI. Every policy pack under policies/ is attached with "
        "its configuration, policies/config/<pack>.<stack>.json, and nothing is applied without a preview.",
        epilog="Exit codes: 0 done; 1 a mandatory violation or a failed operation; 2 bad usage, or the Pulumi CLI is "
        "missing; otherwise what the Pulumi CLI ends with (6: the backend has no such stack yet).",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, help_: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=help_, description=help_)
        command.add_argument("--stack", required=True, metavar="NAME", help="the stack, such as prod")
        command.add_argument("--project", type=Path, default=Path(), metavar="FOLDER", help="default: this folder")
        command.add_argument("--diff", action="store_true", help="show each changed property")
        return command

    preview = add("preview", "show what `up` would do, and what the packs say about it")
    preview.add_argument(
        "--json", type=Path, metavar="FILE", help="write the plan there, as `python -m rehearsal` does"
    )
    preview.add_argument(
        "--save-plan", dest="plan", type=Path, metavar="FILE", help="save what was seen, for `up --plan`"
    )
    up = add("up", "preview, then apply once that is confirmed")
    up.add_argument("--plan", type=Path, metavar="FILE", help="do nothing that this saved plan doesn't have")
    up.add_argument("--yes", action="store_true", help="apply what the preview shows without asking, as CI does")
    destroy = add("destroy", "show what would go, ask for the stack's name, then destroy it")
    destroy.add_argument("--confirm", metavar="NAME", help="the stack's name, where nobody is there to type it")
    refresh = add("refresh", "compare the state with what exists, then take that over once it is confirmed")
    refresh.add_argument("--preview-only", action="store_true", help="only show the differences")
    refresh.add_argument("--yes", action="store_true", help="take the differences over without asking")
    refresh.add_argument(
        "--clear-pending",
        action="store_true",
        help="forget what a killed `up` was about to make",
    )
    add("unlock", "take away the lock of an operation that was killed; make sure first that none is running")
    return parser


if __name__ == "__main__":
    sys.exit(main())
