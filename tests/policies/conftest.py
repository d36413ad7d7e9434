"""The fixture for the tests of all packs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.owner import owned
from tests.policies.analyzer import Json, Judge, Level, Process, StartPack


@pytest.fixture(scope="session")
def pack() -> Iterator[StartPack]:
    """Start a pack, by its folder's name under `policies/` or by a path, and return a `Judge`.

    `config` maps rule ids to their properties (`{"role-name": {"waivers": [...]}}`), `levels` to enforcement
    levels; both are optional. A session has one process for each pack and stack, which judges share, so a new
    configuration costs nothing.
    """
    processes: dict[tuple[Path, str], Process] = {}
    judges: dict[str, Judge] = {}

    def start(
        name: str | Path,
        stack: str = "prod",
        config: Mapping[str, Mapping[str, Json]] | None = None,
        levels: Mapping[str, Level] | None = None,
    ) -> Judge:
        folder = name if isinstance(name, Path) else owned() / "policies" / name
        if (folder, stack) not in processes:
            processes[folder, stack] = Process(folder, stack)
        key = json.dumps([str(folder), stack, config or {}, levels or {}])
        if key not in judges:
            judges[key] = Judge(processes[folder, stack], stack, config or {}, levels or {})
        return judges[key]

    yield start
    for process in processes.values():
        process.stop()
