"""Looks up answers to the questions of `init` with the shell's credentials: ids and names, never a value."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from operations.aws import Aws, calls
from operations.checks.cloudflare import zone_ids
from operations.init.questions import Answers, Question, refusals
from operations.web import Web
from stackfiles.failures import Failure

REGION: Final = "aws:region"
ACCOUNT: Final = "aws:allowedAccountIds"
ZONE: Final = "cloudflareZoneId"

_MOST: Final = 500
"""The rest of a longer list isn't read: nobody would choose from it."""


@dataclass(frozen=True)
class Choice:
    """A possible answer; `label` describes it to people."""

    value: str
    label: str = ""

    def __str__(self) -> str:
        """Return value and label as a line."""
        return f"{self.value}  {self.label}".rstrip()


@dataclass(frozen=True)
class Lookup:
    """A list in AWS that contains the answer to a question.

    `query` (JMESPath) extracts value and label from each page; the value begins after the last `cut`. `filters` are the
    operation's, by name. With `fact`, a single choice is the answer; without it, people choose. `hint` is a text in the
    value or label of the most likely choice. `filters` can contain {stack} and the keys of earlier answers; `hint` can
    contain {stack}.
    """

    service: str
    operation: str
    query: str
    cut: str = ""
    filters: Mapping[str, str] = field(default_factory=dict)
    filter_key: str = "Name"
    fact: bool = False
    hint: str = ""


_VPC: Final = {"vpc-id": "{vpcId}"}
_SUBNETS: Final = Lookup(
    "ec2", "describe_subnets", "Subnets[].[SubnetId, AvailabilityZone, Tags[?Key=='Name']|[0].Value]", filters=_VPC
)
_GROUPS: Final = ("ec2", "describe_security_groups", "SecurityGroups[].[GroupId, GroupName]", "", _VPC)
_ROUTES: Final = Lookup(
    "ec2", "describe_route_tables", "RouteTables[].[Associations[].[SubnetId], Routes[].GatewayId]", filters=_VPC
)
_REPOSITORIES: Final = Lookup("ecr", "describe_repositories", "repositories[].[repositoryName]")

_LOOKUPS: Final[Mapping[str, Lookup]] = {
    "vpcId": Lookup("ec2", "describe_vpcs", "Vpcs[].[VpcId, Tags[?Key=='Name']|[0].Value, CidrBlock]"),
    "privateSubnetIds": _SUBNETS,
    "publicSubnetIds": _SUBNETS,
    "backstageSecurityGroupId": Lookup(*_GROUPS, hint="backstage"),
    "prefectSecurityGroupId": Lookup(*_GROUPS, hint="prefect"),
    "deployerSecurityGroupId": Lookup(*_GROUPS, hint="deployer"),
    "cloudfrontPrefixListId": Lookup(
        "ec2",
        "describe_managed_prefix_lists",
        "PrefixLists[].[PrefixListId, PrefixListName]",
        filters={"prefix-list-name": "com.amazonaws.global.cloudfront.origin-facing"},
        fact=True,
    ),
    "cluster": Lookup("ecs", "list_clusters", "clusterArns[].[@]", "/", hint="{stack}"),
    "deployerTaskFamily": Lookup("ecs", "list_task_definition_families", "families[].[@]", hint="deployer"),
    "orkFunction": Lookup("lambda", "list_functions", "Functions[].[FunctionName, Description]", hint="ork"),
    "kindeClientSecret": Lookup(
        "secretsmanager",
        "list_secrets",
        "SecretList[].[ARN]",
        ":secret:",
        {"name": "{stack}/kinde/client-secret"},
        "Key",
        fact=True,
    ),
    "backstageRepository": _REPOSITORIES,
    "prefectRepository": _REPOSITORIES,
}
"""Key -> the list with its choices."""

FACTS: Final = frozenset({ZONE, *(key for key, lookup in _LOOKUPS.items() if lookup.fact)})
"""The keys whose value is determined by the account or the domain, if it is found there."""
IN_ACCOUNT: Final = frozenset(_LOOKUPS)
"""The keys whose values belong to one account and region."""

_PUBLIC: Final[Mapping[str, bool]] = {"privateSubnetIds": False, "publicSubnetIds": True}


class Lookups:
    """Looks up choices for a stack. A failed lookup is reported in one line, and gives no choices.

    Args:
        stack: The stack's name.
        web: The connections; None to look nothing up.
        token: Cloudflare's token; "" for none.
        tell: Prints a line for people.
    """

    def __init__(self, stack: str, web: Web | None, token: str, tell: Callable[[str], None]) -> None:
        self._stack = stack
        self._web = web
        self._token = token
        self._tell = tell
        self._account: dict[tuple[str, str], Aws | None] = {}

    def choices(self, question: Question, answers: Answers) -> Sequence[Choice]:
        """Return possible answers to a question, as far as the earlier answers allow a lookup."""
        try:
            found = self._look(self._web, question.key, answers) if self._web else ()
        except Failure as failure:
            self._tell(f"{question.key} couldn't be looked up: {str(failure).removeprefix(f'{question.key}: ')}")
            return []
        return [
            choice
            for choice in found
            if question.key in _PUBLIC or not refusals(self._stack, question.key, question.read(choice.value))
        ]

    def likely(self, key: str, choices: Sequence[Choice]) -> list[str]:
        """Return the choices for a question's default: all of them for a list, otherwise the only likely one."""
        if key in _PUBLIC:
            return [choice.value for choice in choices]
        hint = _LOOKUPS[key].hint.format(stack=self._stack) if key in _LOOKUPS else ""
        hinted = [choice.value for choice in choices if hint in str(choice)]
        return hinted if len(hinted) == 1 else []

    def _look(self, web: Web, key: str, answers: Answers) -> Sequence[Choice]:
        if key == ZONE:
            domain = str(answers.get("domain", ""))
            ids = zone_ids(domain, self._token, web) if domain and self._token else []
            return [Choice(id_, domain) for id_ in ids]
        if key == REGION:
            own = Aws("", web.timeout).own_region
            return [Choice(own, "the shell's region")] if own else []
        region = str(answers.get(REGION, ""))
        if key == ACCOUNT and region:
            account = Aws(region, web.timeout).account()
            return [Choice(account, "the account of the shell's credentials")]
        if key in _LOOKUPS and (aws := self._clients(web, region, answers)):
            return self._list(aws, key, answers)
        return []

    def _clients(self, web: Web, region: str, answers: Answers) -> Aws | None:
        """Return clients for the account in the answers. Credentials of another account are reported once."""
        account = answers.get(ACCOUNT)
        if not region or not isinstance(account, list):
            return None
        place = (region, str(account[0]))
        if place not in self._account:
            self._account[place] = None
            aws = Aws(region, web.timeout)
            aws.require_account(place[1])
            self._account[place] = aws
        return self._account[place]

    def _list(self, aws: Aws, key: str, answers: Answers) -> Sequence[Choice]:
        lookup = _LOOKUPS[key]
        if lookup.filters is _VPC and "vpcId" not in answers:
            return []
        choices = [
            Choice(str(value).split(lookup.cut)[-1] if lookup.cut else str(value), " ".join(filter(None, label)))
            for value, *label in self._rows(aws, key, lookup, answers)
        ]
        if key not in _PUBLIC:
            return choices
        public = self._public_subnets(aws, key, answers)
        return [choice for choice in choices if public(choice.value) is _PUBLIC[key]]

    def _public_subnets(self, aws: Aws, key: str, answers: Answers) -> Callable[[str], bool]:
        """Return a function that says whether a subnet's route table (or else the main one) has an internet gateway.

        Source: https://docs.aws.amazon.com/vpc/latest/userguide/configure-subnets.html#subnet-types
        """
        to_internet: dict[str | None, bool] = {}
        for associations, gateways in self._rows(aws, key, _ROUTES, answers):
            leads = any(str(gateway).startswith("igw-") for gateway in gateways or ())
            # The main route table's association names no subnet.
            to_internet.update(dict.fromkeys((subnet for (subnet,) in associations or ()), leads))
        return lambda subnet: to_internet.get(subnet, to_internet.get(None, False))

    def _rows(self, aws: Aws, key: str, lookup: Lookup, answers: Answers) -> list[list[Any]]:
        filters = [
            {lookup.filter_key: name, "Values": [value.format(stack=self._stack, **answers)]}
            for name, value in lookup.filters.items()
        ]
        with calls(key):
            pages = aws.lists(lookup.service).get_paginator(lookup.operation)
            return list(islice(pages.paginate(**({"Filters": filters} if filters else {})).search(lookup.query), _MOST))
