"""The acceptance pack: finds values in the plan that AWS or Cloudflare would refuse.

`RULES` is the pack. `knowledge` has the accepted values and their sources.
"""

from typing import Final

from policies.acceptance import connections, quotas, refused, rivals, together
from policies.rulebook import Rule

RULES: Final[tuple[Rule, ...]] = (*refused.RULES, *together.RULES, *connections.RULES, *rivals.RULES, *quotas.RULES)
