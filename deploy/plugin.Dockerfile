# The image of a Python plugin. The gateway builds it (gateway/runtimes/docker_image.py), and so does
# deploy/images.py; both lay out the build context and append what is the plugin's own.
# They also label it, so that it can be pushed to a registry and installed from there (docs/sources.md):
# LABEL io.plugway.manifest='{"id": "notes", "version": "1.0.0", "permissions": {"volumes": ["data"]}}'
# Nothing is fetched while building: site/ holds the packages, gathered on the host.
# What releases have in common comes first, so that a new one costs few steps.
ARG BASE_IMAGE=python:3.11-slim
FROM ${BASE_IMAGE}
ENV LANG=C.UTF-8 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONPATH=/opt/plugway/plugin:/opt/plugway/sdk:/opt/plugway/site
WORKDIR /opt/plugway/plugin
COPY site /opt/plugway/site
# Compiled here, as the root file system is read-only when the plugin runs.
RUN python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/plugway/site
COPY sdk /opt/plugway/sdk
RUN python3 -m compileall -q --invalidation-mode unchecked-hash /opt/plugway/sdk
