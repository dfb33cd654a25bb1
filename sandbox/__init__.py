"""Both providers as one local HTTP server: real wire formats, real media, scripted trouble, no real money."""
