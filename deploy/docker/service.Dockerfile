# The image of one service:
#
#   docker build -f deploy/docker/service.Dockerfile --build-arg SERVICE=llm-service -t penstock/llm-service:local .
#
# SERVICE is the service's folder, and only says what the image starts: all five share every layer, so that they take
# the room of one, are always of one version, and `penstock` works in each container (`penstock up` as well).
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

# --- what is locked, in an environment that is copied as it is, without what nothing of Penstock loads (slim.py) ----------
FROM ${PYTHON_IMAGE} AS dependencies
ENV UV_LINK_MODE=copy UV_NO_CACHE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
# For `strip`: symbols for debuggers are a sixth of what is installed; and for the native feature kernel. They stay behind,
# as all of this stage but /opt/penstock.
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends binutils gcc libc6-dev >/dev/null && rm -rf /var/lib/apt/lists/*
COPY requirements-setup.lock requirements.lock deploy/docker/slim.py /build/
# uv and the build tools come from a lock of their own, by pip, and stay behind: /opt/build is not copied.
RUN cd /build \
 && python -m venv /opt/build && /opt/build/bin/pip install -q --require-hashes -r requirements-setup.lock \
 && python -m venv --without-pip /opt/penstock \
 && /opt/build/bin/uv pip install -q --python /opt/penstock/bin/python --require-hashes -r requirements.lock \
 && cd /opt/penstock/lib/python3.*/site-packages \
 && PYTHONDONTWRITEBYTECODE= /opt/penstock/bin/python /build/slim.py "$PWD" \
 && echo /opt/members >penstock_members.pth

# --- our own packages; .dockerignore lets nothing else through ------------------------------------------------------
FROM dependencies AS members
COPY . /build/members
RUN cd /build/members \
 && export PYTHONPATH="$(echo /opt/build/lib/python3.*/site-packages)" \
 && /opt/build/bin/uv pip install -q --offline --python /opt/penstock/bin/python --target /opt/members \
      --no-deps --no-build-isolation --compile-bytecode \
      ./protos ./libs/kit ./gateway ./llm-service ./chat-stream-service ./feature-service ./cache-service ./client ./cli \
 && find /opt/members -name '*.pyi' -delete \
 && PYTHONPATH=/opt/members /opt/penstock/bin/python -m feature_service.adapters.native_kernel --beside

# --- what runs: no pip, no root, nothing to write but PENSTOCK_HOME and /tmp -------------------------------
FROM ${PYTHON_IMAGE} AS runtime
RUN groupadd --gid 10001 penstock \
 && useradd --uid 10001 --gid 10001 --home-dir /var/lib/penstock --no-create-home --shell /usr/sbin/nologin penstock \
 && install -d -o penstock -g penstock -m 0700 /var/lib/penstock /var/lib/penstock-secret
COPY --from=dependencies /opt/penstock /opt/penstock
# Services listen for other containers, and start only with a secret of the installation (docker-compose.yml makes one).
# GRPC_… and MALLOC_…: as `penstock up` has them, see RUNTIME_ENVIRONMENT in cli/src/penstock_cli/supervisor/service.py.
ENV PATH=/opt/members/bin:/opt/penstock/bin:$PATH \
    GRPC_ENABLE_FORK_SUPPORT=0 \
    GRPC_EXPERIMENTS=-event_engine_client,-event_engine_listener,-event_engine_for_all_other_endpoints \
    MALLOC_ARENA_MAX=2 \
    MALLOC_MMAP_THRESHOLD_=4194304 \
    MALLOC_TRIM_THRESHOLD_=4194304 \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PENSTOCK_HOME=/var/lib/penstock \
    PENSTOCK_BIND_HOST=0.0.0.0 \
    PENSTOCK_SERVICE_BIND_HOST=0.0.0.0
WORKDIR /opt/penstock
USER 10001:10001
COPY deploy/docker/healthy.py /opt/penstock/
COPY --from=members /opt/members /opt/members

# --- all five services in one container, for a machine that is to have but one (`make dist`) ----------------------------
FROM runtime AS all-in-one
ENV PENSTOCK_SERVICE_BIND_HOST=127.0.0.1
LABEL org.opencontainers.image.title="penstock"
EXPOSE 8000
VOLUME /var/lib/penstock
CMD ["penstock", "up"]

# --- one service ------------------------------------------------------------------------------------------------------
FROM runtime
ARG SERVICE
ENV PENSTOCK_SERVICE=${SERVICE}
LABEL org.opencontainers.image.title="penstock ${SERVICE}"
# The package is the folder's name with underscores. exec: the service itself is process 1 and gets the SIGTERM.
CMD ["sh", "-c", "exec python -m \"$(echo \"$PENSTOCK_SERVICE\" | tr - _)\""]
