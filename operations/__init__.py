"""What people run before, around and after a deploy."""
