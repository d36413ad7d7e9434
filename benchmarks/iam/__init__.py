"""The comparison of `policies/least_privilege` with the IAM checkers people use today.

`python -m benchmarks.iam` judges every labelled document with every tool and prints the figures side by side.

- the corpus (`corpus/README.md`) has the project's own documents, tight ones and for each twins with exactly one flaw,
  and those that were written and labelled without sight of the pack.
- `labels.yaml` labels documents of others, which aren't kept here: test documents that the checkers publish
  and AWS managed policies, both taken at run time from pinned packages of the registry.
- `judges/` holds one thin program per tool, each run in the tool's own environment under `build/iam/`.
"""
