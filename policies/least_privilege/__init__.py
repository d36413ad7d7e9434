"""The least-privilege pack judges from a stack's policy documents who is allowed to do what.

`RULES` is the pack. Each folder imports only from the folders listed before it:

- `language`: what a policy says, as text; it knows no AWS service.
- `knowledge`: what the pack knows about AWS; data files and the tables that are kept by hand.
- `meaning`: what a policy says for these services: resources, principals, grants.
- `faults`: what is wrong with one document, a module for each subject.
- `stack`: what the resources of a stack hold: documents, attached policies, roles.
- `access`: who can do what in a whole stack, and what a change adds.
- `rules`: the rules that people see, in tables.
"""

from typing import Final

from policies.least_privilege.rules import closed_world, documents, managed, people, readers
from policies.rulebook import Rule

RULES: Final[tuple[Rule, ...]] = (*documents.RULES, *managed.RULES, *people.RULES, *readers.RULES, *closed_world.RULES)
