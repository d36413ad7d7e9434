"""What people review before a change is merged: what it changes, in the terminal, and a whole stack as a page."""
