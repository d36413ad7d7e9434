"""The cost of the page: the time to write it, compared with a preview, and the time to open one of 5,000 resources.

Run with `.venv/bin/python -m benchmarks.page [ROUNDS]`. A preview and the page of its plan take turns, and their
processor times are compared. Then a headless Chromium opens the page of a plan that consists of many copies of this
one.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Final

from benchmarks.preview import requested_rounds, timed
from review.page.data import Shown
from review.page.document import page
from stackfiles.plan_document import PlanDocument
from tests.review.browser import Opened, opened, started

SHARE: Final = 0.10
SECONDS: Final = 2.0
RESOURCES: Final = 5_000


def grown(plan: PlanDocument) -> PlanDocument:
    """Return a plan of at least 5,000 resources: copies of one plan, each with its own names and project."""
    text = json.dumps(plan["steps"])
    project = plan["steps"][0]["urn"].split("::")[1]
    steps = [
        step
        for number in range(-(-RESOURCES // len(plan["steps"])))
        for step in json.loads(
            text.replace(f"::{project}::", f"::{project}{number}::")
            .replace("prod-", f"prod{number}-")
            .replace("prod/", f"prod{number}/")
        )
    ]
    return {**plan, "steps": steps}


def main() -> int:
    """Print both figures; return 1 if one misses its target."""
    rounds = requested_rounds(__doc__, 5)
    with tempfile.TemporaryDirectory() as scratch:
        plan, output = Path(scratch) / "plan.json", Path(scratch) / "page.html"
        preview = [sys.executable, "-m", "rehearsal", "--stack", "prod", "--quiet", "--json", str(plan)]
        written = [sys.executable, "-m", "review", "page", "--plan", str(plan), "--output", str(output)]
        timed(preview), timed(written)  # a first run that doesn't count: byte code, file cache
        runs = [(timed(preview), timed(written)) for _ in range(rounds)]
        share = statistics.median(two.processor / one.processor for one, two in runs)
        print(f"{rounds} rounds on {os.cpu_count()} cores\n\n| what | measured | target |\n|---|---|---|")
        print(f"| writing the page / a preview, processor | {share:.3f} | {SHARE} |")
        large = grown(json.loads(plan.read_text(encoding="utf-8")))
        output.write_text(page(Shown("prod", large)), encoding="utf-8")
        size = output.stat().st_size / 1_000_000
        opening = [_opening(output) for _ in range(rounds)]
        worst = {name: statistics.median(seconds[name] for seconds in opening) for name in opening[0]}
        for name, seconds in worst.items():
            print(f"| {len(large['steps'])} resources ({size:.1f} MB): {name} | {seconds:.2f} s | {SECONDS} s |")
    return int(share > SHARE or max(worst.values()) > SECONDS)


def _opening(file: Path) -> dict[str, float]:
    with started() as browser, opened(browser, file) as shown:
        loaded = shown.run("return performance.getEntriesByType('navigation')[0].loadEventEnd / 1000")
        return {"opened": float(loaded)} | {name: _section(shown, name) for name in ("stack", "access", "rules")}


def _section(shown: Opened, name: str) -> float:
    """Return the seconds from the click on a section's link until the section is drawn."""
    script = """
        const [name, done] = arguments, started = performance.now();
        document.querySelector(`nav a[href="#${name}"]`).click();
        addEventListener("hashchange", () => requestAnimationFrame(() => requestAnimationFrame(
            () => done((performance.now() - started) / 1000))), { once: true });
    """
    return float(shown.driver.execute_async_script(script, name))


if __name__ == "__main__":
    sys.exit(main())
