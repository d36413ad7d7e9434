"""The naming pack: names, tags and hosts follow conventions, and every name is explicit.

`RULES` is the pack. Every rule judges the inputs of one resource, except `duplicate-name`, which judges the stack.
"""

from typing import Final

from policies.naming import conventions, explicit_names, hosts, iam_names, required_tags, secret_names
from policies.rulebook import Rule

RULES: Final[tuple[Rule, ...]] = (
    *secret_names.RULES,
    *conventions.RULES,
    *iam_names.RULES,
    *hosts.RULES,
    *required_tags.RULES,
    *explicit_names.RULES,
)
