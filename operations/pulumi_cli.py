"""Runs the Pulumi CLI: explains how to get it, and refuses some of its options."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, Final

from stackfiles import project
from stackfiles.failures import BadConfiguration

PULUMI: Final = "pulumi"
"""The CLI's program."""

INSTALL_PAGE: Final = "https://www.pulumi.com/docs/install/versions/"
"""Pulumi's list of all CLI versions, with instructions to install them."""

FROM_ENVIRONMENT: Final = "PULUMI_OPTION_"
"""The CLI reads any of its flags from variables with this prefix (pkg/cmd/pulumi/pulumi.go)."""

SIGNALLED: Final = 128
"""Added to the number of the signal that ended a process, this is its exit code."""


def require_cli(folder: Path) -> None:
    """If the Pulumi CLI is missing, say how to get it.

    Raises:
        BadConfiguration: it isn't on the path.
    """
    if shutil.which(PULUMI):
        return
    version = project.pulumi_version(folder)
    raise BadConfiguration(
        f"`{PULUMI}` isn't on the path, and this command can't preview or apply anything without it.\n"
        f"Install Pulumi CLI {version}, which this project is tested with (Pulumi.yaml, `requiredPulumiVersion`):\n"
        f"  1. Download {version} for your system from {INSTALL_PAGE} and compare the checksum\n"
        f"     (or run Pulumi's install script with `--version {version}`);\n"
        "  2. put its folder on the PATH: it also contains pulumi-language-python, which runs this project;\n"
        f"  3. check that `{PULUMI} version` prints v{version}.\n"
        "Until then, `make preview` plans and judges the stack on the embedded engine, without the CLI."
    )


def require_no_hidden_options() -> None:
    """Refuse options of the Pulumi CLI in the environment.

    Raises:
        BadConfiguration: there are some.
    """
    if hidden := sorted(name for name in os.environ if name.startswith(FROM_ENVIRONMENT)):
        raise BadConfiguration(
            f"{', '.join(hidden)}: options of the Pulumi CLI in the environment could skip the preview or the packs; "
            "accepted: the options of this command"
        )


def run_cli(
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str] | None = None,
    stdout: Any = None,  # noqa: ANN401 - what subprocess takes
    stderr: Any = None,  # noqa: ANN401 - as above
) -> int:
    """Run the CLI in a project's folder and return its exit code.

    The engine is never killed. When it is told to stop, it finishes running operations and writes its state first.
    """
    if stdout is None:
        print(f"$ {shlex.join(command)}", file=sys.stderr, flush=True)

    def pass_on(number: int, _frame: FrameType | None) -> None:
        # Ctrl-C at a terminal also reaches the engine, because it is in the same process group.
        if number != signal.SIGINT:
            process.send_signal(number)

    with subprocess.Popen(  # noqa: S603 - the CLI, with the stack's name
        command,
        cwd=folder,
        env={**os.environ, **(environment or {})},
        stdin=None if stdout is None else subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
    ) as process:
        before = {number: signal.signal(number, pass_on) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            code = process.wait()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
    return code if code >= 0 else SIGNALLED - code
