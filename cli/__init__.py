"""The `darkroom` command: a client of the HTTP API, and what starts and checks the stack."""
