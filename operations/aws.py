"""AWS clients with retries and timeouts, and readable messages for AWS's errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Protocol

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    ReadTimeoutError,
    SSOError,
    TokenRetrievalError,
)

from stackfiles.failures import BadConfiguration, Failure

if TYPE_CHECKING:
    from mypy_boto3_acm import ACMClient
    from mypy_boto3_cloudfront import CloudFrontClient
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_ssm import SSMClient


class BucketClient(Protocol):
    """The part of S3's client that is used."""

    def head_bucket(self, *, Bucket: str, ExpectedBucketOwner: str) -> object:
        """Ask about a bucket."""


class PagedClient(Protocol):
    """The part of a client with paginated operations that is used."""

    def get_paginator(self, operation_name: str, /) -> Any:  # noqa: ANN401 - botocore makes it from its model
        """Return a paginator for an operation."""


class BalancerClient(PagedClient, Protocol):
    """The part of the load balancers' client that is used."""

    def describe_target_health(self, *, TargetGroupArn: str) -> Mapping[str, Any]:
        """Return the targets of a group and their health."""


_CREDENTIALS: Final = {
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
_THROTTLED: Final = {
    "RequestLimitExceeded",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
}
_DENIED: Final = {"AccessDenied", "AccessDeniedException"}


class Aws:
    """Clients for one region. Throttled and dropped calls are retried with growing pauses.

    Source: https://docs.aws.amazon.com/boto3/latest/guide/retries.html (standard mode; AWS_MAX_ATTEMPTS, 3 by default).
    """

    def __init__(self, region: str, timeout: float) -> None:
        self._region = region
        self._timeout = timeout
        self._config = Config(connect_timeout=timeout, read_timeout=timeout, retries={"mode": "standard"})
        with calls("the AWS configuration"):
            self._session = boto3.Session()

    @property
    def own_region(self) -> str | None:
        """The region of the shell's environment or profile, which other tools use."""
        return self._session.region_name

    def account(self) -> str:
        """Return the account that the credentials belong to.

        Raises:
            BadConfiguration: there are no valid credentials.
            Failure: no answer.
        """
        with calls("the account"):
            sts = self._session.client("sts", region_name=self._region, config=self._config)
            return sts.get_caller_identity()["Account"]

    def require_account(self, wanted: str) -> None:
        """Refuse credentials of any other account.

        Raises:
            BadConfiguration: they belong to another account, or aren't valid.
            Failure: no answer.
        """
        account = self.account()
        if account != wanted:
            raise BadConfiguration(
                f"the credentials belong to account {account}; accepted: {wanted}, the stack's own; set AWS_PROFILE"
            )

    def secrets(self) -> SecretsManagerClient:
        """Return a client of Secrets Manager."""
        return self._session.client("secretsmanager", region_name=self._region, config=self._config)

    def parameters(self) -> SSMClient:
        """Return a client of Parameter Store."""
        return self._session.client("ssm", region_name=self._region, config=self._config)

    def buckets(self) -> BucketClient:
        """Return a client of S3."""
        client: BucketClient = self._session.client("s3", region_name=self._region, config=self._config)
        return client

    def keys(self) -> Any:  # noqa: ANN401 - botocore makes it from its model
        """Return a client of KMS."""
        return self._session.client("kms", region_name=self._region, config=self._config)

    def certificates(self, region: str) -> ACMClient:
        """Return a client of ACM in a region."""
        return self._session.client("acm", region_name=region, config=self._config)

    def balancers(self) -> BalancerClient:
        """Return a client of load balancers."""
        client: BalancerClient = self._session.client("elbv2", region_name=self._region, config=self._config)
        return client

    def network(self) -> PagedClient:
        """Return a client of EC2, for security groups."""
        client: PagedClient = self._session.client("ec2", region_name=self._region, config=self._config)
        return client

    def lists(self, service: str) -> PagedClient:
        """Return a client of any service, typed for its paginated lists."""
        client: PagedClient = self._session.client(service, region_name=self._region, config=self._config)  # type: ignore[call-overload]
        return client

    def client(self, service: str) -> Any:  # noqa: ANN401 - botocore makes it from its model
        """Return a client of any service."""
        return self._session.client(service, region_name=self._region, config=self._config)  # type: ignore[call-overload]

    def distributions(self) -> CloudFrontClient:
        """Return a client of CloudFront."""
        return self._session.client("cloudfront", region_name=self._region, config=self._config)


@contextmanager
def calls(subject: str) -> Iterator[None]:
    """Turn an exception of AWS's client into a `Failure` with a readable message.

    AWS's own message is left out, because it may quote what was sent.

    Raises:
        BadConfiguration: no credentials, or AWS doesn't accept them.
        Failure: anything else, named by its code.
    """
    try:
        yield
    except ClientError as error:
        raise _explained(subject, error) from None
    except (NoCredentialsError, PartialCredentialsError, ProfileNotFound, SSOError, TokenRetrievalError):
        raise BadConfiguration(
            f"{subject}: there are no AWS credentials; sign in (aws sso login) or set AWS_PROFILE"
        ) from None
    except (ConnectTimeoutError, ReadTimeoutError, EndpointConnectionError) as error:
        raise Failure(
            f"{subject}: no answer from AWS in time ({type(error).__name__}); check the network, then run it again"
        ) from None
    except BotoCoreError as error:
        raise Failure(f"{subject}: the AWS client gave up ({type(error).__name__})") from None


def _explained(subject: str, error: ClientError) -> Failure:
    code = error.response.get("Error", {}).get("Code", "unknown error")
    if code in _CREDENTIALS:
        return BadConfiguration(f"{subject}: AWS doesn't accept these credentials ({code}); sign in again")
    if code in _DENIED:
        return Failure(f"{subject}: these credentials aren't allowed to call {error.operation_name} ({code})")
    if code in _THROTTLED:
        return Failure(f"{subject}: AWS throttles these calls ({code}), even after retries; try again in a minute")
    return Failure(f"{subject}: {error.operation_name} failed ({code})")
