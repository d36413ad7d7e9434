"""Writes the files derived from the suite's own stack files: the readers, and what their owner agreed to."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from generators import expected_readers, previewed
from policies.inventory.agreement import __main__ as agreement
from stackfiles.project import stacks
from tests.owner import FILES, HERE, lay


def main() -> int:
    """Write the files beside this one and return the exit code."""
    argparse.ArgumentParser(prog="python -m tests.owner", description=__doc__).parse_args()
    return _write(FILES) or _write(HERE)


def _write(files: Path) -> int:
    """Write the files derived from the stack files in a folder, and return the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        project = lay(Path(folder).resolve(), files)
        expected_readers.write(project)
        previewed.write(project)
        for stack in stacks(project):
            sys.argv = ["agreement", "write", "--yes", "--take-away", "--stack", stack, "--project", str(project)]
            if code := agreement.main():
                return code
        for file in (project / "policies" / "config").glob("*.*.json"):
            shutil.copy(file, files / "policies" / "config")
    return 0


if __name__ == "__main__":
    sys.exit(main())
