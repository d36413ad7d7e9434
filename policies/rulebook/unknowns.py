"""The one list of inputs that may be unknown at preview.

Everything else that a pack judges must be known: an unknown value in it is a violation. Each entry is here because its
value exists only after the provider has created the resource that it comes from.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

MAY_BE_UNKNOWN: Final[Mapping[str, frozenset[str]]] = {
    # A parameter's value is data, often about other resources; its name and type are what is judged.
    "aws:ssm/parameter:Parameter": frozenset({"value", "insecureValue"}),
    # ACM chooses the record that validates a certificate. Only such a record's name may be unknown, see naming.hosts.
    "cloudflare:index/dnsRecord:DnsRecord": frozenset({"name", "content"}),
    "cloudflare:index/record:Record": frozenset({"name", "content", "value"}),
}
"""Resource type -> properties (first step of the path) whose value, or part of it, may be unknown."""
