"""The policy packs, one folder each, the gate that serves them all to the engine, and the rulebook they share."""
