# One image for every process; the command says which. Nothing in it is secret: settings come from outside.
FROM python:3.11-slim AS build
WORKDIR /src
RUN python -m venv /opt/darkroom
COPY requirements.lock .
RUN /opt/darkroom/bin/pip install --no-cache-dir --require-hashes --no-deps --requirement requirements.lock
COPY . .
RUN /opt/darkroom/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.11-slim
ENV PATH=/opt/darkroom/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/darkroom darkroom
COPY --from=build /opt/darkroom /opt/darkroom
USER darkroom
WORKDIR /var/lib/darkroom
# Made here so that a volume mounted over it belongs to this user.
RUN mkdir --mode=700 data
ENV DARKROOM_DATA_DIR=/var/lib/darkroom/data
EXPOSE 8000
CMD ["uvicorn", "--factory", "api.app:create", "--host", "0.0.0.0", "--port", "8000", "--no-access-log", "--timeout-graceful-shutdown", "5"]
