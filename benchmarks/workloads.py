"""The cost of `workloads: here` for a preview: `.venv/bin/python -m benchmarks.workloads [ROUNDS]`.

The stack `lab` of the tests' owner creates its workloads. Its preview takes turns with the bare import of the SDK
modules that the program uses, with the preview of `prod`, whose workloads are elsewhere, and with its own preview under
one small pack. The difference to the latter is the time of all other packs. Medians and the medians of the ratios are
printed as Markdown.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Final

from benchmarks.preview import Run, bare_import, requested_rounds, timed
from tests.owner import files_with, lay

TARGET: Final = 1.3
_SMALL: Final = "previewed"
"""The pack with the fewest rules; a gate needs one."""


def preview(folder: Path, stack: str, *options: str) -> list[str]:
    """Return the command that previews a stack of the tests' owner, in a new folder."""
    folder.mkdir()
    project = lay(folder, files_with(stack))
    return [sys.executable, "-m", "rehearsal", "--project", str(project), "--stack", stack, *options]


def gateless(command: list[str]) -> list[str]:
    """Return the command for the same project with only the smallest pack."""
    packs = Path(command[command.index("--project") + 1], "policies")
    return [*command, "--pack", str(packs / _SMALL)]


def main() -> int:
    """Print the comparison; return 1 if the ratio misses the target."""
    rounds = requested_rounds(__doc__, 5)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch).resolve()
        here = preview(folder / "here", "lab", "--json", str(folder / "plan.json"))
        commands = {
            "bare import of the SDK modules": bare_import(),
            "preview, workloads elsewhere": preview(folder / "elsewhere", "prod"),
            "preview, workloads here": here,
            f"the same with only the pack {_SMALL}": gateless(here),
        }
        for command in commands.values():
            timed(command)  # a first run that doesn't count: byte code, file cache
        plan = (folder / "plan.json").stat().st_size / 1024
        runs: dict[str, list[Run]] = {name: [] for name in commands}
        for _ in range(rounds):
            for name, command in commands.items():
                runs[name].append(timed(command))
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"{rounds} rounds on {os.cpu_count()} cores (load {load})\n")
    print("| what | median s | min s | median s of the processor | peak MiB |\n|---|---|---|---|---|")
    for name, measured in runs.items():
        clock, processor = [run.seconds for run in measured], [run.processor for run in measured]
        print(
            f"| {name} | {statistics.median(clock):.2f} | {min(clock):.2f} | {statistics.median(processor):.2f} "
            f"| {max(run.mebibytes for run in measured):.0f} |"
        )
    bare, elsewhere, whole, small = runs.values()
    ratio = statistics.median(b.seconds / a.seconds for a, b in zip(bare, whole, strict=True))
    more = statistics.median(b.processor / a.processor for a, b in zip(elsewhere, whole, strict=True))
    gate = statistics.median(b.processor - a.processor for a, b in zip(small, whole, strict=True))
    print(f"\nThe plan has {plan:.0f} KiB. Here / elsewhere, processor: {more:.2f}. All other packs: {gate:.2f} s.")
    print(f"\nHere / bare import {ratio:.2f}, target {TARGET} or less: {'met' if ratio <= TARGET else 'missed'}")
    return int(ratio > TARGET)


if __name__ == "__main__":
    sys.exit(main())
