"""A stack's plan as the engine shows it to the gate, which tests can change and judge again in their own process.

    plan = judged_plan("prod")
    bucket = plan.named("aws:s3/bucket:Bucket", "prod-blog-data-raw")
    assert plan.stopped_by(bucket.with_value("acl", "public-read")) == {"inventory/unjudged-property"}

The program runs once in a session. The resources that it registers are kept as requests of the analyzer protocol, with
secrets in clear; every pack answers them under the configuration of the stack. A change is judged as in a preview: the
gate is asked about the changed resource, and then about the whole stack with it.
"""

from __future__ import annotations

import base64
import copy
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from google.protobuf import json_format
from pulumi.runtime.proto import analyzer_pb2

from components.settings import placeholders
from policies.gate import packs
from policies.inventory import elsewhere
from policies.rulebook.analyzer import Analyzer
from stackfiles.plan_document import UNKNOWN
from stackfiles.project import load
from tests.forks import NAME, forked
from tests.owner import owned
from tests.session import shared

_NO_CONTEXT: Final[Any] = None
"""The context of a call, which the gate doesn't use."""


@dataclass(frozen=True)
class Planned:
    """One resource: the request that the gate gets before it is created, and its entry in the stack."""

    asked: analyzer_pb2.AnalyzeRequest
    planned: analyzer_pb2.AnalyzerResource

    @property
    def type(self) -> str:
        """Its type."""
        return self.asked.type

    @property
    def name(self) -> str:
        """Its logical name."""
        return self.asked.name

    @property
    def inputs(self) -> dict[str, Any]:
        """Its inputs as the engine sends them, unknowns and secrets marked."""
        inputs: dict[str, Any] = json_format.MessageToDict(self.asked.properties)
        return inputs

    def with_inputs(self, inputs: Mapping[str, Any]) -> Planned:
        """Return the resource with other inputs. The provider's answers to unchanged inputs stay."""
        asked, planned = _copies(self)
        answered: dict[str, Any] = json_format.MessageToDict(planned.properties)
        before = self.inputs
        for key in before.keys() | inputs.keys():
            if key not in inputs:
                answered.pop(key, None)
            elif inputs[key] != before.get(key):
                answered[key] = inputs[key]
        for message, properties in ((asked, inputs), (planned, answered)):
            message.properties.Clear()
            message.properties.update(properties)
        return Planned(asked, planned)

    def with_value(self, path: str, value: Any) -> Planned:  # noqa: ANN401 - any JSON
        """Return the resource with another value at a path (`actions.0.type`); None removes the value there."""
        inputs = self.inputs
        set_at(inputs, path, value)
        return self.with_inputs(inputs)

    def called(self, name: str) -> Planned:
        """Return a copy of the resource under another logical name."""
        asked, planned = _copies(self)
        for message in (asked, planned):
            message.urn = message.urn[: len(message.urn) - len(message.name)] + name
            message.name = name
        return Planned(asked, planned)


def _copies(resource: Planned) -> tuple[analyzer_pb2.AnalyzeRequest, analyzer_pb2.AnalyzerResource]:
    return copy.deepcopy(resource.asked), copy.deepcopy(resource.planned)


def set_at(inputs: dict[str, Any], path: str, value: Any) -> None:  # noqa: ANN401 - any JSON
    """Set the value at a path of some inputs. Missing steps are created, and secrets are opened."""
    place: Any = inputs
    *steps, last = path.split(".")
    for step in steps:
        place = opened(place)
        if isinstance(place, list):
            place = place[int(step)]
        else:
            if not isinstance(place.get(step), dict | list):
                place[step] = {}
            place = place[step]
    place = opened(place)
    if isinstance(place, list):
        place[int(last)] = value
    elif value is None:
        place.pop(last, None)
    elif isinstance(held := place.get(last), dict) and "value" in held and not isinstance(value, dict):
        place[last] = {**held, "value": value}  # a secret stays one
    else:
        place[last] = value


def opened(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return the value inside a secret, or the value itself."""
    return value["value"] if isinstance(value, dict) and _SIGNATURE in value and "value" in value else value


_SIGNATURE: Final = "4dabf18193072939515e22adb298388d"


class JudgedPlan:
    """The plan of a stack and the gate, both as they are for a deploy."""

    def __init__(self, stack: str, resources: Sequence[Planned]) -> None:
        self.stack = stack
        self.resources = tuple(resources)
        self._whole = _whole(resources)
        self._analyzer = _gate(stack)

    def named(self, type_: str, name: str) -> Planned:
        """Return the resource of a type with a logical name."""
        (found,) = [resource for resource in self.resources if (resource.type, resource.name) == (type_, name)]
        return found

    def added(self, type_: str, inputs: Mapping[str, Any], name: str = "added") -> Planned:
        """Return a resource that the program doesn't have, created by the default provider of its package."""
        sibling = next((made for made in self.resources if _package(made.type) == _package(type_)), None)
        urn = f"urn:pulumi:{self.stack}::{NAME}::{type_}::{name}"
        asked = analyzer_pb2.AnalyzeRequest(urn=urn, type=type_, name=name)
        planned = analyzer_pb2.AnalyzerResource(urn=urn, type=type_, name=name)
        for message in (asked, planned):
            if sibling and sibling.asked.HasField("provider"):
                message.provider.CopyFrom(sibling.asked.provider)
            message.properties.update(inputs)
        return Planned(asked, planned)

    def without(self, resource: Planned) -> set[str]:
        """Return the rules that stop the plan without this resource, as `pack/rule`."""
        rest = [other.planned for other in self.resources if other.asked.urn != resource.asked.urn]
        return self._judged([], analyzer_pb2.AnalyzeStackRequest(resources=rest))

    def stopped_alone_by(self, changed: Planned) -> set[str]:
        """Return those rules of `stopped_by` that look at the resource alone, which is much faster."""
        return _rules([self._analyzer.Analyze(changed.asked, _NO_CONTEXT)])

    def is_stopped_by(self, changed: Planned, rules: Set[str]) -> bool:
        """Tell whether all of these rules stop the plan with a changed or added resource.

        The whole stack is judged only if these rules don't all stop the resource alone.
        """
        return rules <= self.stopped_alone_by(changed) or rules <= self.stopped_by(changed)

    def stopped_by(self, *changed: Planned) -> set[str]:
        """Return the rules that stop the plan with changed or added resources, as `pack/rule`."""
        by_urn = {resource.asked.urn: resource.planned for resource in changed}
        whole = analyzer_pb2.AnalyzeStackRequest()
        whole.CopyFrom(self._whole)
        for resource in whole.resources:
            if resource.urn in by_urn:
                resource.CopyFrom(by_urn.pop(resource.urn))
        whole.resources.extend(by_urn.values())
        return self._judged([resource.asked for resource in changed], whole)

    def update(self, resources: Iterable[Planned]) -> dict[str, set[str]]:
        """Return logical name -> rules that stop a resource before it is created, in an update with these resources.

        Values that a preview doesn't know are made up, one for each resource that they come from. Only rules of
        `inventory` count: `acceptance` would refuse the shape of made-up values, and there is no recorded preview.
        """
        analyzer = _gate(self.stack, dry_run=False)
        stopped: dict[str, set[str]] = {}
        for resource in resources:
            rules = _rules([analyzer.Analyze(self._made_up(resource), _NO_CONTEXT)])
            if rules := {rule for rule in rules if rule.startswith("inventory/")}:
                stopped.setdefault(resource.name, set()).update(rules)
        return stopped

    def _made_up(self, resource: Planned) -> analyzer_pb2.AnalyzeRequest:
        """Return the request that the gate gets about the resource in an update."""
        types = {type_.removesuffix(" ARN") for type_ in _MADE_UP}
        by_urn = {made.asked.urn: made for made in self.resources}

        def known(value: Any, urns: Sequence[str], place: str) -> Any:  # noqa: ANN401 - any JSON
            if isinstance(value, dict):
                return {key: known(item, urns, place) for key, item in value.items()}
            if isinstance(value, list):
                return [known(item, urns, place) for item in value]
            if value != UNKNOWN:
                return value
            if resource.name.startswith("validation-"):
                host = resource.name.removeprefix("validation-")
                number = hashlib.sha256(host.encode()).hexdigest()[:32]
                return f"_{number}.{host}" if place == "name" else f"_{number}.acm-validations.aws"
            made = next((made for urn in urns if (made := by_urn.get(urn)) and made.type in types), None)
            if made and made.type == _VALIDATION:
                return known(value, made.planned.propertyDependencies["certificateArn"].urns, place)
            number = hashlib.sha256("".join(urns).encode()).hexdigest()[:17]
            if not made:
                return number
            form = _MADE_UP[made.type if not place.endswith("Arn") else f"{made.type} ARN"]
            return form.format(number=number, name=made.inputs.get("name"))

        dependencies = resource.planned.propertyDependencies
        inputs = {
            key: known(value, dependencies[key].urns if key in dependencies else (), key)
            for key, value in resource.inputs.items()
        }
        return resource.with_inputs(inputs).asked

    def judged_whole(self) -> set[str]:
        """Return the rules that stop the unchanged plan."""
        return self.stopped_by(*self.resources)

    def _judged(
        self, asked: Iterable[analyzer_pb2.AnalyzeRequest], whole: analyzer_pb2.AnalyzeStackRequest
    ) -> set[str]:
        answers = [self._analyzer.Analyze(request, _NO_CONTEXT) for request in asked]
        answers.append(self._analyzer.AnalyzeStack(whole, _NO_CONTEXT))
        return _rules(answers)


def _rules(answers: Iterable[analyzer_pb2.AnalyzeResponse]) -> set[str]:
    return {
        f"{said.policyPackName}/{said.policyName}"
        for answer in answers
        for said in answer.diagnostics
        if said.enforcementLevel == analyzer_pb2.MANDATORY
    }


_VALIDATION: Final = "aws:acm/certificateValidation:CertificateValidation"
_BALANCING: Final = "arn:aws:elasticloadbalancing::"
_MADE_UP: Final[Mapping[str, str]] = {
    "aws:ec2/securityGroup:SecurityGroup": "sg-{number}",
    "aws:cloudfront/distribution:Distribution": "d{number}.cloudfront.net",
    "aws:lb/loadBalancer:LoadBalancer": "lb-{number}.eu-central-1.elb.amazonaws.com",
    "aws:lb/targetGroup:TargetGroup": f"{_BALANCING}:targetgroup/{{name}}/{{number}}",
    "aws:lb/loadBalancer:LoadBalancer ARN": f"{_BALANCING}:loadbalancer/app/{{name}}/{{number}}",
    "aws:cloudfront/distribution:Distribution ARN": "arn:aws:cloudfront:::distribution/{number}",
    "aws:acm/certificate:Certificate": "arn:aws:acm:::certificate/{number}",
    "aws:acm/certificate:Certificate ARN": "arn:aws:acm:::certificate/{number}",
    "aws:cloudwatch/logDeliveryDestination:LogDeliveryDestination ARN": "arn:aws:logs:::delivery-destination:{name}",
    _VALIDATION: "",
}
"""Type, or type and `ARN` -> the shape of an id or ARN of a resource of that type."""


def _package(type_: str) -> str:
    return type_.partition(":")[0]


def _whole(resources: Iterable[Planned]) -> analyzer_pb2.AnalyzeStackRequest:
    return analyzer_pb2.AnalyzeStackRequest(resources=[resource.planned for resource in resources])


def stack_configuration(
    stack: str, name: str = NAME, settings: Mapping[str, str] | None = None, *, dry_run: bool = True
) -> analyzer_pb2.AnalyzerStackConfigureRequest:
    """Return how the engine configures the gate for a stack, with some settings changed and under a project's name."""
    loaded = load(owned(), stack)
    secrets = {f"{NAME}:{key}": value for key, value in placeholders().items() if f"{NAME}:{key}" in loaded.secret_keys}
    config = {**loaded.config, **secrets, **(settings or {})}
    return analyzer_pb2.AnalyzerStackConfigureRequest(
        stack=stack,
        project=name,
        dry_run=dry_run,
        config={key.replace(f"{NAME}:", f"{name}:"): value for key, value in config.items()},
        config_secret_keys=[key.replace(f"{NAME}:", f"{name}:") for key in loaded.secret_keys],
    )


def _gate(stack: str, *, dry_run: bool = True) -> Analyzer:
    """Return the gate as the engine runs it: with every pack, configured by the stack's files."""
    vars(elsewhere)["FOLDER"] = owned() / "policies" / "config"
    analyzer = Analyzer("gate", packs(owned() / "policies", stack), "Every policy pack.")
    analyzer.ConfigureStack(stack_configuration(stack, dry_run=dry_run), _NO_CONTEXT)
    configuration = analyzer_pb2.ConfigureAnalyzerRequest()
    for rule, configured in analyzer.GetAnalyzerInfo(_NO_CONTEXT, _NO_CONTEXT).initialConfig.items():
        configuration.policyConfig[rule].CopyFrom(configured)
    analyzer.Configure(configuration, _NO_CONTEXT)
    return analyzer


@cache
def judged_plan(stack: str) -> JudgedPlan:
    """Return the plan of one of the suite's own stacks."""

    def make() -> str:
        done = forked(_record, stack)
        assert done.code == 0, done.printed
        return done.out

    asked, planned = (
        [base64.b64decode(message) for message in messages]
        for messages in json.loads(shared(f"requests about {stack}", make))
    )
    return JudgedPlan(
        stack,
        [
            Planned(analyzer_pb2.AnalyzeRequest.FromString(one), analyzer_pb2.AnalyzerResource.FromString(other))
            for one, other in zip(asked, planned, strict=True)
        ],
    )


def _record(stack: str) -> int:
    """Run the program of a stack and print the requests that the gate gets about it."""
    from rehearsal.engine import analyzer_requests, program
    from rehearsal.engine.plan import Step
    from stackfiles import project

    judged: list[tuple[Step, Step | None]] = []

    class Recorder:
        def configure(self, config: Mapping[str, str]) -> None: ...

        def judge(self, step: Step, provider: Step | None) -> None:
            judged.append((step, provider))

    run = program.run(project.load(owned(), stack), Recorder())
    if run.failure:
        raise run.failure
    asked = [analyzer_requests.resource_request(step, provider) for step, provider in judged]
    whole = analyzer_requests.stack_request(judged)
    messages = [[message.SerializeToString() for message in part] for part in (asked, whole.resources)]
    print(json.dumps([[base64.b64encode(message).decode() for message in part] for part in messages]))
    return 0
