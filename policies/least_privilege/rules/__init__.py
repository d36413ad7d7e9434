"""The tables of rules: id, title, remedy, source and severity of each, and the check that asks for its faults."""
