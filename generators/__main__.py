"""Writes everything that is generated: `make docs`."""

from __future__ import annotations

import argparse
import sys

from generators import expected_readers, pages, previewed
from stackfiles.failures import Failure


def main() -> int:
    """Write what is derived in `policies/config/`, then the pages in `docs/`; return the exit code."""
    argparse.ArgumentParser(prog="python -m generators", description=main.__doc__).parse_args()
    try:
        expected_readers.main()
        previewed.main()
        pages.main()
    except Failure as failure:
        print(f"error: {failure}", file=sys.stderr)
        return failure.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
