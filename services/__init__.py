"""Use cases: the only place where storage and providers meet; knows neither FastAPI nor Celery."""
