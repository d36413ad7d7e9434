"""Merges an agreement into the file: facts from the settings and the plan, and entries that people added."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def merged(agreed: Mapping[str, Any], wanted: Mapping[str, Mapping[str, Any]], *, keep: bool) -> dict[str, Any]:
    """Return the new configuration: rule -> key -> value.

    Keys and rules that `wanted` doesn't have stay, such as waivers. Entries of a list or a mapping that `wanted`
    doesn't have stay with `keep`, or if the list or mapping would be empty otherwise.

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
    more = _more(given, wanted)
    if not more or (wanted and not keep):
        return wanted
    if isinstance(wanted, list):
        return sorted([*wanted, *more], key=str)
    return dict(sorted({**given, **wanted}.items()))


def _more(given: Any, wanted: Any) -> list[Any]:  # noqa: ANN401 - any JSON
    """Return the entries of a list, or the keys of a mapping, that `wanted` doesn't have."""
    if not isinstance(wanted, list | dict) or type(given) is not type(wanted):
        return []
    return [entry for entry in given if entry not in wanted]


def leftovers(agreed: Mapping[str, Any], wanted: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the entries that are agreed but no longer wanted, as `rule: key: entry`.

    >>> leftovers({"r": {"list": ["a", "b"], "waivers": [1]}}, {"r": {"list": ["b"]}})
    ['r: list: a']
    """
    found = []
    for rule, configuration in wanted.items():
        own = agreed.get(rule)
        given: Mapping[str, Any] = own if isinstance(own, Mapping) else {}
        for key, value in configuration.items():
            found += [f"{rule}: {key}: {entry}" for entry in _more(given.get(key), value)]
    return found
