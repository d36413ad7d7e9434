"""What `preflight` looks at, one module per service."""
