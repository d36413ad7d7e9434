"""Judge every technique of tfprivesc's list, whole and in pieces, with tfprivesc and with the pack.

    python -m benchmarks.iam.techniques

The list is read from the package. A technique is a set of actions. It counts as found only if a rule names an
escalation path; any other finding doesn't count.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from benchmarks.iam import comparison, environments
from benchmarks.iam.comparison import PACK, TFPRIVESC, Run
from corpus.families import Json, policy, read
from corpus.labelled import AUTHORIZATION_REFERENCE, Labelled

_ACCOUNT: Final = "123456789012"
_NAMING: Final = frozenset(
    "privilege-escalation joint-privilege-escalation wildcard-action not-action broad-managed-policy".split()
)
"""The pack's rules that name an escalation path; the last three say that everything is allowed, or all that a managed
policy allows. All rules of tfprivesc name one."""

_WITHOUT_EFFECT: Final[Sequence[Json]] = (
    {"Bool": {"aws:SecureTransport": "true"}},
    {"StringEquals": {"aws:PrincipalAccount": _ACCOUNT}},
    {"StringLike": {"aws:PrincipalArn": "*"}},
    {"StringEqualsIfExists": {"aws:ResourceTag/team": "web"}},
    {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}},
)
"""Conditions that the caller always meets."""

_VARIANTS: Final[Mapping[str, str]] = {
    "whole": "all actions in one statement",
    "conditions": "a statement for each action, with a condition that everyone meets",
    "apart": "a policy for each action",
    "apart-conditions": "a policy for each action, with such a condition",
    "denied": "all actions, and a Deny of them, which must not be named",
}


def techniques() -> Mapping[str, Sequence[str]]:
    """Return the techniques of the package: id -> required actions."""
    environment = environments.python(TFPRIVESC.environment).parents[1]
    [file] = environment.glob("lib/*/site-packages/tfprivesc/data/rules.json")
    return {rule["id"]: rule["requires"]["actions"] for rule in json.loads(file.read_text(encoding="utf-8"))}


def documents(listed: Mapping[str, Sequence[str]]) -> Iterator[Labelled]:
    """Yield the variants of all techniques, and the edge cases."""
    for id_, actions in listed.items():
        allowed = [_allow(action) for action in actions]
        bound = [
            _allow(action, Condition=_WITHOUT_EFFECT[at % len(_WITHOUT_EFFECT)]) for at, action in enumerate(actions)
        ]
        yield _labelled(f"whole/{id_}", [[_allow(actions)]])
        yield _labelled(f"conditions/{id_}", [bound])
        yield _labelled(f"denied/{id_}", [[_allow(actions), _allow(actions, Effect="Deny")]], named=False)
        if len(actions) > 1:
            yield _labelled(f"apart/{id_}", [[one] for one in allowed])
            yield _labelled(f"apart-conditions/{id_}", [[one] for one in bound])
    for case in read(Path(__file__).with_name("techniques.yaml")):
        named = case["wanted"] == "named"
        yield _labelled(f"edge/{case['case']}", case["policies"], case.get("managed", ()), named=named)


def _allow(actions: Json, **more: Json) -> Json:
    return {"Effect": "Allow", "Action": actions, "Resource": "*", **more}


def _labelled(key: str, policies: Sequence[Json], managed: Sequence[str] = (), *, named: bool = True) -> Labelled:
    return Labelled(
        key,
        "bundle" if len(policies) > 1 or managed else "identity",
        "techniques",
        "block" if named else "allow",
        "privilege-escalation" if named else "",
        "",
        AUTHORIZATION_REFERENCE,
        None if len(policies) > 1 or managed else policy(policies[0]),
        policies=[policy(one) for one in policies] if len(policies) > 1 or managed else [],
        managed=list(managed),
        account=_ACCOUNT,
    )


def section() -> str:
    """Return the section of the results."""
    listed = techniques()
    judged = list(documents(listed))
    with tempfile.TemporaryDirectory() as folder:
        [[own], [peer]] = comparison.run((PACK, TFPRIVESC), judged, Path(folder), 1)
    rows = [
        f"| {what} | {_right(own, judged, variant)} | {_right(peer, judged, variant)} |\n"
        for variant, what in (*_VARIANTS.items(), ("edge", "its edge cases, as a gate should judge them"))
    ]
    wrong = [f"- `{one.key}`\n" for one in judged if not _is_right(own, one)]
    return (
        "## Techniques of tfprivesc\n\n"
        f"`python -m benchmarks.iam.techniques`: the {len(listed)} techniques that {TFPRIVESC.name} lists, whole and "
        "in pieces, as the policies of a user and of a role in an account with a target for each. A tool is right if "
        "it names an escalation path where there is one, and none where there is none.\n\n"
        f"| technique as | {PACK.name} | {TFPRIVESC.name} |\n| --- | --- | --- |\n"
        + "".join(rows)
        + "\nWhere the pack is wrong:\n\n"
        + ("".join(wrong) or "Nothing.\n")
    )


def _right(run: Run, judged: Sequence[Labelled], variant: str) -> comparison.Share:
    of_variant = [one for one in judged if one.key.startswith(f"{variant}/")]
    return comparison.Share(sum(_is_right(run, one) for one in of_variant), len(of_variant))


def _is_right(run: Run, document: Labelled) -> bool:
    findings = run.verdicts[document.key].findings
    named = bool(_NAMING.intersection(findings) if run.tool == PACK else findings)
    return named == (document.label == "block")


def main() -> int:
    """Print the section."""
    print(section())
    return 0


if __name__ == "__main__":
    sys.exit(main())
