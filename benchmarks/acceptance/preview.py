"""The cost of the acceptance pack for a preview: `.venv/bin/python -m benchmarks.acceptance.preview [ROUNDS]`.

The gate serves the packs that lie beside it. Two copies of the project, one of them without this pack, take turns in
one run. The median of each round's ratio is printed as Markdown, for wall-clock time and for processor time (of all
processes of a preview together).
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Final

from benchmarks.preview import Run, timed
from tests.planning import copy_project

TARGET: Final = 1.05


def preview(project: Path) -> list[str]:
    """Return the command that previews a copy of the project, like `make preview`."""
    return [sys.executable, "-m", "rehearsal", "--project", str(project), "--stack", "prod", "--quiet"]


def main() -> int:
    """Print the comparison; return 1 if one of the ratios misses the target."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    with tempfile.TemporaryDirectory() as without, tempfile.TemporaryDirectory() as with_:
        fewer = copy_project(Path(without))
        (fewer / "policies" / "acceptance").unlink()
        commands = {"without the pack": preview(fewer), "with it": preview(copy_project(Path(with_)))}
        for command in commands.values():
            timed(command)  # a first run that doesn't count: byte code, file cache
        runs: dict[str, list[Run]] = {name: [] for name in commands}
        for number in range(rounds):
            # The order changes from round to round.
            for name in sorted(commands, reverse=bool(number % 2)):
                runs[name].append(timed(commands[name]))
    print(f"{rounds} rounds on {os.cpu_count()} cores, all packs and all but acceptance, stack prod\n")
    print("| preview | median s | min s | median s of the processor | min s |\n|---|---|---|---|---|")
    for name, measured in runs.items():
        clock, processor = [run.seconds for run in measured], [run.processor for run in measured]
        print(
            f"| {name} | {statistics.median(clock):.2f} | {min(clock):.2f} "
            f"| {statistics.median(processor):.2f} | {min(processor):.2f} |"
        )
    pairs = list(zip(*runs.values(), strict=True))
    ratios = {
        "clock": statistics.median(more.seconds / less.seconds for less, more in pairs),
        "processor": statistics.median(more.processor / less.processor for less, more in pairs),
    }
    for name, ratio in ratios.items():
        print(f"\nRatio of the {name} {ratio:.3f}, target {TARGET} or less: {'met' if ratio <= TARGET else 'missed'}")
    return int(max(ratios.values()) > TARGET)


if __name__ == "__main__":
    sys.exit(main())
