"""Records, queries and sessions, the object store, and the seam to the message queue."""
