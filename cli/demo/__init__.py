"""`darkroom demo`: six jobs on the sandbox of both providers, and proof that what Darkroom says is so."""
