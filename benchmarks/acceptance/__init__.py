"""Compares this gate, cfn-lint and Terraform's AWS provider: planted faults found, and false alarms on good values."""
