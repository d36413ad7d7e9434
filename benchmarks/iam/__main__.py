"""Write `RESULTS.md`: `python -m benchmarks.iam [ROUNDS] [--community]` (3 rounds by default).

`--community` adds parliament with its community auditors, which takes some minutes more.

The first run needs a package index; the environments of the peers are kept under `build/iam/`.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

from benchmarks.iam import comparison, corpus, environments, evaluation, scale, techniques
from benchmarks.iam.comparison import SLOW, TOLD, TOOLS, Run, Start, Tool, Verdict
from corpus.labelled import INDEPENDENT, LABELS, Labelled
from tests import iam_evaluator

RESULTS: Final = Path(__file__).with_name("RESULTS.md")
_KINDS: Final = ("identity", "trust", "resource", "bundle")
_LOAD: Final = (
    "import gc, sys; gc.disable(); sys.path.insert(0, {checkout!r}); "
    "from policies.least_privilege import RULES, knowledge; "
    "[knowledge.service(prefix) for prefix in knowledge.prefixes()]"
)
"""Starts the pack and decodes all its data; a normal run decodes only the services that it meets."""


def main() -> int:
    """Measure and write; return 1 if a target is missed."""
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.iam", description=__doc__)
    arguments.add_argument("rounds", type=int, nargs="?", default=3)
    arguments.add_argument("--community", action="store_true")
    given = arguments.parse_args()
    rounds: int = given.rounds
    tools = [*TOOLS, SLOW] if given.community else list(TOOLS)
    documents = corpus.load(environments.archives())
    with tempfile.TemporaryDirectory() as folder:
        rounds_of = comparison.run(tools, documents, Path(folder), rounds)
        [told_of] = comparison.run([TOLD], documents, Path(folder), rounds)
    fitted = [document for document in documents if document.origin != INDEPENDENT]
    others = [document for document in documents if document.origin == INDEPENDENT]
    of_fitted = [[run.of(fitted) for run in of_tool] for of_tool in rounds_of]
    runs = [comparison.middle(of_tool) for of_tool in of_fitted]
    told = comparison.middle([run.of(fitted) for run in told_of])
    runs_of_others = [comparison.middle([run.of(others) for run in of_tool]) for of_tool in rounds_of]
    targets = list(_targets(of_fitted, fitted, rounds))
    page = "\n".join(
        [
            _page(runs, told, fitted, targets, rounds),
            _independent(runs_of_others, others),
            techniques.section(),
            _agreement(),
            _scale(rounds),
        ]
    )
    RESULTS.write_text(page, encoding="utf-8")
    print(RESULTS.read_text(encoding="utf-8"))
    return int(not all(met for _, _, met in targets))


Column = tuple[str, Callable[[Run], object]]
"""Heading of a column, and the function of a run that gives its value."""

Target = tuple[str, str, bool]
"""The target, the measured value, and whether the target is met."""


def _targets(rounds_of: Sequence[Sequence[Run]], documents: Sequence[Labelled], rounds: int) -> Iterable[Target]:
    own, *peers = map(comparison.middle, rounds_of)
    for kind in _KINDS[:3]:
        detected = comparison.detection(own, documents, kind)
        yield f"{kind}: detection 98 % or more", str(detected), detected.rate() >= 0.98
        alarms = comparison.false_alarms(own, documents, kind)
        yield f"{kind}: false alarms 1 % or fewer", str(alarms), alarms.rate() <= 0.01
        told = comparison.pairs(own, documents, kind)
        yield f"{kind}: pairs told apart 95 % or more", str(told), told.rate() >= 0.95
    joined = comparison.detection(own, documents, "bundle")
    yield "several policies of one role, judged together: all", str(joined), joined.rate() == 1
    bad = [document for document in documents if document.label == "block"]
    able = [
        peer for peer in peers if 2 * sum(peer.verdicts[document.key].flagged is True for document in bad) > len(bad)
    ]
    fastest = max(able, key=Run.per_second)
    [against] = [runs for runs in rounds_of if runs[0].tool == fastest.tool]
    ratio = statistics.median(
        mine.per_second() / theirs.per_second() for mine, theirs in zip(rounds_of[0], against, strict=False)
    )
    yield (
        f"10 times the documents per second of the fastest peer that detects more than half ({fastest.tool.name})",
        f"{ratio:.1f} times",
        ratio >= 10,
    )
    with tempfile.TemporaryDirectory() as folder:
        start = _start(Path(folder), 2 * rounds + 1)
    yield start
    yield "slowest document under 50 ms", f"{own.slowest_ms():.1f} ms", own.slowest_ms() < 50


def _start(folder: Path, rounds: int) -> Target:
    policies = Path(__file__).resolve().parents[2] / "policies"
    starts = [Start("pass", keeps=True), Start("import pulumi.policy", keeps=True)]
    for keeps in (True, False):
        copy = folder / str(keeps)
        shutil.copytree(policies, copy / "policies", ignore=shutil.ignore_patterns("__pycache__"))
        starts.append(Start(_LOAD.format(checkout=str(copy)), keeps))
    bare, sdk, start, first = comparison.starts_ms(starts, rounds)
    measured = (
        f"{start:.0f} ms, {sdk:.0f} of it Pulumi's SDK ({start / bare:.1f} x bare Python); "
        f"{first:.0f} ms if the pack has to be compiled"
    )
    return "start of the pack with its data under 0.5 s", measured, max(start, first) < 500


def _page(runs: Sequence[Run], told: Run, documents: Sequence[Labelled], targets: Sequence[Target], rounds: int) -> str:
    today = dt.datetime.now(dt.UTC).date()
    counted = Counter((document.origin, document.kind, document.label) for document in documents)
    parts = [
        "# The pack against the IAM checkers people use\n\n"
        f"Measured on {today} by `python -m benchmarks.iam {rounds}`: {os.cpu_count()} cores ({platform.machine()}), "
        f"CPython {platform.python_version()}. Each tool runs in its own process, in turns, and the figures are those "
        f"of the middle one of {rounds} rounds by speed. A tool that takes longer than a minute has one round; for a "
        "tool that takes less than two seconds, each round is the middle of five turns. Times are processor times, so "
        "other load on the machine matters little. Documents, labels and their reasons are in `corpus/` and "
        "`labels.yaml`. Any finding counts as a verdict, whether it is the right one or not; a tool that raises or "
        "doesn't judge a kind of document has no verdict.\n",
        "## Targets\n\n"
        + _table(
            ("target", "measured", "met"),
            [(what, measured, "yes" if met else "**no**") for what, measured, met in targets],
        ),
    ]
    for kind in _KINDS:
        title = "Several policies of one role" if kind == "bundle" else f"{kind.capitalize()} policies"
        parts.append(f"## {title}\n\n" + _by_tool(runs, _columns(documents, kind)))
    parts += [
        "## Speed\n\nLoading is everything before the first document; memory is the peak, including the interpreter. "
        "The pack composes the words of a finding only when they are read, so its first row is for verdicts alone; in "
        "the last row all words are read, as in a preview.\n\n"
        + _by_tool(
            [*runs, told],
            [
                ("documents/s", lambda run: f"{run.per_second():,.0f}"),
                ("slowest document, ms", lambda run: f"{run.slowest_ms():.1f}"),
                ("load, ms", lambda run: f"{run.load_ms:.0f}"),
                ("memory, MB", lambda run: f"{run.memory_mb:.0f}"),
                ("raised on", lambda run: sum(bool(verdict.error) for verdict in run.verdicts.values())),
            ],
        ),
        "## Documents\n\n"
        + _table(
            ("from", *(f"{kind}, {label}" for kind in _KINDS for label in LABELS)),
            [
                (origin, *(str(counted[origin, kind, label]) for kind in _KINDS for label in LABELS))
                for origin in dict.fromkeys(document.origin for document in documents)
            ],
        ),
        "## What the pack gets wrong\n\n" + ("".join(_wrong(runs[0], documents)) or "None of these documents.\n"),
    ]
    return "\n".join(parts)


def _independent(runs: Sequence[Run], documents: Sequence[Labelled]) -> str:
    first = Run(
        Tool("pack, first verdict", ""),
        load_ms=0,
        memory_mb=0,
        verdicts={one.key: Verdict(one.first == "block", "", 0) for one in documents},
    )
    rows: list[tuple[str, ...]] = []
    for kind in _KINDS:
        for title, value in _columns(documents, kind):
            rows.append((f"{kind}: {title}", *(str(value(run)) for run in (first, *runs))))
    rows.append(("documents/s", "-", *(f"{run.per_second():,.0f}" for run in runs)))
    rounds = len({one.key.partition("/")[0] for one in documents})
    deviations = [f"- `{one.key}`, labelled {one.label}: {one.deviation}\n" for one in documents if one.deviation]
    return (
        "## Documents written without sight of the pack\n\n"
        f"Language models wrote and labelled these {len(documents)} documents, in {rounds} rounds, from their own "
        "knowledge, without access to the pack or to the documents above. The first column has the verdicts of each "
        "round before the pack was changed for it. The second column has the verdicts of today's pack, so it shows "
        "what the pack learned and nothing else. `corpus/documents/independent.jsonl` has the documents with both.\n\n"
        + _table(("", "pack, first verdict", *(run.tool.name for run in runs)), rows)
        + "\nFirst verdicts by round: documents labelled block that were found; documents labelled allow that were "
        "flagged:\n\n"
        + _table(("round", *_KINDS), list(_by_round(first, documents)))
        + "\nWhere the pack still differs from the label:\n\n"
        + ("".join(deviations) or "Nowhere.\n")
    )


def _by_round(first: Run, documents: Sequence[Labelled]) -> Iterable[tuple[str, ...]]:
    for round_ in dict.fromkeys(one.key.partition("/")[0] for one in documents):
        of_round = [one for one in documents if one.key.startswith(f"{round_}/")]
        yield (
            round_,
            *(
                f"{comparison.detection(first, of_round, kind)}; {comparison.false_alarms(first, of_round, kind)}"
                for kind in _KINDS
            ),
        )


def _columns(documents: Sequence[Labelled], kind: str) -> Sequence[Column]:
    def detection(run: Run) -> object:
        return comparison.detection(run, documents, kind)

    def false_alarms(run: Run) -> object:
        return comparison.false_alarms(run, documents, kind)

    def pairs(run: Run) -> object:
        return comparison.pairs(run, documents, kind)

    found: list[Column] = [("detection", detection), ("false alarms", false_alarms)]
    return found if kind == "bundle" else [*found, ("pairs told apart", pairs)]


def _agreement() -> str:
    heading = (
        "## Agreement with an independent evaluator\n\n"
        f"`python -m benchmarks.iam.evaluation` against {iam_evaluator.PACKAGE}, on generated policies and "
        "requests.\n\n"
    )
    if reason := iam_evaluator.missing():
        return f"{heading}Skipped: {reason}.\n"
    found = evaluation.agreements()
    table = _table(("question", "asked", "agreed"), [(one.question, str(one.asked), str(one.agreed)) for one in found])
    return heading + table + "".join(f"- {line}\n" for one in found for line in one.against)


def _scale(rounds: int) -> str:
    turns = [[_stack_s(size) for size in scale.SIZES] for _ in range(rounds)]
    taken = map(statistics.median, zip(*turns, strict=True))
    rows = [
        (f"{size:,}", f"{one:.2f}", f"{1000 * one / size:.3f}") for size, one in zip(scale.SIZES, taken, strict=True)
    ]
    return (
        "## Large stacks\n\nThe stacks have roles, their policies, shared policies and attachments, and one secret "
        "for each role. All rules run, in a fresh process for each size, in turns; the figures are medians of "
        f"{rounds}.\n\n" + _table(("IAM resources", "s", "ms for each"), rows)
    )


def _stack_s(size: int) -> float:
    command = [sys.executable, "-m", "benchmarks.iam.scale", str(size)]
    done = subprocess.run(command, cwd=RESULTS.parents[2], check=True, capture_output=True, text=True)
    return float(done.stdout)


def _by_tool(runs: Sequence[Run], columns: Sequence[Column]) -> str:
    rows = [(run.tool.name, *(str(value(run)) for _, value in columns)) for run in runs]
    return _table(("tool", *(heading for heading, _ in columns)), rows)


def _wrong(run: Run, documents: Iterable[Labelled]) -> Iterable[str]:
    for document in documents:
        flagged = run.verdicts[document.key].flagged
        if flagged != (document.label == "block"):
            yield f"- `{document.key}`, labelled {document.label}: {document.reason}\n"


def _table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heading, ["---"] * len(heading), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    sys.exit(main())
