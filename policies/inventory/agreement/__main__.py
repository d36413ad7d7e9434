"""`python -m policies.inventory.agreement`: show what a stack's owners agreed to, and write it.

    show   shows what is agreed, and how the stack's settings and plan differ from it; changes nothing
    write  shows the differences, asks, and writes the file
    types  lists every resource type of the installed SDKs with the gate's verdict, or counts them with --count

Entries that are agreed but no longer in the program, such as a line that somebody added by hand, are listed and kept,
unless `write` gets the option or the answer to take them away. No list is ever emptied.

The file is `policies/config/inventory.<stack>.json`. Its owners review every change in it, because it says what the
gate accepts. Waivers, levels and other keys in the file stay as they are.
"""

from __future__ import annotations

import argparse
import difflib
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from policies.inventory.agreement import merge, pins, plan
from policies.inventory.agreement.sdk_types import sdk_types, verdict

_CODE: Final = Path(__file__).resolve().parents[3]
"""The folder of the embedded engine, whichever project it plans."""


class Problem(Exception):
    """The command can't work; the text says why, for the user."""


def main() -> int:
    """Run the command; return 1 if `show` finds a difference or `write` writes nothing, 2 if it can't work, else 0."""
    arguments = _parser().parse_args()
    try:
        return int(arguments.run(arguments))
    except Problem as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 2


def _show(arguments: argparse.Namespace) -> int:
    agreed, wanted = _both(arguments)
    print(_text(agreed), end="")
    difference = _difference(arguments.stack, agreed, merge.merged(agreed, wanted, keep=True))
    print(
        difference or f"{arguments.stack}: everything in the settings and the plan is agreed.",
        *_listed(merge.leftovers(agreed, wanted)),
        sep="\n",
        file=sys.stderr,
    )
    return int(bool(difference))


def _write(arguments: argparse.Namespace) -> int:
    agreed, wanted = _both(arguments)
    leftovers = merge.leftovers(agreed, wanted)
    print(*_listed(leftovers), sep="\n", end="\n" * bool(leftovers))
    keep = not arguments.take_away
    if leftovers and not (arguments.keep or arguments.take_away or arguments.yes):
        keep = input("Take these away? (yes/no) ").strip() != "yes"
    after = merge.merged(agreed, wanted, keep=keep)
    difference = _difference(arguments.stack, agreed, after)
    if not difference:
        print(f"{arguments.stack}: everything in the settings and the plan is agreed; nothing to write.")
        return 0
    print(difference)
    if not arguments.yes and input(f"Agree to this for {arguments.stack}? (yes/no) ").strip() != "yes":
        print("Nothing was written.")
        return 1
    _file(arguments).write_text(_text(after), encoding="utf-8")
    print(f"Written: {_file(arguments)}")
    return 0


def _listed(leftovers: list[str]) -> list[str]:
    return ["Agreed, but no longer in the program:", *(f"  {entry}" for entry in leftovers)] if leftovers else []


def _types(arguments: argparse.Namespace) -> int:
    agreed = _given(_file(arguments)).get("unjudged-type", {}).get("types", [])
    verdicts = {type_: verdict(type_, agreed) for type_ in sdk_types()}
    if arguments.count:
        counts = Counter((type_.partition(":")[0], said.partition(":")[0]) for type_, said in verdicts.items())
        for (package, said), count in sorted(counts.items()):
            print(f"{count:5}  {package}  {said}")
        return 0
    for type_, said in verdicts.items():
        print(f"{type_}  {said}")
    return 0


def _given(file: Path) -> dict[str, Any]:
    try:
        given: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    except json.JSONDecodeError as error:
        raise Problem(f"{file} isn't JSON: {error}") from None
    return given


def _both(arguments: argparse.Namespace) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the content of the file, and that of the settings and the plan: rule -> key -> value."""
    given = _given(_file(arguments))
    try:
        settings, name = pins.settings_of(arguments.project, arguments.stack)
        facts = [pins.pinned(settings, name), plan.agreed(_plan(arguments))]
    except FileNotFoundError as error:
        raise Problem(f"there is no {error.filename}") from None
    except KeyError as error:
        raise Problem(f"Pulumi.{arguments.stack}.yaml: {error.args[0]} is missing") from None
    wanted: dict[str, dict[str, Any]] = {}
    for rules in facts:
        for rule, configuration in rules.items():
            wanted.setdefault(rule, {}).update(configuration)
    return given, wanted


def _file(arguments: argparse.Namespace) -> Path:
    folder: Path = arguments.project / "policies" / "config"
    return folder / f"inventory.{arguments.stack}.json"


def _plan(arguments: argparse.Namespace) -> Mapping[str, Any]:
    """Return the given plan, or plan the stack on the embedded engine."""
    if arguments.plan:
        return _whole(json.loads(arguments.plan.read_text(encoding="utf-8")))
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "plan.json"
        command = [sys.executable, "-m", "rehearsal", "--stack", arguments.stack, "--json", str(output)]
        # A verdict would be pointless here: whatever isn't agreed yet is a violation.
        command += ["--project", str(arguments.project.resolve()), "--quiet", "--unjudged"]
        said = subprocess.run(command, cwd=_CODE, capture_output=True, text=True, check=False)  # noqa: S603
        if not output.exists():
            raise Problem(f"the stack can't be planned:\n{said.stderr.strip()}")
        return _whole(json.loads(output.read_text(encoding="utf-8")))


def _whole(plan: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a plan, unless it ended early: agreeing to a part of a stack would revoke everything else."""
    if "error" in plan:
        raise Problem(f"the plan ended early, so it doesn't hold the whole stack:\n{plan['error']}")
    return plan


def _difference(stack: str, given: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    before, after = (_text(configuration).splitlines() for configuration in (given, wanted))
    lines = difflib.unified_diff(before, after, f"{stack}: agreed", f"{stack}: settings and plan", n=2, lineterm="")
    return "\n".join(lines)


def _text(configuration: Mapping[str, Any]) -> str:
    return json.dumps(configuration, indent=2, ensure_ascii=False) + "\n"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m policies.inventory.agreement",
        description="Show or write what the owners of a stack agreed to: its types and the pinned facts.",
        epilog="Exit codes: 0 everything is agreed, or was written; 1 something isn't agreed, or nothing was written; "
        "2 the command can't work.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, run, does in (
        ("show", _show, "show what is agreed, and how the stack's settings and plan differ; changes nothing"),
        ("write", _write, "show the difference, ask, and write policies/config/inventory.STACK.json"),
        ("types", _types, "list every resource type of the installed SDKs with the gate's verdict on it"),
    ):
        command = commands.add_parser(name, help=does, description=does)
        command.set_defaults(run=run)
        command.add_argument("--stack", default="prod", metavar="NAME", help="the stack (default: prod)")
        if run is not _types:
            command.add_argument(
                "--plan", type=Path, metavar="FILE", help="its plan, as JSON (default: plan it on the embedded engine)"
            )
        command.add_argument(
            "--project", type=Path, default=Path(), metavar="FOLDER", help="the project's folder (default: this one)"
        )
        if run is _write:
            command.add_argument(
                "--yes",
                action="store_true",
                help="write without asking; keep entries that are no longer in the program",
            )
            leftovers = command.add_mutually_exclusive_group()
            leftovers.add_argument("--keep", action="store_true", help="keep entries that are no longer in the program")
            leftovers.add_argument("--take-away", action="store_true", help="remove them")
        if run is _types:
            command.add_argument("--count", action="store_true", help="count the types by verdict")
    return parser


if __name__ == "__main__":
    sys.exit(main())
