"""Who can do what to what in a stack, and what a change adds to it.

`holders` collects what each principal has, `requests` decides single requests, `inclusion` compares two holders,
`readers` compares who can read a secret with the list of its readers, `report` returns the access of a plan as data,
`sentences` describes a difference, and `tables` writes a page.

The difference is a proof, not a sample: where it says "no new access", the later plan allows no request that the
earlier one refused, within these limits:

- Only policies of the plan count. Organization and session policies, and what others attach outside the stack, aren't
  seen. A managed policy of somebody else counts as unchanged if both plans attach it by the same ARN.
- Conditions are compared by their text: a statement replaces another one if it has the same lines, with the same values
  or (for operators that aren't negated) fewer. Any other change counts as new access, and so does a denial that the
  earlier plan had under a condition and the later one lacks.
- An action counts only on resources that it takes according to AWS's service authorization reference: `s3:ListBucket`
  on an object lets nobody do anything.
- Actions that the index doesn't know are compared as patterns. A policy variable equals only itself.
- The same access by a resource policy and by an identity policy counts as two accesses.
"""
