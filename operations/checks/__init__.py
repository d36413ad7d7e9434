"""The checks of `preflight`, one module per service."""
