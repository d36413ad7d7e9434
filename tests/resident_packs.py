"""Policy packs that stay for many plans: one process for each pack and stack serves all plans of a test process.

Starting a pack costs as much as a plan, and packs have their own tests for it. The engine configures a pack again for
each plan, so nothing of one plan reaches another. When a pack starts, it reads only the files beside it. A project with
other packs or other configuration there therefore gets its own packs, and new ones whenever these files change.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tests import plain_calls
from tests.ended_processes import forget, note
from tests.forked_packs import ForkedPack
from tests.forks import PROJECT

_MODULE: Final = "pulumi.policy"
"""`python -m pulumi.policy ENGINE FOLDER` starts a pack, which prints its port and serves until it is killed."""

_OF_THE_PLAN: Final = "PULUMI_CONFIG"
"""The only variable of a pack's environment that differs between plans of a stack; this project's packs ignore it."""
_PACKS: Final = PROJECT / "policies"
"""The project's own packs; any other pack is called over gRPC, as the engine calls every pack."""


def attach(register: Path, packs: Path) -> None:
    """Make this process fork its packs.

    Packs in the folder `packs` are resident if the project has the same packs with the same configuration: they are
    running already, or are started and registered. All others end with the plan.
    """

    class Popen(subprocess.Popen[bytes]):
        def __new__(cls, command: Sequence[str], **options: Any) -> Any:  # noqa: ANN401 - as in the standard library
            pack = Path(command[-1])
            known = packs / pack.name
            if _MODULE not in command:
                return super().__new__(cls)
            if pack.resolve() != known.resolve() or _files_beside(pack) != _files_beside(known):
                return ForkedPack(pack, options["env"], options["stderr"], first=lambda: _listen(pack, register))
            return ResidentPack(register, known, options)

    vars(subprocess)["Popen"] = Popen
    plain_calls.attach(register)


def _listen(pack: Path, folder: Path) -> None:
    """Make the process of one of the project's own packs listen on a socket in a folder."""
    if pack.resolve().is_relative_to(_PACKS):
        plain_calls.listen(folder)


def _files_beside(pack: Path) -> dict[str, Path | bytes]:
    """Return the files beside a pack: the other packs, and the content of the files in `config`."""
    files = [file for file in (pack.parent / "config").glob("*") if file.is_file()]
    return {path.name: path.resolve() for path in pack.parent.iterdir() if (path / "PulumiPolicy.yaml").exists()} | {
        file.name: file.read_bytes() for file in files
    }


class ResidentPack:
    """Stands in for the process of a pack: it reports the pack's port, and can't be ended.

    A pack that fails to start behaves as a real process does: no port, an exit code, and its message on stderr.
    """

    def __init__(self, folder: Path, pack: Path, options: Mapping[str, Any]) -> None:
        environment = {key: value for key, value in options["env"].items() if key != _OF_THE_PLAN}
        added = sorted(environment.items() - os.environ.items())
        key = hashlib.sha256(repr((pack, added, sorted(_files_beside(pack).items()))).encode()).hexdigest()
        self._folder, self._key = folder, key
        self._pack = pack
        self._port = folder / f"{key}.port"
        self._started: ForkedPack | None = None
        if not self._line():
            with self._port.open("wb") as port:
                self._started = ForkedPack(pack, environment, options["stderr"], port, self._settle)

    def _settle(self) -> None:
        note(self._folder, self._key)
        _listen(self._pack, self._folder)

    @property
    def stdout(self) -> ResidentPack:
        """What can be read from its stdout: the line with the port."""
        return self

    def readline(self) -> bytes:
        """Wait for the line with the port; return an empty text if the pack ended without one."""
        while not (line := self._line()) and self._started and self._started.poll() is None:
            time.sleep(0.005)
        if not line:
            forget(self._folder, self._key)
        return line

    def _line(self) -> bytes:
        line = self._port.read_bytes() if self._port.exists() else b""
        return line if line.endswith(b"\n") else b""

    def __iter__(self) -> Iterator[bytes]:
        return iter(())

    def kill(self) -> None:
        """Leave the pack running for other plans."""

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code of a pack that failed to start, or 0 at once."""
        return (self._started.poll() if self._started else None) or 0
