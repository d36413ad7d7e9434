"""What a file holds after an agreement: what the settings and the plan have, and what people added to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def merged(agreed: Mapping[str, Any], wanted: Mapping[str, Mapping[str, Any]], *, keep: bool) -> dict[str, Any]:
    """Return the new configuration: rule -> key -> value.

    Keys and rules that aren't wanted stay, such as waivers. Of a list or a mapping, entries that aren't wanted stay
    with `keep`, and where nothing else would be left.

    >>> merged({"r": {"list": ["a", "b"], "waivers": []}}, {"r": {"list": ["b", "c"]}}, keep=True)
    {'r': {'list': ['a', 'b', 'c'], 'waivers': []}}
    >>> merged({"r": {"list": ["a", "b"]}}, {"r": {"list": ["b", "c"]}}, keep=False)
    {'r': {'list': ['b', 'c']}}
    """
    result = dict(agreed)
    for rule, configuration in wanted.items():
        own = agreed.get(rule)
        given: Mapping[str, Any] = own if isinstance(own, Mapping) else {}
        result[rule] = {**given, **{key: _value(given.get(key), value, keep) for key, value in configuration.items()}}
    return result


def _value(given: Any, wanted: Any, keep: bool) -> Any:  # noqa: ANN401 - any JSON
    if not isinstance(wanted, list | dict) or type(given) is not type(wanted) or (wanted and not keep):
        return wanted
    if isinstance(wanted, list):
        more = [entry for entry in given if entry not in wanted]
        return sorted([*wanted, *more], key=str) if more else wanted
    return dict(sorted({**given, **wanted}.items())) if given.keys() - wanted.keys() else wanted


def leftovers(agreed: Mapping[str, Any], wanted: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return what is agreed and no longer wanted, as `rule: key: entry`.

    >>> leftovers({"r": {"list": ["a", "b"], "waivers": [1]}}, {"r": {"list": ["b"]}})
    ['r: list: a']
    """
    found = []
    for rule, configuration in wanted.items():
        own = agreed.get(rule)
        for key, value in configuration.items():
            given = own.get(key) if isinstance(own, Mapping) else None
            if isinstance(value, list | dict) and type(given) is type(value):
                found += [f"{rule}: {key}: {entry}" for entry in given if entry not in value]
    return found
