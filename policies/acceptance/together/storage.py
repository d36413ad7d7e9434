"""Buckets, secrets, parameters and log deliveries."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from policies.acceptance.together.reading import block, blocks, given, number, own_region, repeated, text
from policies.rulebook import Json, Resource

_S3: Final = "https://docs.aws.amazon.com/AmazonS3/latest"
_SSM: Final = "https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html"
_LOGS: Final = "https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference"

_SECRETS: Final = "https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html"
_COLDER: Final = ("STANDARD_IA", "INTELLIGENT_TIERING", "ONEZONE_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE")
"""Storage classes in the order in which objects may be moved
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html)."""

_ACTIONS: Final = (
    *("abortIncompleteMultipartUpload", "expiration", "noncurrentVersionExpiration"),
    *("noncurrentVersionTransitions", "transitions"),
)


_FILTERS: Final = ("and", "objectSizeGreaterThan", "objectSizeLessThan", "prefix", "tag")


def _lifecycle(resource: Resource) -> Iterator[str]:
    rules = blocks(resource.properties, "rules")
    if not given(resource.properties, "rules"):
        yield f"`rules` is empty; there must be at least one ({_S3}/API/API_BucketLifecycleConfiguration.html)."
    for name in repeated(name for rule in rules if (name := text(rule, "id"))):
        yield f"Two `rules` have the id {name} ({_S3}/API/API_LifecycleRule.html)."
    for index, rule in enumerate(rules):
        path = f"rules.{index}"
        if not any(given(rule, action) for action in _ACTIONS):
            yield f"`{path}` does nothing; a rule needs at least one action ({_S3}/API/API_LifecycleRule.html)."
        yield from _schedule(path, rule)
        where = block(rule, "filter")
        tagged = given(where, "tag") or given(block(where, "and"), "tags")
        if tagged and given(rule, "abortIncompleteMultipartUpload"):
            yield (
                f"`{path}` filters by tags, but aborts uploads, which have none "
                f"({_S3}/userguide/intro-lifecycle-rules.html)."
            )
        if len(asked := [key for key in _FILTERS if given(where, key)]) > 1:
            names = " and ".join(asked)
            yield f"`{path}.filter` has {names} without an `and` ({_S3}/API/API_LifecycleRuleFilter.html)."
        sizes = block(where, "and") or where
        above, below = number(sizes, "objectSizeGreaterThan"), number(sizes, "objectSizeLessThan")
        if above is not None and below is not None and above >= below:
            yield f"`{path}.filter` matches no size at all ({_S3}/userguide/intro-lifecycle-rules.html)."


def _schedule(path: str, rule: Mapping[str, Json]) -> Iterator[str]:
    where = block(rule, "filter")
    moves, end = blocks(rule, "transitions"), block(rule, "expiration")
    days = [day for move in moves if (day := number(move, "days")) is not None]
    last = number(end, "days")
    if last is not None and any(day >= last for day in days):
        yield (
            f"`{path}` moves objects no earlier than it deletes them "
            f"({_S3}/userguide/lifecycle-transition-general-considerations.html)."
        )
    if given(end, "expiredObjectDeleteMarker") and (given(where, "tag") or given(block(where, "and"), "tags")):
        yield f"`{path}` filters by tags, but delete markers have none ({_S3}/API/API_LifecycleExpiration.html)."
    if last is not None and given(end, "expiredObjectDeleteMarker"):
        yield (
            f"`{path}.expiration` has both `days` and `expiredObjectDeleteMarker` "
            f"({_S3}/API/API_LifecycleExpiration.html)."
        )
    scheduled = [*moves, end]
    if any(given(one, "date") for one in scheduled) and any(number(one, "days") for one in scheduled):
        yield f"`{path}` uses both days and dates ({_S3}/userguide/intro-lifecycle-rules.html)."
    for kind in repeated(kind for move in moves if (kind := text(move, "storageClass"))):
        yield f"`{path}` moves objects to {kind} twice ({_S3}/API/API_Transition.html)."
    order = [_COLDER.index(kind) for move in sorted(moves, key=_day) if (kind := text(move, "storageClass")) in _COLDER]
    if order != sorted(order):
        yield (
            f"`{path}` moves objects back to a warmer storage class "
            f"({_S3}/userguide/lifecycle-transition-general-considerations.html)."
        )
    for scheduling in scheduled:
        date = text(scheduling, "date")
        if date and not re.fullmatch(r"\d{4}-\d\d-\d\d(T00:00:00(\.0+)?(Z|[+-]00:00))?", date):
            yield f"`{path}` has a date that isn't midnight in UTC ({_S3}/API/API_LifecycleExpiration.html)."
    earlier = blocks(rule, "noncurrentVersionTransitions")
    gone = number(block(rule, "noncurrentVersionExpiration"), "noncurrentDays")
    if gone is not None and any((number(move, "noncurrentDays") or 0) >= gone for move in earlier):
        yield (
            f"`{path}` moves noncurrent versions no earlier than it deletes them "
            f"({_S3}/userguide/lifecycle-transition-general-considerations.html)."
        )
    for move in [*moves, *earlier]:
        wait = number(move, "noncurrentDays" if move in earlier else "days")
        if text(move, "storageClass") in ("STANDARD_IA", "ONEZONE_IA") and wait is not None and wait < 30:
            yield (
                f"`{path}` moves objects to {text(move, 'storageClass')} before 30 days "
                f"({_S3}/userguide/lifecycle-transition-general-considerations.html)."
            )


def _day(move: Mapping[str, Json]) -> float:
    return number(move, "days") or 0


def _encryption(resource: Resource) -> Iterator[str]:
    for index, rule in enumerate(blocks(resource.properties, "rules")):
        default = block(rule, "applyServerSideEncryptionByDefault")
        if text(default, "sseAlgorithm") == "AES256" and given(default, "kmsMasterKeyId"):
            yield f"`rules.{index}` has both AES256 and a KMS key ({_S3}/API/API_ServerSideEncryptionByDefault.html)."


def _parameter(resource: Resource) -> Iterator[str]:
    inputs = resource.properties
    values = [key for key in ("value", "insecureValue") if given(inputs, key)]
    if not values and not given(inputs, "valueWo"):
        yield f"It has neither `value` nor `insecureValue`, but a parameter can't be empty ({_SSM})."
    if len(values) > 1:
        yield f"`value` and `insecureValue` are both set; set only one of them ({_SSM})."
    if text(inputs, "type") == "SecureString" and given(inputs, "insecureValue"):
        yield f"`type` is SecureString, but the value is in `insecureValue`, which isn't kept secret ({_SSM})."
    key_id = text(inputs, "keyId") or ""
    if "alias/aws/" in key_id and not key_id.endswith("alias/aws/ssm"):
        yield f"`keyId` is the key of another service ({_SSM})."
    for key in values:
        value = text(inputs, key)
        if value is None:
            continue
        if (text(inputs, "tier") or "Standard") == "Standard" and len(value.encode()) > 4096:
            yield f"`{key}` is longer than the 4,096 bytes that the tier Standard allows ({_SSM})."
        if "{{" in value and "}}" in value:
            yield f"`{key}` has {{{{ }}}}, which refers to another parameter and isn't allowed in a value ({_SSM})."
        if text(inputs, "dataType") == "aws:ec2:image" and not value.startswith("ami-"):
            yield f"`{key}` isn't an image id, although `dataType` says so ({_SSM})."
    if text(inputs, "dataType") == "aws:ec2:image" and text(inputs, "type") not in ("String", None):
        yield f"`dataType` is aws:ec2:image, but `type` isn't String ({_SSM})."


def _secret(resource: Resource) -> Iterator[str]:
    regions = [region for replica in blocks(resource.properties, "replicas") if (region := text(replica, "region"))]
    page = "https://docs.aws.amazon.com/secretsmanager/latest/userguide/replicate-secrets.html"
    for region in repeated(regions):
        yield f"`replicas` has the Region {region} twice ({page})."
    own = own_region(resource)
    if own in regions:
        yield f"`replicas` has the secret's own Region {own} ({page})."
    key = text(resource.properties, "kmsKeyId") or ""
    if key.startswith("arn:") and own and len(key.split(":")) == 6 and key.split(":")[3] != own:
        yield f"`kmsKeyId` isn't in the secret's Region, {own} ({_SECRETS})."
    if "alias/aws/" in key and not key.endswith("alias/aws/secretsmanager"):
        yield f"`kmsKeyId` is the key of another service ({_SECRETS})."


def _destination(resource: Resource) -> Iterator[str]:
    where = text(block(resource.properties, "deliveryDestinationConfiguration"), "destinationResourceArn") or ""
    if text(resource.properties, "outputFormat") == "parquet" and ":logs:" in where:
        yield f"`outputFormat` is parquet, which a log group doesn't accept ({_LOGS}/API_PutDeliveryDestination.html)."


CHECKS: Final[Mapping[str, tuple[Callable[[Resource], Iterable[str]], ...]]] = {
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": (_lifecycle,),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": (_encryption,),
    "aws:secretsmanager/secret:Secret": (_secret,),
    "aws:ssm/parameter:Parameter": (_parameter,),
    "aws:cloudwatch/logDeliveryDestination:LogDeliveryDestination": (_destination,),
}
"""Resource type -> its checks."""
