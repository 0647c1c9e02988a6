# The image of the gateway, built by deploy/images.py (make images), which lays out the build context.
# Nothing is fetched while building: site/ holds the packages, gathered on the host.
# It needs no container socket: in it the gateway attaches to plugins that run beside it, as
# compose.yaml has them, or runs the shipped ones as its own processes.
ARG BASE_IMAGE=python:3.11-slim
FROM ${BASE_IMAGE}
ENV LANG=C.UTF-8 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONPATH=/opt/plugway/app:/opt/plugway/site \
    PLUGWAY_HOME=/var/lib/plugway \
    PLUGWAY_HOST=0.0.0.0 \
    PLUGWAY_RUNTIME=process
COPY site /opt/plugway/site
# Compiled here, as the root file system is read-only when the gateway runs.
RUN python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/plugway/site
COPY app /opt/plugway/app
RUN python3 -m compileall -q --invalidation-mode unchecked-hash /opt/plugway/app \
 && install -d -o 65532 -g 65532 -m 700 /var/lib/plugway
WORKDIR /var/lib/plugway
VOLUME /var/lib/plugway
EXPOSE 8080
USER 65532:65532
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s \
  CMD ["python3", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]
CMD ["python3", "-m", "gateway", "serve"]
