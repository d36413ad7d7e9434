"""`examples`: list the settings that still have example values. Needs neither engine nor account."""

from __future__ import annotations

import argparse
from typing import Final

from operations.command_line import Command, add_stack


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_stack(parser)


def _run(options: argparse.Namespace) -> int:
    from operations.examples import find

    found = find(options.project.resolve(), options.stack)
    for example in found:
        print(f"{example.file}:{example.line}  {example.key}")
    print(
        f"{len(found)} examples are left: replace each value and remove its mark"
        if found
        else f"no example is left for {options.stack}"
    )
    return int(bool(found))


COMMAND: Final = Command(
    "examples",
    "list the settings that still have example values",
    "List the values marked `# EXAMPLE` in the stack's file, Pulumi.yaml and CODEOWNERS. They belong to no real "
    "account; replace them by your own before the first deploy. Needs neither engine nor account.",
    _add_arguments,
    _run,
    "Exit codes: 0 none is left; 1 at least one is; 2 bad usage or configuration.",
)
