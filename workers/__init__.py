"""The processes that work: Celery's tasks, and the watcher that owns time."""
