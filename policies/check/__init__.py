"""`python -m policies check`: runs the least-privilege pack on files, without an engine or a project's own conventions.

- `source`: a file's text and content, and the line numbers of values in it.
- `template_values`: the functions of CloudFormation.
- `policy_documents`, `pulumi_plans`, `terraform_plans`, `cloudformation`: turn each kind of file into the resources
  that
  the pack judges.
- `unknowns`: removes unknown values from a resource.
- `kinds`: recognizes which kind a file is.
- `verdict`: the rules, and what they find.
- `output`: findings as text, JSON and SARIF.
- `command`: the command line.
"""
