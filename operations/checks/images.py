"""The images that the stack's file names, where the stack makes its workloads: without them no task starts."""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ClientError

from components.containers import CONTAINERS, container_definitions
from operations.aws import calls
from operations.stack import Stack
from operations.verdicts import Check, Verdict


def images(stack: Stack) -> list[tuple[str, str]]:
    """Return repository and digest of each image of a workload that the stack makes; none while it names no digest."""
    if not stack.settings.here:
        return []
    texts = (container_definitions(stack.names, stack.settings, workload) for workload in CONTAINERS)
    found = {container["image"].partition("/")[2].partition("@") for text in texts for container in json.loads(text)}
    return sorted((repository, digest) for repository, _, digest in found if digest)


def image_check(repository: str) -> Check:
    """Return the check of a repository's image."""
    return Check(f"image/{repository}", f"image {repository}")


def check_image(repository: str, digest: str, client: Any) -> Verdict:  # noqa: ANN401 - botocore makes the client
    """Tell whether the account's registry has an image.

    Raises:
        Failure: AWS refuses or doesn't answer.
    """
    check = image_check(repository)
    with calls(check.subject):
        try:
            client.describe_images(repositoryName=repository, imageIds=[{"imageDigest": digest}])
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("ImageNotFoundException", "RepositoryNotFoundException"):
                raise
            return check.failed(f"{digest} isn't in the account's registry; push it, or no task of it starts")
    return check.passed(digest)
