"""A plugin that says its secret in every way it can think of."""

from __future__ import annotations

import asyncio
import logging
import sys
import warnings

from fastapi import FastAPI
from plugway_sdk import Plugin, SettingsRefused, serve
from pydantic import BaseModel, SecretStr

log = logging.getLogger("chatty")
app = FastAPI()


class Settings(BaseModel):
    password: SecretStr


async def configure(settings: Settings) -> None:
    secret = settings.password.get_secret_value()
    log.info("the password is %s", secret, extra={"detail": {"password": secret}})
    if secret.startswith("wrong"):
        raise SettingsRefused({"/password": f"{secret} is wrong"})
    if secret.startswith("fails"):
        raise RuntimeError(f"cannot connect with {secret}")


plugin = Plugin(id="sample", version="1.0.0", app=app, settings=Settings, on_configure=configure)


@app.get("/say")
async def say() -> str:
    secret = plugin.settings.password.get_secret_value()
    print("printed", secret)  # noqa: T201 - a plugin may
    print("to stderr", secret, file=sys.stderr)  # noqa: T201 - a plugin may
    warnings.warn(f"warned of {secret}", stacklevel=1)
    log.error("a broken line %d", secret)
    return "said"


@app.get("/fail")
async def fail() -> str:
    raise RuntimeError(f"failed with {plugin.settings.password.get_secret_value()}")


@app.get("/forget")
async def forget() -> str:
    async def background() -> None:
        raise RuntimeError(f"lost {plugin.settings.password.get_secret_value()}")

    app.state.task = asyncio.create_task(background())
    await asyncio.sleep(0.01)
    del app.state.task
    return "forgotten"


@app.get("/slow")
async def slow() -> str:
    log.info("slow began")
    await asyncio.sleep(60)
    return "never"


if __name__ == "__main__":
    serve(plugin)
