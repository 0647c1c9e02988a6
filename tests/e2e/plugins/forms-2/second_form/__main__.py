"""The second release: it has servers instead of a host, reads the first form, and tells what it was given."""

from __future__ import annotations

import json
from typing import Any, Literal

from plugway_sdk import Plugin, serve
from pydantic import BaseModel, SecretStr


class Settings(BaseModel):
    url: str = ""
    retries: int = 3
    mode: Literal["fast", "careful"] = "fast"
    servers: list[str] = []
    password: SecretStr | None = None
    login_key: SecretStr | None = None


def migrate(values: dict[str, Any], version: int) -> dict[str, Any]:
    kept = {name: value for name, value in values.items() if name in ("url", "retries", "password")}
    mode = "careful" if values.get("mode") == "slow" else "fast"
    return {**kept, "mode": mode, "servers": [values["host"]], "login_key": values.get("key")}


async def app(scope: Any, receive: Any, send: Any) -> None:
    given = plugin.settings
    secrets = {
        name: value.get_secret_value()
        for name, value in (("password", given.password), ("login_key", given.login_key))
        if value is not None
    }
    body = json.dumps({**given.model_dump(exclude={"password", "login_key"}), **secrets}).encode()
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


plugin = Plugin(
    id="forms",
    version="2.0.0",
    name="Forms",
    app=app,
    settings=Settings,
    settings_version=2,
    migrate=migrate,
)
serve(plugin)
