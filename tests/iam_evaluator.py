"""A third-party evaluator of IAM policies: @cloud-copilot/iam-simulate from the npm registry.

It is installed on demand under `build/iam/`, which git ignores.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

PACKAGE: Final = "@cloud-copilot/iam-simulate@0.1.173"
_FOLDER: Final = Path(__file__).resolve().parent.parent / "build" / "iam" / "node"
_SCRIPT: Final = Path(__file__).with_suffix(".mjs")


def missing() -> str:
    """Return why the evaluator can't run here, or an empty text. Install it first if it isn't installed."""
    absent = [name for name in ("node", "npm") if shutil.which(name) is None]
    if absent:
        return f"{' and '.join(absent)} isn't on the path"
    if not (_FOLDER / "node_modules" / PACKAGE.rpartition("@")[0]).is_dir():
        _FOLDER.mkdir(parents=True, exist_ok=True)
        try:
            _run(["npm", "install", "--silent", "--no-audit", "--no-fund", PACKAGE])
        except RuntimeError as error:
            return f"{PACKAGE} can't be installed: {error}"
    return ""


def simulate(requests: Sequence[dict[str, Any]]) -> list[bool]:
    """Return whether each request is allowed; iam_evaluator.mjs describes the fields of a request.

    Raises:
        RuntimeError: the evaluator can't run, or it rejects a request as malformed.
    """
    found = answers(requests)
    for request, answer in zip(requests, found, strict=True):
        if isinstance(answer, str):
            raise RuntimeError(f"the evaluator refuses {json.dumps(request)}: {answer}")
    return [answer is True for answer in found]


def answers(requests: Sequence[dict[str, Any]]) -> list[bool | str]:
    """Return whether each request is allowed, or why the evaluator can't decide.

    Raises:
        RuntimeError: the evaluator can't run.
    """
    if reason := missing():
        raise RuntimeError(reason)
    # Node looks for packages from the folder of the script.
    script = Path(shutil.copy(_SCRIPT, _FOLDER))
    found: list[bool | str] = json.loads(_run(["node", str(script)], json.dumps(requests)))
    return found


def _run(command: list[str], given: str = "") -> str:
    done = subprocess.run(command, cwd=_FOLDER, input=given, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {done.stderr.strip()[-500:]}")
    return done.stdout
