"""What is written from the code and committed: the pages in docs/ and the lists in policies/config/."""
