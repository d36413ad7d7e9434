"""The acceptance pack: what AWS and Cloudflare would refuse, found in the plan.

`RULES` is the pack. `knowledge` says what is accepted and where that comes from.
"""

from typing import Final

from policies.acceptance import connections, quotas, refused, rivals, together
from policies.rulebook import Rule

RULES: Final[tuple[Rule, ...]] = (*refused.RULES, *together.RULES, *connections.RULES, *rivals.RULES, *quotas.RULES)
