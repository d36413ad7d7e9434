"""`make preview` against the bare import of the SDK modules that the program uses.

Run with `.venv/bin/python -m benchmarks.preview [ROUNDS]`. The two commands take turns, so that a drift of the
machine's speed affects both alike. Medians, and the median of each round's ratio, are printed as Markdown.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.sdk_names import sdk_names

PROJECT: Final = Path(__file__).resolve().parent.parent
TARGET: Final = 0.75


@dataclass(frozen=True)
class Run:
    """One run of a command: wall-clock and processor seconds, and the peak memory of its largest process in MiB."""

    seconds: float
    processor: float
    mebibytes: float


def bare_import() -> list[str]:
    """Return the command that imports only what the program's components import."""
    imports = ["import pulumi", "import pulumi_aws as aws", "import pulumi_cloudflare as cloudflare"]
    return [sys.executable, "-c", "\n".join([*imports, *sdk_names()])]


def timed(command: list[str]) -> Run:
    """Run a command to its end.

    Raises:
        subprocess.CalledProcessError: it failed, so there is nothing to measure.
    """
    started = time.perf_counter()
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def requested_rounds(description: str | None, default: int) -> int:
    """Return the number of rounds from the command line; make Python keep byte code, as `make` does."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rounds", nargs="?", type=int, default=default, metavar="ROUNDS", help=f"default: {default}")
    rounds: int = parser.parse_args().rounds
    if rounds < 1:
        parser.error(f"{rounds} rounds; accepted: 1 or more")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    return rounds


def main() -> int:
    """Print the comparison; return 1 if the ratio misses the target."""
    rounds = requested_rounds(__doc__, 7)
    commands = {"bare import of the SDK modules": bare_import(), "make preview": ["make", "--silent", "preview"]}
    for command in commands.values():
        timed(command)  # a first run that doesn't count: byte code, file cache
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            runs[name].append(timed(command))
    bare, preview = runs.values()
    ratio = statistics.median(b.seconds / a.seconds for a, b in zip(bare, preview, strict=True))
    print(f"{rounds} rounds on {os.cpu_count()} cores\n")
    print("| command | median s | min s | max s | peak MiB |\n|---|---|---|---|---|")
    for name, measured in runs.items():
        seconds = [run.seconds for run in measured]
        print(
            f"| {name} | {statistics.median(seconds):.2f} | {min(seconds):.2f} | {max(seconds):.2f} "
            f"| {max(run.mebibytes for run in measured):.0f} |"
        )
    print(f"\nRatio {ratio:.2f}, target {TARGET} or less: {'met' if ratio <= TARGET else 'missed'}")
    return int(ratio > TARGET)


if __name__ == "__main__":
    sys.exit(main())
