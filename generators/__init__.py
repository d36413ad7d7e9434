"""Write files that are derived from the code and committed: the pages in docs/ and the lists in policies/config/."""
