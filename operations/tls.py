"""The certificate that a host shows."""

from __future__ import annotations

import socket
import ssl
import time
from typing import Final

from operations.symptoms import EXPIRED_CERTIFICATE, WRONG_CERTIFICATE
from operations.verdicts import Verdict, failed, passed
from operations.web import Web

SHORTEST_DAYS: Final = 14
"""ACM and Cloudflare renew a month or more ahead; what has less left isn't being renewed.
https://docs.aws.amazon.com/acm/latest/userguide/managed-renewal.html"""

_EXPIRED: Final = 10  # X509_V_ERR_CERT_HAS_EXPIRED
_DAY: Final = 86_400


def refused(subject: str, error: ssl.SSLCertVerificationError) -> Verdict:
    """Return the verdict on a certificate that isn't to be trusted."""
    symptom = EXPIRED_CERTIFICATE if error.verify_code == _EXPIRED else WRONG_CERTIFICATE
    return failed(subject, f"{error.verify_message}. {symptom}", symptom.name)


def certificate(web: Web, host: str) -> Verdict:
    """Check that a host's certificate is valid, names the host, and is valid for two more weeks."""
    subject = f"{host}: certificate"
    try:
        with (
            socket.create_connection(web.address(host), timeout=web.timeout) as connection,
            web.trust.wrap_socket(connection, server_hostname=host) as channel,
        ):
            shown = channel.getpeercert() or {}
    except ssl.SSLCertVerificationError as error:
        return refused(subject, error)
    except socket.gaierror:
        return failed(subject, "the host has no address: its DNS record is missing")
    except (OSError, ssl.SSLError) as error:
        return failed(subject, f"no TLS connection ({type(error).__name__})")
    days = int((ssl.cert_time_to_seconds(str(shown["notAfter"])) - time.time()) // _DAY)
    if days < SHORTEST_DAYS:
        return failed(subject, f"valid, but for {days} more days only. {EXPIRED_CERTIFICATE}", EXPIRED_CERTIFICATE.name)
    return passed(subject, f"valid for {days} days")
