"""Writes everything that is generated: `make docs`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from generators import expected_readers, pages, pipeline_stacks, previewed, provider_defaults, rule_examples
from stackfiles.failures import Failure


def main() -> int:
    """Write the derived files in `policies/config/`, the stacks in the pipelines and the pages in `docs/`."""
    parser = argparse.ArgumentParser(prog="python -m generators", description=main.__doc__)
    parser.add_argument(
        "--project", type=Path, default=Path(), metavar="FOLDER", help="the project's folder (default: this one)"
    )
    project = parser.parse_args().project
    try:
        expected_readers.write(project)
        previewed.write(project)
        pipeline_stacks.write(project)
        provider_defaults.write(project)
        pages.write(project)
        rule_examples.write(project)
    except Failure as failure:
        print(f"error: {failure}", file=sys.stderr)
        return failure.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
