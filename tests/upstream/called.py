"""The requests to AWS in all runs, in the form of the record of calls (generators/ci_calls.py)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any, Final

from generators.ci_calls import Request
from tests.planning import NAME
from tests.upstream.deployment import Ran, provider_code
from tests.upstream.permissions import ACCOUNT

_IDS: Final = (
    (r"(:distribution/)[0-9A-Z]+", r"\g<1>E" + "0" * 13),
    (r"\b(eipalloc|nat|rtb|sgr?|subnet|vpc)-[0-9a-f]{8,17}\b", r"\g<1>-" + "0" * 17),
    (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "0" * 8 + "-0000" * 3 + "-" + "0" * 12),
    (r"\b(ns|srv)-[0-9a-z]{8,20}\b", r"\g<1>-" + "0" * 16),
    (r"/[0-9a-f]{16,17}\b", "/" + "0" * 17),
    (r"(:delivery:)\w+", r"\g<1>" + "0" * 17),
    (r"(:targetgroup/.*)-[0-9a-f]{4}/", r"\g<1>-0000/"),
    (r"(:secret:.*)-\w{6}$", r"\g<1>-AbCdEf"),
    (r"\bork-worker\b", "ork-processor"),
)
"""Text that differs from run to run -> its placeholder; and a role's new name -> the one that today's grants have."""


def lines(runs: Iterable[Ran], settings: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the record of the calls in CI's runs. `settings`: by stack."""
    found = [{"source": provider_code()}, *map(asdict, requests(runs, settings))]
    return "".join(json.dumps(line) + "\n" for line in found)


def requests(runs: Iterable[Ran], settings: Mapping[str, Mapping[str, Any]]) -> list[Request]:
    """Return every IAM request that those calls raised, each once, in order."""
    seen: dict[tuple[str, str, str], dict[str, set[str]]] = {}
    for ran in filter(lambda ran: ran.roles, runs):
        for call in ran.api:
            for asked in call["asked"]:
                context = json.dumps(asked["context"], sort_keys=True)
                key = (
                    asked["action"],
                    *(_pattern(text, ran.stack, settings[ran.stack]) for text in (asked["resource"], context)),
                )
                entry = seen.setdefault(key, {"roles": set(), "options": set(), "operations": set()})
                entry["roles"].update(ran.roles)
                entry["options"].add(ran.options)
                entry["operations"].add(f"{call['service']} {call['operation']}")
    return [
        Request(
            roles=sorted(entry["roles"]),
            options=min(entry["options"]),
            action=action,
            resource=resource,
            context=json.loads(context),
            operations=sorted(entry["operations"]),
        )
        for (action, resource, context), entry in sorted(seen.items())
    ]


def _pattern(text: str, stack: str, settings: Mapping[str, Any]) -> str:
    """Replace what is specific to a run, account, region or stack in a text."""
    names = {
        settings.get("vpcId"): "{vpcId}",
        settings["circleciOrganizationId"]: "{circleciOrganizationId}",
        ACCOUNT: "{account}",
        settings["aws:region"]: "{region}",
    }
    for name, instead in names.items():
        text = text.replace(name, instead) if name else text
    for id_, replacement in _IDS:
        text = re.sub(id_, replacement, text)
    return re.sub(rf"(?<![\w-]){stack}(?=[-/\"])", "{stack}", text.replace(NAME, "{project}"))
