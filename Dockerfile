# The service of docs/deploy.md: slim, not root, to be run with --read-only and --tmpfs /tmp.
FROM python:3.13-slim AS build
WORKDIR /source
COPY . .
RUN python -m venv /opt/gi \
    && /opt/gi/bin/pip install --no-cache-dir '.[server,plots,ocr]'

FROM python:3.13-slim
COPY --from=build /opt/gi /opt/gi
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin gi
USER 10001
ENV HOME=/tmp MPLCONFIGDIR=/tmp PYTHONDONTWRITEBYTECODE=1
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["/opt/gi/bin/python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["/opt/gi/bin/gi-classifier", "serve", "--host", "0.0.0.0", "--token-file", "/run/token/token"]
