"""What accepting is measured against: a route that does nothing, and the application of a textbook."""

import os
from typing import Any
from uuid import UUID, uuid4

from celery import Celery
from fastapi import FastAPI, Request
from sqlalchemy import Column
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, Session, SQLModel, create_engine

from domain.generation import JobRequest


class TextbookJob(SQLModel, table=True):
    """A job as a tutorial would keep it."""

    __tablename__ = "textbook_jobs"

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    model: str
    status: str = "queued"
    input: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))


def nothing() -> FastAPI:
    """A route that takes the body and does nothing with it, and one that reads it as a job first."""
    app = FastAPI()

    @app.post("/v1/jobs", status_code=202)
    async def take(request: Request) -> dict[str, str]:
        await request.body()
        return {"status": "queued"}

    @app.post("/read", status_code=202)
    async def read(body: JobRequest) -> dict[str, str]:
        return {"status": "queued", "model": body.model}

    return app


def textbook() -> FastAPI:
    """A route as most are written: a session of the ORM, a commit, and a task sent inside the request."""
    engine = create_engine(os.environ["DARKROOM_DATABASE_URL"])
    SQLModel.metadata.create_all(engine, tables=[SQLModel.metadata.tables["textbook_jobs"]])
    celery = Celery(broker=os.environ["DARKROOM_REDIS_URL"])
    app = FastAPI()

    @app.post("/v1/jobs", status_code=202)
    def take(body: JobRequest) -> TextbookJob:
        with Session(engine) as session:
            job = TextbookJob(model=body.model, input=body.input.model_dump(mode="json"))
            session.add(job)
            session.commit()
            session.refresh(job)
            celery.send_task("submit", args=[str(job.id)], ignore_result=True)
            return job

    return app
