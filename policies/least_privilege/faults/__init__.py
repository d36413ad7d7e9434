"""What is wrong with a policy document. Each module finds the faults of one subject; `documents` collects them all."""
