"""What `init` does: it asks for the facts of an owner and an environment, and writes all that follows from them."""
