"""The policy packs, one folder each, and the rulebook that they share."""
