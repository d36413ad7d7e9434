"""Turns on the gate's rules that an update needs the record of its preview.

The rules of the pack `previewed` are off by default, for other projects. In this project `make up` provides the record,
so each stack's `policies/config/previewed.<stack>.json` turns them on. What owners changed in such a file stays.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from stackfiles.project import stacks

_REQUIRED: Final[dict[str, dict[str, Any]]] = {
    "not-previewed": {
        "required": True,
        # A preview has a stand-in for the password of a database that this program creates, and for Kinde's client
        # secret unless `readSecretsInPreview` is set.
        "stand_ins": {
            "aws:lb/listenerRule:ListenerRule": ["actions.*.authenticateOidc.clientSecret"],
            "aws:rds/cluster:Cluster": ["masterPasswordWo"],
        },
    },
    "previewed-only": {"required": True},
}


def write(project: Path) -> None:
    """Write the file of each stack of a project."""
    for stack in stacks(project):
        path = project / "policies" / "config" / f"previewed.{stack}.json"
        given: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        path.write_text(json.dumps(_REQUIRED | given, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        print(path.relative_to(project))
