"""Faults of an Allow that lets others in: permissions written without a limit, keys and data shared, roles assumed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from typing import Final

from policies.least_privilege import knowledge
from policies.least_privilege.faults import remedies
from policies.least_privilege.faults.fault import Fault, Place, RuleId
from policies.least_privilege.faults.places import parts_at, parts_with_actions
from policies.least_privilege.faults.wording import quote, quote_actions, shorten
from policies.least_privilege.knowledge import condition_keys, sensitive
from policies.least_privilege.language import patterns
from policies.least_privilege.language.documents import Statement
from policies.least_privilege.meaning import resources
from policies.least_privilege.meaning.grants import joint_reach, undenied_actions


def delegation_faults(
    statement: Statement, statements: Sequence[Statement], is_limiting: Callable[[str], bool]
) -> Iterator[Fault]:
    """Yield the faults of an Allow in an identity policy.

    `statements` are all statements of the policy, since some may deny what the Allow grants. `is_limiting` takes a
    managed policy's ARN, or a pattern, and tells whether the policy leaves some permissions out.
    """
    where, conditions = statement.where, statement.conditions
    if conditions and "NONE" in conditions.accepted_values("lambda:functionurlauthtype"):
        yield Fault(
            RuleId.PERMISSIONS_MANAGEMENT,
            f"{where} allows opening functions to everybody.",
            mend="Let the condition on `lambda:FunctionUrlAuthType` accept `AWS_IAM` only.",
        )
    if _GRANTING in statement.actions:
        yield from key_grant_faults(statement)
    for service, actions in undenied_actions(statement, statements).items():
        if not actions & _delegating(service):
            continue  # as in most services
        sharing = actions & sensitive.mask(service, "sharing")
        if sharing and not conditions.ask_for("ec2:add/userid"):
            yield Fault(
                RuleId.DATA_EXFILTRATION,
                f"{where} lets {quote_actions(service, sharing)} share data with any account, or with everybody.",
                parts=parts_with_actions(statement, service, sharing, narrowable=False),
                mend=partial(_sharing_remedy, service, sharing),
            )
        blinding = actions & sensitive.mask(service, "audit")
        if blinding:
            yield Fault(
                RuleId.AUDIT_TAMPERING,
                f"{where} lets {quote_actions(service, blinding)} turn off the audit or the guard rails.",
                parts=parts_with_actions(statement, service, blinding, narrowable=False),
                mend=f"Leave out {quote_actions(service, blinding)}; waive the rule for those who run the audit.",
            )
        if service.prefix == "sts" and actions & service.mask("assumerole"):
            yield from _assumed_roles(statement, service)
        logins = actions & sensitive.mask(service, "logins")
        if logins and not all("${aws:username}" in resource.lower() for resource in statement.resources):
            yield Fault(
                RuleId.CREDENTIAL_EXPOSURE,
                f"{where} lets {quote_actions(service, logins)} create or change credentials of other users.",
                parts=parts_with_actions(statement, service, logins),
                mend=f"Allow {quote_actions(service, logins)} on `arn:aws:iam::ACCOUNT:user/${{aws:username}}`."
                if service.prefix == "iam"
                else remedies.leave_out(list(service.listed(logins))),
            )
        if service.prefix == "iam" and actions & service.mask("passrole"):
            yield from _passed_administrators(statement, service)
        if service.prefix in ("iam", "sso"):
            yield from _unlimited_permissions(statement, service, actions, is_limiting)


@lru_cache(1024)
def _delegating(service: knowledge.Service) -> int:
    """Return the actions that let others in, unless the statement or its conditions limit them."""
    listed = sensitive.masks(service)
    found = listed.get("sharing", 0) | listed.get("audit", 0) | listed.get("logins", 0)
    if service.prefix == "sts":
        found |= service.mask("assumerole")
    if service.prefix in ("iam", "sso"):
        found |= service.mask("passrole") | listed.get("grants", 0)
    return found


_RECEIVER: Final = "ec2:Add/userId"
"""The condition key that holds the account to which a copy is given."""


def _sharing_remedy(service: knowledge.Service, sharing: int) -> str:
    limited = sharing & (condition_keys.actions_sent_with(service, _RECEIVER.lower()) or 0)
    texts = []
    if limited:
        texts.append(remedies.add_condition({"StringEquals": {_RECEIVER: "ACCOUNT"}}, list(service.listed(limited))))
    if sharing & ~limited:
        texts.append(remedies.leave_out(list(service.listed(sharing & ~limited))))
    return " ".join(texts)


def key_grant_faults(statement: Statement) -> Iterator[Fault]:
    """Yield the fault of an Allow that names `kms:CreateGrant` without a condition on the grants
    (https://docs.aws.amazon.com/kms/latest/developerguide/grant-authorization.html)."""
    if _GRANTING not in statement.actions or "kms:putkeypolicy" in statement.actions:
        return  # those who can write the key's policy decide who uses the key anyway
    if not any(line.key.startswith(_GRANT_KEYS) and line.demands() for line in statement.conditions):
        yield Fault(
            RuleId.PERMISSIONS_MANAGEMENT,
            f"{statement.where} lets `kms:CreateGrant` give anybody the use of the key: no condition, such as one on "
            "`kms:GrantIsForAWSResource`, limits who gets it.",
            parts=parts_at(Place(statement, (_GRANTING,), statement.resources)),
            mend=partial(remedies.add_condition, {"Bool": {"kms:GrantIsForAWSResource": "true"}}, ["kms:CreateGrant"]),
        )


_GRANTING: Final = "kms:creategrant"
_GRANT_KEYS: Final = ("kms:grant", "kms:viaservice", "kms:encryptioncontext")


def _unlimited_permissions(
    statement: Statement, service: knowledge.Service, actions: int, is_limiting: Callable[[str], bool]
) -> Iterator[Fault]:
    unlimited = actions & sensitive.mask(service, "grants")
    if not statement.negated_resources and all(map(resources.is_made_by_aws, statement.resources)):
        # Nobody can change AWS's own policies.
        unlimited &= ~(service.mask("createpolicyversion") | service.mask("setdefaultpolicyversion"))
    if unlimited and statement.conditions:
        for action, keys in remedies.LIMITING_KEYS.items():
            if any(statement.conditions.ask_for(key, is_limiting) for key in keys):
                unlimited &= ~service.mask(action)
    if unlimited:
        yield Fault(
            RuleId.PRIVILEGE_ESCALATION,
            f"{statement.where} lets {quote_actions(service, unlimited)} write any permission, without a limit.",
            parts=parts_with_actions(statement, service, unlimited, narrowable=False),
            mend=partial(remedies.limit, service, unlimited),
        )


_ADMINISTRATOR: Final = re.compile(r"admin(?:istrator)?s?(?:-?(?:access|role))?$", re.IGNORECASE)
"""How the name of an administrator's role ends."""


def _passed_administrators(statement: Statement, iam: knowledge.Service) -> Iterator[Fault]:
    passed = list(filter(_ADMINISTRATOR.search, statement.resources))
    if passed and not statement.negated_resources:
        yield Fault(
            RuleId.PRIVILEGE_ESCALATION,
            f"{statement.where} allows passing {quote(map(shorten, passed))}, which by its name is an administrator's "
            "role: anyone who runs something with it becomes an administrator.",
            parts=parts_with_actions(statement, iam, iam.mask("passrole")),
            mend="Pass a role that has only the permissions that the task needs.",
        )


_NAMED_ROLE: Final = "Allow `sts:AssumeRole` on `arn:aws:iam::ACCOUNT:role/NAME`."
_OWNER_KEYS: Final = ("aws:resourceorgid", "aws:resourceorgpaths", "aws:resourceaccount")


def _assumed_roles(statement: Statement, sts: knowledge.Service) -> Iterator[Fault]:
    """Yield the faults of assuming roles of any account: the owner of a role sees what the caller sends and does."""
    conditions = statement.conditions
    assuming = parts_with_actions(statement, sts, sts.mask("assumerole"))
    if conditions.ask_for_any(*_OWNER_KEYS):
        return
    # A tag or a name that the caller chooses for the session says nothing about the role.
    if conditions and not any(":resourcetag/" in line.key for line in conditions):
        iam = knowledge.service("iam")
        if iam and any(
            patterns.includes(one.split(":", 5)[-1], "role/?*") and joint_reach(iam, (one,)).whole
            for one in statement.resources
        ):
            yield Fault(
                RuleId.UNBOUNDED_RESOURCE,
                f"{statement.where} allows assuming every role: no condition names one.",
                parts=assuming,
                mend=_NAMED_ROLE,
            )
    wide = [
        resource
        for resource in statement.resources
        if (parts := resource.split(":", 5)) and len(parts) == 6 and patterns.wild(parts[4]) and "${" not in parts[4]
    ]
    if wide:
        yield Fault(
            RuleId.UNBOUNDED_RESOURCE,
            f"{statement.where} allows assuming roles of any account, through {quote(map(shorten, wide))}.",
            parts=assuming,
            mend=_NAMED_ROLE,
        )
