"""One request -> one reply, and what the reply means."""
