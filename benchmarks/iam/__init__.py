"""The comparison of `policies/least_privilege` with the IAM checkers people use today.

`python -m benchmarks.iam` judges every labelled document with every tool and writes the figures side by side.

- The corpus (`corpus/README.md`) has the project's own documents, which are tight ones, each with twins that have
exactly one flaw, and documents that were written and labelled without sight of the pack.
- `labels.yaml` labels documents from elsewhere, which aren't kept here: test documents that the checkers publish
  and AWS managed policies, both read at run time from pinned packages of the registry.
- `judges/` holds one thin program per tool; each runs in the tool's own environment under `build/iam/`.
"""
