# syntax=docker/dockerfile:1
# Two stages: the first builds, the second holds only Python, the locked packages and the server.

FROM python:3.13-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /build
RUN python -m venv /opt/venv
COPY requirements.txt ./
RUN /opt/venv/bin/pip install --require-hashes -r requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY protocol/ protocol/
COPY storage/ storage/
COPY chat/ chat/
COPY server/ server/
COPY cli/ cli/
COPY loadtest/ loadtest/
COPY web/ web/
RUN /opt/venv/bin/pip wheel --no-deps --wheel-dir /dist . \
    && /opt/venv/bin/pip install --no-deps /dist/*.whl \
    && /opt/venv/bin/pip uninstall --yes pip

FROM python:3.13-slim
LABEL org.opencontainers.image.title="mymessenger" \
      org.opencontainers.image.licenses="MIT"
RUN useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin mymessenger \
    && install -d -o mymessenger -g mymessenger -m 0700 /data
COPY --from=build /opt/venv /opt/venv
COPY tools/healthcheck.py /usr/local/lib/mymessenger/healthcheck.py
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HOST=0.0.0.0 \
    PORT=8000 \
    DB_NAME=/data/db_chat.db \
    LOG_FORMAT=json
USER mymessenger
WORKDIR /data
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=20s --retries=3 \
    CMD ["python", "/usr/local/lib/mymessenger/healthcheck.py"]
ENTRYPOINT ["mymessenger-server"]
