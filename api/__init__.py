"""The front: routes, schemas, who may call, and how errors are told; use cases lie in services."""
