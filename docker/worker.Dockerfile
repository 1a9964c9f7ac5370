# syntax=docker/dockerfile:1
# A worker with torch for CUDA and vLLM; on a machine without a GPU it computes on the CPU.
# Build it from the root of a checkout:
#   docker build --file docker/worker.Dockerfile --tag maye-worker .

FROM python:3.11.14-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
COPY constraints.txt ./
RUN pip install --constraint constraints.txt build setuptools
COPY . .
RUN WITHOUT_FRONT_END=1 python -m build --wheel --no-isolation --outdir /wheel .

# torch brings CUDA's libraries in its packages; Triton compiles kernels with gcc while runs start.
FROM nvidia/cuda:13.0.2-base-ubuntu24.04
ENV DEBIAN_FRONTEND=noninteractive
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev python3-dev python3-venv \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 maye \
    && useradd --uid 10001 --gid maye --create-home --no-log-init maye \
    && install --directory --owner maye --group maye --mode 0700 /var/lib/maye
COPY --from=build /wheel /wheel
RUN python3 -m venv /opt/maye \
    && /opt/maye/bin/pip install --no-cache-dir --disable-pip-version-check \
        "$(echo /wheel/*.whl)[worker]" vllm==0.32.0 \
    && rm -r /wheel
ENV PATH=/opt/maye/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/home/maye \
    MAYE_HOME=/var/lib/maye
USER 10001:10001
WORKDIR /var/lib/maye
VOLUME ["/var/lib/maye", "/home/maye"]
HEALTHCHECK --interval=15s --timeout=10s --start-period=120s --retries=3 \
    CMD ["python", "-m", "worker.is_healthy"]
CMD ["python", "-m", "worker.celery_app"]
