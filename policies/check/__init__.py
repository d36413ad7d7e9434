"""`python -m policies check`: the least-privilege pack on files, without an engine and one project's conventions.

- `source`: files as text and content, and the lines of what stands in them.
- `template_values`: the functions of CloudFormation.
- `policy_documents`, `pulumi_plans`, `terraform_plans`, `cloudformation`: each kind of file as the resources that the
  pack judges.
- `unknowns`: what is left of a resource without what isn't known.
- `kinds`: which kind a file is.
- `verdict`: the rules, and what they find.
- `output`: findings as text, JSON and SARIF.
- `command`: the command line.
"""
