"""Reads property values so that it stays known which of them are secret.

The engine sends them marked (`KeepSecrets` in sdk/go/common/resource/plugin/analyzer_plugin.go of pulumi/pulumi);
the policy SDK's own reader takes the marks off. Where an update of the SDK no longer asks this reader, no value is
marked any more, and the rules that need a secret to be one refuse it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulumi_policy.deserialize import SPECIAL_SECRET_SIG, SPECIAL_SIG_KEY
from pulumi_policy.deserialize import deserialize_properties as unmarked

from policies.rulebook.resource import Json, SecretText


def deserialize_properties(props: Mapping[str, Json], proxy_secrets: bool = False) -> dict[str, Json]:
    """Return properties as the SDK reads them, with each text of a secret as `SecretText`.

    For remediation (`proxy_secrets`) the SDK keeps track of secrets by itself.
    """
    if proxy_secrets:
        marked: dict[str, Json] = unmarked(dict(props), proxy_secrets)
        return marked
    return {key: _read(value, False) for key, value in props.items()}


def _read(value: Any, secret: bool) -> Json:  # noqa: ANN401 - what JSON gives
    if isinstance(value, list):
        return [_read(item, secret) for item in value]
    if isinstance(value, Mapping):
        signature = value.get(SPECIAL_SIG_KEY)
        if signature == SPECIAL_SECRET_SIG and "value" in value:
            return _read(value["value"], True)
        if signature is not None:
            return unmarked({"it": value})["it"]
        return {key: _read(item, secret) for key, item in value.items()}
    return SecretText(value) if secret and isinstance(value, str) else value
