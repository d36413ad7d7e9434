"""The entry-points pack: one guarded entry point, and nothing else that the internet can reach.

`RULES` is the pack. The modules follow a request: `hosts` (where each host leads), `cloudflare`, `distributions`,
`certificates`, `load_balancers`, `listener_rules`, `sign_in`. The others are about what lies beside that path:
`network`, `other_entrances`, `secret_values`. Each holds the rules about single resources and those about how resources
refer to each other, which `rulebook.links` finds out.
"""

from typing import Final

from policies.entry_points import (
    certificates,
    cloudflare,
    distributions,
    hosts,
    listener_rules,
    load_balancers,
    network,
    other_entrances,
    secret_values,
    sign_in,
)
from policies.rulebook import Rule

RULES: Final[tuple[Rule, ...]] = (
    *hosts.RULES,
    *cloudflare.RULES,
    *distributions.RULES,
    *certificates.RULES,
    *load_balancers.RULES,
    *listener_rules.RULES,
    *sign_in.RULES,
    *network.RULES,
    *other_entrances.RULES,
    *secret_values.RULES,
)
