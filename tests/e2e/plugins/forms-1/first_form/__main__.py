"""The first release of a plugin whose settings have another form later."""

from __future__ import annotations

from typing import Any, Literal

from plugway_sdk import Plugin, serve
from pydantic import BaseModel, SecretStr


class Settings(BaseModel):
    url: str = ""
    retries: int = 3
    mode: Literal["fast", "slow"] = "fast"
    host: str = ""
    password: SecretStr | None = None
    key: SecretStr | None = None


async def app(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


serve(Plugin(id="forms", version="1.0.0", name="Forms", app=app, settings=Settings))
