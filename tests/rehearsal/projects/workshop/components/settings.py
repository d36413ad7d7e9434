"""The workshop's secrets, for a rehearsal."""

from collections.abc import Mapping


def placeholders() -> Mapping[str, str]:
    return {"token": "PLACEHOLDER-TOKEN"}
