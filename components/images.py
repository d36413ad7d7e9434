"""The image that each workload runs, from a repository in the account's own registry."""

from __future__ import annotations

from enum import StrEnum

from components.catalogue import DATABASE_TASKS, Workload
from components.settings import Settings


class Image(StrEnum):
    """An image that workloads run. The keys of the settings for its repository and digest begin with the value."""

    BACKSTAGE = "backstage"
    PREFECT = "prefect"
    """The same for server, worker and deployer."""
    POSTGRESQL = "postgresql"
    """PostgreSQL's client, in its official image."""

    @property
    def digest_key(self) -> str:
        """The setting with the digest, which is known once the image is in the repository."""
        return f"{self}ImageDigest"


def workload_image(workload: Workload, *, here: bool) -> Image:
    """Return a workload's image. With `workloads: elsewhere`, the tasks for the database run Backstage's."""
    if workload in DATABASE_TASKS and here:
        return Image.POSTGRESQL
    return Image.PREFECT if workload.startswith("prefect") else Image.BACKSTAGE


def image_repository(image: Image, settings: Settings) -> str:
    """Return the repository of an image."""
    return {
        Image.BACKSTAGE: settings.backstage_repository,
        Image.PREFECT: settings.prefect_repository,
        Image.POSTGRESQL: settings.postgresql_repository,
    }[image]


def image_digest(image: Image, settings: Settings) -> str:
    """Return the digest of an image, empty while the settings have none."""
    return {
        Image.BACKSTAGE: settings.backstage_image_digest,
        Image.PREFECT: settings.prefect_image_digest,
        Image.POSTGRESQL: settings.postgresql_image_digest,
    }[image] or ""
