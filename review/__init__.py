"""What people look at before a change is merged: what it changes, in the terminal, and all of a stack as a page."""
