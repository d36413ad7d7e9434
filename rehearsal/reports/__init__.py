"""Reports on plans: for a terminal, a pull request, code scanning, and since the last save."""
