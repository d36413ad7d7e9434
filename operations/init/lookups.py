"""What the shell's credentials can look up for the questions of `init`: ids and names, never a value."""

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
"""Of a longer list the rest isn't looked at: nobody chooses from it."""


@dataclass(frozen=True)
class Choice:
    """A value that an answer may have; `label` tells people which one it is."""

    value: str
    label: str = ""

    def __str__(self) -> str:
        """Return both as a line."""
        return f"{self.value}  {self.label}".rstrip()


@dataclass(frozen=True)
class Lookup:
    """A list of AWS that holds the answer to a question.

    `query` (JMESPath) takes value and label out of each page; the value begins after the last `cut`. `filters` are
    those of the operation, by name. With `fact` a single choice is the answer; without, people choose. The likely one
    of several choices has `hint` in its value or label. In both, {stack} and the answers before stand for their values.
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
"""Key -> where its choices are."""

FACTS: Final = frozenset({ZONE, *(key for key, lookup in _LOOKUPS.items() if lookup.fact)})
"""The keys whose value follows from the account or the domain, if it is found."""
IN_ACCOUNT: Final = frozenset(_LOOKUPS)
"""The keys whose values are of one account and region."""

_PUBLIC: Final[Mapping[str, bool]] = {"privateSubnetIds": False, "publicSubnetIds": True}


class Lookups:
    """What can be looked up for a stack. What fails is told once, in one line, and has no choices.

    Args:
        stack: The stack's name.
        web: The connections; None looks nothing up.
        token: Cloudflare's token; "" for none.
        tell: Takes a line for people.
    """

    def __init__(self, stack: str, web: Web | None, token: str, tell: Callable[[str], None]) -> None:
        self._stack = stack
        self._web = web
        self._token = token
        self._tell = tell
        self._account: dict[tuple[str, str], Aws | None] = {}

    def choices(self, question: Question, answers: Answers) -> Sequence[Choice]:
        """Return the values that an answer may have, as far as the answers before it let them be looked up."""
        try:
            found = self._look(question.key, answers) if self._web else ()
        except Failure as failure:
            self._tell(f"{question.key} isn't looked up: {str(failure).removeprefix(f'{question.key}: ')}")
            return []
        return [
            choice
            for choice in found
            if question.key in _PUBLIC or not refusals(self._stack, question.key, question.read(choice.value))
        ]

    def likely(self, key: str, choices: Sequence[Choice]) -> list[str]:
        """Return the choices that a question's default is made of, if they are clear: one, or all of a list."""
        if key in _PUBLIC:
            return [choice.value for choice in choices]
        hint = _LOOKUPS[key].hint.format(stack=self._stack) if key in _LOOKUPS else ""
        hinted = [choice.value for choice in choices if hint in str(choice)]
        return hinted if len(hinted) == 1 else []

    def _look(self, key: str, answers: Answers) -> Sequence[Choice]:
        if key == ZONE:
            domain = str(answers.get("domain", ""))
            ids = zone_ids(domain, self._token, self._connections) if domain and self._token else []
            return [Choice(id_, domain) for id_ in ids]
        if key == REGION:
            own = Aws("", self._connections.timeout).own_region
            return [Choice(own, "the shell's region")] if own else []
        region = str(answers.get(REGION, ""))
        if key == ACCOUNT and region:
            account = Aws(region, self._connections.timeout).account()
            return [Choice(account, "the account of the shell's credentials")]
        if key in _LOOKUPS and (aws := self._clients(region, answers)):
            return self._list(aws, key, answers)
        return []

    @property
    def _connections(self) -> Web:
        if self._web is None:
            raise AssertionError("nothing is looked up without connections")
        return self._web

    def _clients(self, region: str, answers: Answers) -> Aws | None:
        """Return clients whose credentials are of the account that was answered. Those of another are refused once."""
        account = answers.get(ACCOUNT)
        if not region or not isinstance(account, list):
            return None
        place = (region, str(account[0]))
        if place not in self._account:
            self._account[place] = None
            aws = Aws(region, self._connections.timeout)
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
        """Return what tells whether a subnet's route table, or else the VPC's main one, leads to an internet gateway.

        Source: https://docs.aws.amazon.com/vpc/latest/userguide/configure-subnets.html#subnet-types
        """
        to_internet: dict[str | None, bool] = {}
        for associations, gateways in self._rows(aws, key, _ROUTES, answers):
            leads = any(str(gateway).startswith("igw-") for gateway in gateways or ())
            # The association of the main table names no subnet.
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
