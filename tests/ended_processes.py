"""Child processes that end with the test process, even if it is killed and so runs no `finally`.

    process = subprocess.Popen(noted(register(), "a-name", command))

A shell reads from a pipe that nobody writes to. The kernel closes the pipe when the test process is gone; then the
shell kills whatever was noted.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

# Once the folder has its other name, nothing more can be noted, and what can't be noted doesn't start.
_END: Final = """
cat > /dev/null
mv "$0" "$0.over"
for noted in "$0.over"/*.pid; do kill -9 "$(cat "$noted")"; done
rm -r "$0.over"
"""
_NOTE: Final = 'echo $$ > "$0" && exec "$@"'

_Arguments = Sequence[str | Path]


@cache
def register() -> Path:
    """Return the folder in which this test process notes its children; anything else in it is deleted with it."""
    folder = Path(tempfile.mkdtemp())
    reading, _ = os.pipe()
    # In its own session, since Ctrl-C ends every process in the terminal's session.
    quiet = subprocess.DEVNULL
    subprocess.Popen(["sh", "-c", _END, folder], stdin=reading, stdout=quiet, stderr=quiet, start_new_session=True)
    os.close(reading)
    return folder


def noted(folder: Path, name: str, command: _Arguments) -> _Arguments:
    """Return a command that notes its process under a name in a register before it does anything else."""
    return ["sh", "-c", _NOTE, folder / f"{name}.pid", *command]


def note(folder: Path, name: str) -> None:
    """Note this process under a name in a register.

    Raises:
        FileNotFoundError: the test process has ended already.
    """
    (folder / f"{name}.pid").write_text(str(os.getpid()))


def forget(folder: Path, name: str) -> None:
    """Remove a process from a register: it has ended, and another process may get its number."""
    (folder / f"{name}.pid").unlink(missing_ok=True)
