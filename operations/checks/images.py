"""Checks that the images exist that the stack's workloads run, if the stack creates them."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from components.images import Image, image_digest, image_repository
from operations.aws import calls
from operations.stack import Stack
from operations.verdicts import Check, Verdict


def images(stack: Stack) -> list[tuple[str, str]]:
    """Return repository and digest of each image that the stack's workloads run and whose digest the settings name."""
    settings = stack.settings
    if not settings.here:
        return []
    named = [(image_repository(image, settings), image_digest(image, settings)) for image in Image]
    named += [(settings.ork_repository, settings.ork_image_digest or "")]
    return sorted((repository, digest) for repository, digest in named if digest)


def image_check(repository: str) -> Check:
    """Return the check of a repository's image."""
    return Check(f"image/{repository}", f"image {repository}")


def check_image(repository: str, digest: str, client: Any) -> Verdict:  # noqa: ANN401 - botocore makes the client
    """Check that the account's registry has an image.

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
            return check.failed(f"{digest} isn't in the account's registry; push it, or what runs it can't start")
    return check.passed(digest)
