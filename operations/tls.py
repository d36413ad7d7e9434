"""Checks the certificate of a host."""

from __future__ import annotations

import socket
import ssl
import time
from typing import Final

from operations.symptoms import EXPIRED_CERTIFICATE, UNCOVERED_HOST, WRONG_CERTIFICATE
from operations.verdicts import Check, Verdict, host_check
from operations.web import Web

SHORTEST_DAYS: Final = 14
"""ACM and Cloudflare renew a month or more ahead, so a certificate with fewer days left isn't being renewed.
https://docs.aws.amazon.com/acm/latest/userguide/managed-renewal.html"""

_EXPIRED: Final = 10  # X509_V_ERR_CERT_HAS_EXPIRED
_OTHER_NAME: Final = 62  # X509_V_ERR_HOSTNAME_MISMATCH
_DAY: Final = 86_400


def refused(check: Check, error: ssl.SSLCertVerificationError) -> Verdict:
    """Return the verdict on a certificate that isn't trusted."""
    symptom = EXPIRED_CERTIFICATE if error.verify_code == _EXPIRED else WRONG_CERTIFICATE
    return check.failed(error.verify_message, symptom)


def is_too_deep(host: str, zone: str) -> bool:
    """Return whether a host is more than one level below its zone, which Cloudflare's Universal SSL doesn't cover.

    >>> is_too_deep("portal.dev.example.com", "example.com")
    True
    >>> is_too_deep("portal.example.com", "example.com")
    False
    """
    return "." in host.removesuffix(f".{zone}")


def edge_certificate(web: Web, host: str, zone: str) -> Verdict:
    """Check that the certificate of a host behind Cloudflare is valid, names the host, and lasts two more weeks."""
    check = host_check("certificate", host, "certificate")
    try:
        with (
            socket.create_connection(web.address(host), timeout=web.timeout) as connection,
            web.trust.wrap_socket(connection, server_hostname=host) as channel,
        ):
            shown = channel.getpeercert() or {}
    except ssl.SSLCertVerificationError as error:
        if error.verify_code == _OTHER_NAME and is_too_deep(host, zone):
            return check.failed(error.verify_message, UNCOVERED_HOST)
        return refused(check, error)
    except socket.gaierror:
        return check.failed("the host has no address: its DNS record is missing")
    except (OSError, ssl.SSLError) as error:
        # Cloudflare ends the handshake with an alert if it has no certificate for the name.
        uncovered = isinstance(error, ssl.SSLError) and is_too_deep(host, zone)
        return check.failed(f"no TLS connection ({type(error).__name__})", UNCOVERED_HOST if uncovered else None)
    days = int((ssl.cert_time_to_seconds(str(shown["notAfter"])) - time.time()) // _DAY)
    if days < SHORTEST_DAYS:
        return check.failed(f"valid for only {days} more days", EXPIRED_CERTIFICATE)
    return check.passed(f"valid for {days} days")
