# serve.py for an ONNX file, without MindSpore. Build it at the project's root, and give it the model and the folders:
#   docker build -t fastflow .
#   docker run --rm --read-only --tmpfs /tmp -p 127.0.0.1:8080:8080 -e FASTFLOW_TOKEN=... -v "$PWD/export:/model:ro" \
#       fastflow --model /model/fastflow_bottle.onnx --http 0.0.0.0:8080
FROM python:3.11-slim-bookworm

ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1

WORKDIR /app
COPY requirements-onnx.txt ./
RUN pip install -r requirements-onnx.txt

COPY pyproject.toml predict.py serve.py ./
COPY src/ src/

# A user without a home, a shell or any right to /app. A folder for --out must be writable by 10001.
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin fastflow
USER 10001

EXPOSE 8080

# For --http on port 8080, with the token of the environment if there is one; with --watch alone: --no-healthcheck.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 CMD ["python", "-c", \
    "import http.client, os; \
    c = http.client.HTTPConnection('127.0.0.1', 8080, timeout=4); \
    c.request('GET', '/health', headers={'Authorization': 'Bearer ' + os.environ.get('FASTFLOW_TOKEN', '')}); \
    raise SystemExit(c.getresponse().status != 200)"]

# No shell between: serve.py is process 1 and gets SIGTERM itself.
ENTRYPOINT ["python", "serve.py"]
CMD ["--help"]
