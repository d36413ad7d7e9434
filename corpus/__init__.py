"""IAM documents with the verdicts that they deserve, for tests and benchmarks. `README.md` describes the files."""
