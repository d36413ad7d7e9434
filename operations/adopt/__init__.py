"""Taking over resources that Terraform manages: read, match, rehearse, report, then take over."""
