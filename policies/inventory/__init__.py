"""The inventory pack: what a stack may hold, and the facts that its owners pin.

The other packs name what is wrong. This one closes the world around them: a type, a property or a value that nobody
agreed to is a violation, which says how to have it agreed.

- `table` reads `types/*.txt`: the types that the gate knows, and who judges each of their properties.
- `agreed_types` and `properties` compare a stack with that table and with the types that its owners list.
- `account`, `identity`, `roles` and `edge` compare it with the pinned facts, `providers` looks at who makes the
  resources.
- `pinned_tags`, `granted_buckets` and `state_access` compare what identity policies say with them, which
  `identity_policies` reads; `documents` reads a policy document for all of them.
- `permissions`, `programs` and `values` compare what roles may do, what tasks and functions run, and what no rule tells
  right from wrong with what was agreed.
- `companions` looks for what a bucket needs beside it.
- `ignored_changes` finds what stays as it is, whatever the program says, `protection` what can be deleted by mistake.
- `secret_copies` finds secrets where they don't belong.

Owners agree to types and pin facts in the pack's configuration, one file for each stack;
`python -m policies.inventory.agreement` shows and writes it.
"""

from typing import Final

from policies.inventory import (
    account,
    agreed_types,
    companions,
    edge,
    granted_buckets,
    identity,
    ignored_changes,
    permissions,
    pinned_tags,
    programs,
    properties,
    protection,
    providers,
    roles,
    secret_copies,
    state_access,
    values,
)
from policies.rulebook import Rule

RULES: Final[tuple[Rule, ...]] = (
    *agreed_types.RULES,
    *properties.RULES,
    *companions.RULES,
    *ignored_changes.RULES,
    *protection.RULES,
    *providers.RULES,
    *account.RULES,
    *identity.RULES,
    *roles.RULES,
    *permissions.RULES,
    *pinned_tags.RULES,
    *granted_buckets.RULES,
    *state_access.RULES,
    *edge.RULES,
    *programs.RULES,
    *values.RULES,
    *secret_copies.RULES,
)
