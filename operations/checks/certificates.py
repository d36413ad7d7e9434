"""Checks the certificates in ACM: whether they cover their hosts, are issued, and are renewed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from components.naming import VIEWER_REGION
from operations.aws import calls
from operations.checks.stored_values import MADE_LATER
from operations.stack import Stack
from operations.tls import SHORTEST_DAYS
from operations.verdicts import Check, Verdict

if TYPE_CHECKING:
    from mypy_boto3_acm import ACMClient
    from mypy_boto3_acm.type_defs import CertificateDetailTypeDef

_KEY_TYPES: Final = ("RSA_2048", "RSA_3072", "RSA_4096", "EC_prime256v1", "EC_secp384r1")

_AGAIN: Final = "; it won't recover: fix the cause, delete the certificate in ACM, and apply again"
_STATUSES: Final = {
    "PENDING_VALIDATION": "; are its validation records in the zone?",
    "VALIDATION_TIMED_OUT": f": its validation records weren't in the zone within 72 hours{_AGAIN}",
    "REVOKED": _AGAIN,
}
"""Status -> what it means and what to do.
https://docs.aws.amazon.com/acm/latest/userguide/troubleshooting-DNS-validation.html"""
_REASONS: Final = {
    "CAA_ERROR": 'a CAA record of the domain forbids Amazon to issue it; add `0 issue "amazon.com"` to the zone\'s CAA '
    "records, or remove all of them",
    "ADDITIONAL_VERIFICATION_REQUIRED": "AWS asks for more information; open a case at AWS Support",
    "DOMAIN_NOT_ALLOWED": "Google Safe Browsing or AWS lists the domain as unsafe; have it removed from the list",
    "INVALID_PUBLIC_DOMAIN": "one of its names isn't in a public domain; check the setting `domain`",
    "DOMAIN_VALIDATION_DENIED": "Amazon doesn't accept the domain's validation; open a case at AWS Support",
    "OTHER": "usually a misspelt name; check the setting `domain`, or else open a case at AWS Support",
}
"""ACM's reason for a failed certificate -> its meaning and what to do.
https://docs.aws.amazon.com/acm/latest/userguide/troubleshooting-failed.html"""


@dataclass(frozen=True)
class Certificate:
    """A certificate that the program requests: its title, its names (the main one first), and its region."""

    title: str
    hosts: Sequence[str]
    region: str

    @property
    def check(self) -> Check:
        """Its check."""
        return Check(f"acm/{self.title}", f"{self.title} certificate")


def certificates(stack: Stack) -> tuple[Certificate, ...]:
    """Return the certificates of a stack."""
    hosts = list(stack.hosts.values())
    return (
        Certificate("origin", [stack.origin, *hosts], stack.names.region),
        Certificate("viewer", hosts, VIEWER_REGION),
    )


def check_certificate(certificate: Certificate, client: ACMClient) -> Verdict:
    """Check that one issued certificate covers all hosts, and lasts two more weeks.

    Raises:
        Failure: AWS refuses or doesn't answer.
    """
    check, region = certificate.check, certificate.region
    found = _find(certificate, client)
    covering = [entry for entry in found if set(certificate.hosts) <= set(entry.get("SubjectAlternativeNames", ()))]
    if not covering:
        missing = (
            f"{len(found)} for {certificate.hosts[0]} in {region}, but none covers all of "
            f"{', '.join(certificate.hosts)}"
        )
        return check.failed(missing) if found else check.undecided(f"in {region}: {MADE_LATER}")
    issued = [entry for entry in covering if entry["Status"] == "ISSUED"]
    if not issued:
        latest = max(covering, key=lambda entry: entry["CreatedAt"].timestamp() if "CreatedAt" in entry else 0)
        return check.failed(f"in {region} is {_explain(latest)}")
    days = max(int((entry["NotAfter"].timestamp() - time.time()) // 86_400) for entry in issued)
    if days < SHORTEST_DAYS:
        return check.failed(f"in {region} is valid for only {days} more days: it isn't being renewed")
    return check.passed(f"issued in {region}, valid for {days} days")


def _find(certificate: Certificate, client: ACMClient) -> list[CertificateDetailTypeDef]:
    """Return the certificates in ACM with the same main name."""
    with calls(certificate.check.subject):
        # Without the key types, the list only has certificates with RSA keys of 2,048 bits.
        pages = client.get_paginator("list_certificates").paginate(Includes={"keyTypes": list(_KEY_TYPES)})
        arns = [
            entry["CertificateArn"]
            for page in pages
            for entry in page["CertificateSummaryList"]
            if entry["DomainName"] == certificate.hosts[0]
        ]
        return [client.describe_certificate(CertificateArn=arn)["Certificate"] for arn in arns]


def _explain(entry: CertificateDetailTypeDef) -> str:
    """Return a certificate's status, its reason, and what to do."""
    status = entry["Status"]
    if status != "FAILED":
        return f"{status}{_STATUSES.get(status, '')}"
    reason = entry.get("FailureReason", "OTHER")
    meaning = _REASONS.get(reason, 'look it up under "FailureReason" in ACM\'s API reference')
    return f"{status} ({reason}): {meaning}{_AGAIN}"
