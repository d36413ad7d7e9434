"""What this gate, cfn-lint and Terraform's AWS provider find of planted faults, and what they say about good values."""
