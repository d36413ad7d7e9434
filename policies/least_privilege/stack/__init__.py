"""What the resources of a stack hold: policy documents, managed policies, boundaries; and what each role has."""
