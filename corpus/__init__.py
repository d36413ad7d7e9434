"""IAM documents with the verdicts they deserve, for tests and benchmarks. `README.md` describes the files."""
