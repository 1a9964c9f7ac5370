# syntax=docker/dockerfile:1
# The API with dashboard and documentation; no torch. Build it from the root of a checkout:
#   docker build --file docker/api.Dockerfile --tag maye-api .

FROM node:24.11.1-slim AS front-end
WORKDIR /src/frontend
COPY frontend/package.json frontend/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY frontend ./
RUN npm run build

FROM python:3.11.14-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 NO_MKDOCS_2_WARNING=1
WORKDIR /src
COPY constraints.txt ./
RUN pip install --constraint constraints.txt build setuptools mkdocs-material
COPY . .
RUN mkdocs build --quiet
COPY --from=front-end /src/frontend/dist frontend/dist
RUN python -m build --wheel --no-isolation --outdir /wheel . \
    && python -m venv /opt/maye \
    && /opt/maye/bin/pip install --constraint constraints.txt "$(echo /wheel/*.whl)[api]"

FROM python:3.11.14-slim-trixie
# `maye backup` and `maye restore` need the client of compose's PostgreSQL 17, which trixie has.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends postgresql-client \
    && rm -rf /var/lib/apt/lists/*
# The same number in both images: they share the volume of MAYE_HOME.
RUN groupadd --gid 10001 maye \
    && useradd --uid 10001 --gid maye --home-dir /var/lib/maye --no-log-init maye \
    && install --directory --owner maye --group maye --mode 0700 /var/lib/maye
COPY --from=build /opt/maye /opt/maye
ENV PATH=/opt/maye/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    MPLCONFIGDIR=/tmp/matplotlib \
    MAYE_HOME=/var/lib/maye \
    MAYE_HOST=0.0.0.0 \
    MAYE_PORT=8000
USER 10001:10001
WORKDIR /var/lib/maye
VOLUME /var/lib/maye
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-m", "backend.api.is_healthy"]
CMD ["python", "-m", "backend.api"]
