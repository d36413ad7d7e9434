"""Resolves the values of a CloudFormation template, as far as the template alone determines them.

Functions: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html. A
reference to another resource of the template resolves to that resource's name, or to its logical id if the template
gives no name. Values from outside the template are unknown.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from policies.check.source import ACCOUNT
from policies.rulebook import UNKNOWN, Json

_REGION: Final = "us-east-1"

_PSEUDO: Final[Mapping[str, str]] = {
    "AWS::Partition": "aws",
    "AWS::Region": _REGION,
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::StackName": "stack",
    "AWS::StackId": f"arn:aws:cloudformation:{_REGION}:{ACCOUNT}:stack/stack/0",
}

_ARNS: Final[Mapping[str, tuple[str, str]]] = {
    "AWS::S3::Bucket": ("BucketName", "s3:::{name}"),
    "AWS::SQS::Queue": ("QueueName", "sqs:{at}:{name}"),
    "AWS::SNS::Topic": ("TopicName", "sns:{at}:{name}"),
    "AWS::DynamoDB::Table": ("TableName", "dynamodb:{at}:table/{name}"),
    "AWS::DynamoDB::GlobalTable": ("TableName", "dynamodb:{at}:table/{name}"),
    "AWS::Lambda::Function": ("FunctionName", "lambda:{at}:function:{name}"),
    "AWS::Serverless::Function": ("FunctionName", "lambda:{at}:function:{name}"),
    "AWS::IAM::Role": ("RoleName", "iam::{account}:role{path}{name}"),
    "AWS::IAM::User": ("UserName", "iam::{account}:user{path}{name}"),
    "AWS::IAM::Group": ("GroupName", "iam::{account}:group{path}{name}"),
    "AWS::IAM::ManagedPolicy": ("ManagedPolicyName", "iam::{account}:policy{path}{name}"),
    "AWS::KMS::Key": ("", "kms:{at}:key/00000000-0000-0000-0000-000000000000"),
    "AWS::SecretsManager::Secret": ("Name", "secretsmanager:{at}:secret:{name}-AbCdEf"),
    "AWS::Logs::LogGroup": ("LogGroupName", "logs:{at}:log-group:{name}:*"),
    "AWS::Kinesis::Stream": ("Name", "kinesis:{at}:stream/{name}"),
    "AWS::KinesisFirehose::DeliveryStream": ("DeliveryStreamName", "firehose:{at}:deliverystream/{name}"),
    "AWS::StepFunctions::StateMachine": ("StateMachineName", "states:{at}:stateMachine:{name}"),
    "AWS::Serverless::StateMachine": ("Name", "states:{at}:stateMachine:{name}"),
    "AWS::Events::EventBus": ("Name", "events:{at}:event-bus/{name}"),
    "AWS::ECR::Repository": ("RepositoryName", "ecr:{at}:repository/{name}"),
    "AWS::ECS::Cluster": ("ClusterName", "ecs:{at}:cluster/{name}"),
    "AWS::ECS::TaskDefinition": ("Family", "ecs:{at}:task-definition/{name}:1"),
    "AWS::CodeBuild::Project": ("Name", "codebuild:{at}:project/{name}"),
    "AWS::SSM::Parameter": ("Name", "ssm:{at}:parameter/{name}"),
}
"""Type -> the property with its name, and its ARN without `arn:aws:`. `{at}` is region and account."""

_REF_IS_ARN: Final = frozenset(
    """
    AWS::SNS::Topic AWS::IAM::ManagedPolicy AWS::SecretsManager::Secret AWS::StepFunctions::StateMachine
    AWS::Serverless::StateMachine AWS::ECS::TaskDefinition
    """.split()
)

_NOTHING: Final = object()
"""Stands for `AWS::NoValue`, which removes a property or an item."""


class Values:
    """Resolves the values of one template. `unknown` collects those that it couldn't resolve, and why."""

    def __init__(self, template: Mapping[str, Any], account: str) -> None:
        self._parameters = template.get("Parameters") or {}
        self._mappings = template.get("Mappings") or {}
        self._resources = template["Resources"]
        self._account = account or ACCOUNT
        self.unknown: list[str] = []

    def resolve(self, value: Any) -> Json:  # noqa: ANN401 - whatever the file holds
        """Return a value with its functions evaluated: `UNKNOWN` if that's impossible, None for `AWS::NoValue`."""
        found = self._resolve(value)
        return None if found is _NOTHING else found

    def name(self, logical: str) -> str:
        """Return the name of a resource, or its logical id if the template gives no name."""
        resource = self._resources[logical]
        type_ = resource.get("Type", "")
        given = self._resolve_silently((resource.get("Properties") or {}).get(_ARNS.get(type_, ("", ""))[0]))
        # Bucket names are in lower case.
        return given if isinstance(given, str) else logical.lower() if type_ == "AWS::S3::Bucket" else logical

    def arn(self, logical: str) -> str | None:
        """Return the ARN of a resource, None if `_ARNS` doesn't have its type."""
        resource = self._resources[logical]
        type_ = resource.get("Type", "")
        if type_ not in _ARNS:
            return None
        path = self._resolve_silently((resource.get("Properties") or {}).get("Path"))
        return "arn:aws:" + _ARNS[type_][1].format(
            at=f"{_REGION}:{self._account}",
            account=self._account,
            path=path if isinstance(path, str) else "/",
            name=self.name(logical).lstrip("/"),
        )

    def _resolve_silently(self, value: Any) -> Json:  # noqa: ANN401
        """Resolve a value without an entry in `unknown`."""
        before = len(self.unknown)
        found = self.resolve(value)
        del self.unknown[before:]
        return found

    def _resolve(self, value: Any) -> Any:  # noqa: ANN401
        if isinstance(value, Mapping):
            if len(value) == 1 and (function := next(iter(value))) in self._FUNCTIONS:
                return self._FUNCTIONS[function](self, value[function])
            if any(str(key).startswith("Fn::") for key in value):
                return self._lost(f"`{next(iter(value))}`")
            items = {str(key): self._resolve(item) for key, item in value.items()}
            return {key: item for key, item in items.items() if item is not _NOTHING}
        if isinstance(value, list):
            return [item for entry in value for item in self._items(entry) if item is not _NOTHING]
        return value

    def _items(self, entry: Any) -> Sequence[Any]:  # noqa: ANN401
        """Return an item of a list; for a condition, return both branches, since either may apply."""
        match entry:
            case {"Fn::If": [_, there, otherwise]} if len(entry) == 1:
                return [self._resolve(there), self._resolve(otherwise)]
        return [self._resolve(entry)]

    def _lost(self, what: str) -> Json:
        if what not in self.unknown:
            self.unknown.append(what)
        return UNKNOWN

    def _ref(self, name: Any) -> Any:  # noqa: ANN401
        if name == "AWS::NoValue":
            return _NOTHING
        if name == "AWS::AccountId":
            return self._account
        if name in _PSEUDO:
            return _PSEUDO[name]
        if name in self._parameters:
            return self._parameter(name, self._parameters[name])
        if name not in self._resources:
            return self._lost(f"`{name}`, which the template doesn't declare")
        arn = self.arn(name) if self._resources[name].get("Type") in _REF_IS_ARN else None
        return arn or self.name(name)

    def _parameter(self, name: str, parameter: Mapping[str, Any]) -> Json:
        type_, value = str(parameter.get("Type", "String")), parameter.get("Default")
        # An empty default is a placeholder for a value that is given at deployment.
        if value in (None, "") or type_.startswith("AWS::SSM::"):
            return self._lost(f"the parameter `{name}`, which has no default")
        listed = type_ == "CommaDelimitedList" or type_.startswith("List<")
        return [item.strip() for item in str(value).split(",")] if listed else str(value)

    def _attribute(self, given: Any) -> Json:  # noqa: ANN401
        parts = given.split(".", 1) if isinstance(given, str) else given
        match parts:
            case [str(logical), "Arn" | "TopicArn"] if logical in self._resources:
                if arn := self.arn(logical):
                    return arn
            # SAM creates the role of a function under this name.
            case [str(logical), "Arn"] if logical.removesuffix("Role") in self._resources:
                return f"arn:aws:iam::{self._account}:role/{logical}"
        return self._lost(f"`Fn::GetAtt` of `{'.'.join(map(str, parts)) if isinstance(parts, list) else parts}`")

    def _sub(self, given: Any) -> Json:  # noqa: ANN401
        text, own = given if isinstance(given, list) and len(given) == 2 else (given, {})
        if not isinstance(text, str) or not isinstance(own, Mapping):
            return self._lost("`Fn::Sub`")
        texts: list[Json] = []
        for literal, name in re.findall(r"([^$]+|\$(?!\{))|\$\{([^}]*)\}", text):
            if not name:
                texts.append(literal)
            elif name.startswith("!"):
                texts.append(f"${{{name[1:]}}}")
            elif name in own:
                texts.append(self.resolve(own[name]))
            else:
                texts.append(self._attribute(name) if "." in name else self.resolve({"Ref": name}))
        return self._joined("", texts)

    def _join(self, given: Any) -> Json:  # noqa: ANN401
        match given:
            case [str(separator), values]:
                return self._joined(separator, self.resolve(values))
        return self._lost("`Fn::Join`")

    def _joined(self, separator: str, values: Json) -> Json:
        if not isinstance(values, list) or any(not isinstance(one, str | int) for one in values):
            # Unknown parts are in `unknown` already.
            return UNKNOWN if self.unknown else self._lost("a text that is joined from values that aren't texts")
        return separator.join(map(str, values))

    def _select(self, given: Any) -> Json:  # noqa: ANN401
        match given:
            case [index, values]:
                found = self.resolve(values)
                if isinstance(found, list) and str(index).isdecimal() and int(index) < len(found):
                    item: Json = found[int(index)]
                    return item
        return self._lost("`Fn::Select`")

    def _split(self, given: Any) -> Json:  # noqa: ANN401
        match given:
            case [str(separator), value] if separator and isinstance(text := self.resolve(value), str):
                return list(text.split(separator))
        return self._lost("`Fn::Split`")

    def _find(self, given: Any) -> Json:  # noqa: ANN401
        match self.resolve(given):
            case [str(name), str(first), str(second)]:
                found: Json = self._mappings.get(name, {}).get(first, {}).get(second)
                if found is not None:
                    return found
        return self._lost("`Fn::FindInMap`")

    def _if(self, given: Any) -> Any:  # noqa: ANN401
        match given:
            case [_, there, otherwise]:
                both = [self._resolve(there), self._resolve(otherwise)]
                values = [one for one in both if one is not _NOTHING]
                if not values:
                    return _NOTHING
                if all(one is not UNKNOWN and one == values[0] for one in values):
                    return values[0]
        return self._lost("`Fn::If`")

    def _text(self, given: Any) -> Json:  # noqa: ANN401
        try:
            return json.dumps(self.resolve(given))
        except (TypeError, ValueError):
            return UNKNOWN

    _FUNCTIONS: Final[Mapping[str, Callable[[Values, Any], Any]]] = {
        "Ref": _ref,
        "Fn::GetAtt": _attribute,
        "Fn::Sub": _sub,
        "Fn::Join": _join,
        "Fn::Select": _select,
        "Fn::Split": _split,
        "Fn::FindInMap": _find,
        "Fn::If": _if,
        "Fn::ToJsonString": _text,
    }
