"""Where the Pulumi CLI stores a stack's state: in the settings' bucket, unless the shell says otherwise."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from stackfiles import project

BACKEND: Final = "PULUMI_BACKEND_URL"
"""The CLI's variable for the backend, which overrides `backend.url` in Pulumi.yaml."""


def backend_url(bucket: str, region: str) -> str:
    """Return the address of a bucket as the CLI's backend.

    Source: https://www.pulumi.com/docs/iac/concepts/state-and-backends/#aws-s3
    """
    return f"s3://{bucket}?region={region}"


def environment(folder: Path, stack: str) -> Mapping[str, str]:
    """Return the variable that makes the CLI use the stack's bucket; none if the shell sets it or there is no bucket.

    Raises:
        BadConfiguration: there is no such stack, or its file can't be read.
    """
    loaded = project.load(folder, stack)
    bucket = loaded.setting("stateBucket")
    if os.environ.get(BACKEND) or not bucket:
        return {}
    return {BACKEND: backend_url(bucket, loaded.config.get("aws:region", ""))}
