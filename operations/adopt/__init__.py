"""Taking over what Terraform runs: read, match, rehearse, report, then take over."""
