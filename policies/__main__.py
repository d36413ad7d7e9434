"""`python -m policies`: what the rules are, without an engine.

list      every rule of every pack beside this file, a line each
explain   one rule: what it asks for, why, how to fix a violation, and a bad and a good example
check     judge files: policy documents, plans of Pulumi and Terraform, CloudFormation templates
"""

from __future__ import annotations

import argparse
import difflib
import json
import os
import sys
import textwrap
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Final

from policies.check.command import add_to as add_check
from policies.check.command import check
from policies.rulebook import Rule, Scope

_FOLDER: Final = Path(__file__).parent

_EXAMPLES: Final = _FOLDER / "examples.json"
"""Rule (`pack/id`) -> a change that it stops: `what`, `file`, `good`, `bad`. `make docs` writes it from the breakages
that the project's tests plan; packs that were copied to another project don't have it."""

_WIDTH: Final = 100
_TYPES: Final = 6
"""How many of a rule's types are shown."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    given = _parser().parse_args(arguments)
    try:
        if given.command == "check":
            return check(given)
        rules = _rules()
        return _explain(rules, given.rule) if given.command == "explain" else _list(rules)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _rules() -> dict[str, Rule]:
    """Return the rules of all packs beside this file: `pack/id` -> rule."""
    folders = sorted(path.parent.name for path in _FOLDER.glob("*/PulumiPolicy.yaml"))
    return {
        f"{folder.replace('_', '-')}/{rule.id}": rule
        for folder in folders
        if folder != "gate"
        for rule in import_module(f"policies.{folder}").RULES
    }


def _list(rules: Mapping[str, Rule]) -> int:
    width = max(map(len, rules))
    for name, rule in rules.items():
        print(f"{name:{width}}  {rule.severity.value:8}  {rule.title}")
    return 0


def _explain(rules: Mapping[str, Rule], asked: str) -> int:
    found = [name for name in rules if asked in (name, name.partition("/")[2])]
    if not found:
        short = [name.partition("/")[2] for name in rules]
        near = difflib.get_close_matches(asked.rpartition("/")[2], short, 3)
        meant = f"did you mean {' or '.join(near)}?" if near else "`python -m policies list` has them all"
        print(f"error: there is no rule `{asked}`; {meant}", file=sys.stderr)
        return 2
    examples = json.loads(_EXAMPLES.read_text(encoding="utf-8")) if _EXAMPLES.exists() else {}
    print("\n".join(_explained(name, rules[name], examples.get(name)) for name in found), end="")
    return 0


def _explained(name: str, rule: Rule, example: Mapping[str, str] | None) -> str:
    judged = "the whole stack" if rule.scope is Scope.STACK else "one resource at a time"
    listed, more = sorted(rule.types)[:_TYPES], len(rule.types) - _TYPES
    types = f", of the types {', '.join(listed)}{f' and {more} more' if more > 0 else ''}" if rule.types else ""
    facts = {
        "asks": rule.title,
        "to fix": rule.remedy,
        "source": rule.source,
        "severity": f"{rule.severity.value}; mandatory unless policies/config says otherwise",
        "judges": judged + types,
        **(
            {"takes": ", ".join(f"{key} (default {json.dumps(_default(rule, key))})" for key in rule.config)}
            if rule.config
            else {}
        ),
    }
    lines = [name, *(_paragraph(key, text) for key, text in facts.items())]
    if example:
        lines += ["", f"  A change that it stops ({example['what']}), in {example['file']}:", ""]
        if example["good"]:
            lines += ["    good", *_indented(example["good"])]
        lines += ["    bad", *_indented(example["bad"])]
    return "\n".join(lines) + "\n"


def _default(rule: Rule, key: str) -> object:
    return rule.config[key].get("default")


def _paragraph(key: str, text: str) -> str:
    head = f"  {key:9}"
    return textwrap.fill(
        text,
        _WIDTH,
        initial_indent=head,
        subsequent_indent=" " * len(head),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _indented(code: str) -> list[str]:
    return textwrap.indent(textwrap.dedent(code).strip("\n"), "      ").splitlines()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m policies",
        description="Say what the rules of the policy packs ask for, and judge files by them.",
        epilog="Exit codes: 0 success, or no findings; 1 findings; 2 no such rule, or bad input.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("list", help="list every rule", description="List every rule: pack and id, severity, title.")
    explain = commands.add_parser(
        "explain",
        help="explain one rule",
        description="Say what a rule asks for, why, and how to fix a violation; show a bad and a good example.",
    )
    explain.add_argument(
        "rule", metavar="RULE", help="its id, such as wildcard-action, or least-privilege/wildcard-action"
    )
    add_check(
        commands.add_parser(
            "check",
            help="judge policy documents, plans and templates",
            description="Judge files by the least-privilege rules. A file is a policy document, a plan (of `pulumi "
            "preview --json` or `terraform show -json PLAN`) or a CloudFormation template.",
            epilog="Exit codes: 0 no findings; 1 findings; 2 a file or the configuration can't be used.",
        )
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
