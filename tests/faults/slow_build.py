"""A process that builds an image as the gateway does, with a step that takes longer than it lives."""

from __future__ import annotations

import sys

import docker

from gateway.runtimes.docker_context import Context
from gateway.runtimes.docker_image import Build


def main() -> None:
    base, tag, seconds = sys.argv[1:]
    client = docker.from_env()
    text = f'ARG BASE_IMAGE\nFROM $BASE_IMAGE\nRUN ["sleep", "{seconds}"]\nRUN ["true", "{tag}"]\n'
    built = Build(
        context=Context(text, {}), base=client.images.get(base), tag=tag, labels={"plugway-test": "killed"}
    )
    sys.stdout.write(built.run(client))
    client.close()


if __name__ == "__main__":
    main()
