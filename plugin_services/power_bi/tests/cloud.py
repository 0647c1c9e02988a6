"""A Power BI of the tests' own: the part of the documented REST API that the plugin uses, as a program.

python cloud.py PORT STATE [CERTIFICATE KEY]

It follows https://learn.microsoft.com/rest/api/power-bi/ and Microsoft Entra's token endpoint, also where
they refuse: 401 with TokenExpired, 403, 404, 429 with Retry-After, 5xx. What it holds is in ``content.py``;
refreshes are kept in the file STATE, so that they outlive a kill. ``POST /_test`` says what shall go wrong.
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

sys.path.insert(0, str(Path(__file__).resolve().parent))
import content

MOST = 5000
"""Workspaces of one answer."""
ALREADY = "Invalid dataset refresh request. Another refresh request is already executing"
LIMIT = "Invalid dataset refresh request. The dataset refresh limit of 8 refreshes per day was reached"


class Problem(Exception):
    """Answered as the service answers."""

    def __init__(self, status: int, code: str = "", message: str = "", **headers: str) -> None:
        super().__init__(message)
        self.status, self.headers = status, {k.replace("_", "-"): v for k, v in headers.items()}
        self.body = {"error": {"code": code, "message": message}}


def _nothing_kept() -> dict[str, Any]:
    return {"refreshes": {}, "schedules": {}, "owners": {}}


class Cloud:
    """All that it knows, and what the tests want of it."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.tokens: dict[str, bool] = {}
        self.embedding: dict[str, str] = {}
        self.log: list[dict[str, str]] = []
        self.wanted: dict[str, Any] = {}
        self.kept = json.loads(state.read_text()) if state.exists() else _nothing_kept()

    def keep(self) -> None:
        self.state.write_text(json.dumps(self.kept))

    def refreshes(self, dataset: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.kept["refreshes"].setdefault(dataset, [])
        return found

    def enter(self, request: Request) -> None:
        """As the service does before it looks at a call. Raises Problem."""
        self.log.append({"method": request.method, "path": request.url.path, "query": request.url.query})
        if self.wanted.get("throttle", 0) > 0:
            self.wanted["throttle"] -= 1
            words = "You have exceeded the amount of requests allowed in the current time frame."
            raise Problem(429, "TooManyRequests", words, retry_after=str(self.wanted.get("seconds", 1)))
        if status := self.wanted.get("fail"):
            raise Problem(status, "UnknownError", "Something is wrong inside.")
        if self.wanted.get("forbid"):
            raise Problem(403, "", "API is not accessible for application")
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in self.tokens:
            raise Problem(401, "", "")
        if not self.tokens[token]:
            raise Problem(401, "TokenExpired", "Access token has expired, resubmit with a new access token")


def cloud_of(request: Request) -> Cloud:
    found: Cloud = request.app.state.cloud
    return found


async def moved(request: Request) -> Response:
    """To another host, which a granted one may do to whoever shows it."""
    return RedirectResponse(f"https://elsewhere.example/reportEmbed?{request.url.query}")


async def token(request: Request) -> Response:
    """https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow"""
    cloud = cloud_of(request)
    cloud.log.append({"method": "POST", "path": "token", "query": ""})
    form = dict(parse_qsl((await request.body()).decode()))

    def refuse(error: str, number: int, words: str, status: int = 400) -> Response:
        said = f"AADSTS{number}: {words} Trace ID: 1 Correlation ID: 2 Timestamp: 3"
        return JSONResponse(
            {"error": error, "error_description": said, "error_codes": [number], "trace_id": "1"}, status
        )

    if request.path_params["tenant"] != content.TENANT:
        return refuse("invalid_request", 90002, "Tenant not found.")
    if form.get("client_id") != content.CLIENT:
        return refuse("unauthorized_client", 700016, "Application was not found in the directory.")
    if form.get("scope") != content.SCOPE:
        return refuse("invalid_scope", 1002012, "The provided value for scope is not valid.")
    if form.get("client_secret") == content.EXPIRED_SECRET:
        return refuse("invalid_client", 7000222, "The provided client secret keys are expired.", 401)
    if form.get("client_secret") != content.SECRET or form.get("grant_type") != "client_credentials":
        return refuse("invalid_client", 7000215, "Invalid client secret provided.", 401)
    made = f"eyJ-access-{secrets.token_urlsafe(24)}"
    cloud.tokens[made] = True
    life = cloud.wanted.get("life", 3599)
    return JSONResponse(
        {"token_type": "Bearer", "expires_in": life, "ext_expires_in": life, "access_token": made}
    )


def value(entries: list[dict[str, Any]]) -> Response:
    return JSONResponse({"@odata.context": "$metadata", "value": entries})


async def groups(request: Request) -> Response:
    query = request.query_params
    top, skip = int(query.get("$top", MOST)), int(query.get("$skip", 0))
    if not 1 <= top <= MOST:
        raise Problem(400, "InvalidRequest", "$top must be between 1 and 5000")
    found = content.WORKSPACES
    if wanted := query.get("$filter"):
        part = re.fullmatch(r"contains\(name,'((?:[^']|'')*)'\)|id eq '([0-9a-f-]+)'", wanted)
        if not part:
            raise Problem(400, "InvalidRequest", "$filter is not understood")
        name, identity = (part[1] or "").replace("''", "'").lower(), part[2]
        found = [
            one for one in found if one["id"] == identity or (not identity and name in one["name"].lower())
        ]
    return JSONResponse({"@odata.count": len(found), "value": found[skip : skip + top]})


def held(request: Request, kind: str) -> list[dict[str, Any]]:
    group = request.path_params["group"]
    if group not in content.HELD:
        raise Problem(403, "", "The caller has no access to this workspace")
    found: list[dict[str, Any]] = content.HELD[group][kind]
    return found


def item(request: Request, kind: str) -> dict[str, Any]:
    identity = request.path_params["item"]
    for one in held(request, kind):
        if one["id"] == identity:
            owner = cloud_of(request).kept["owners"].get(identity)
            return {**one, "configuredBy": owner} if owner else one
    raise Problem(404, "PowerBIEntityNotFound", "")


async def collection(request: Request) -> Response:
    return value(held(request, request.path_params["kind"]))


async def single(request: Request) -> Response:
    return JSONResponse(item(request, request.path_params["kind"]))


async def tiles(request: Request) -> Response:
    item(request, "dashboards")
    return value(content.TILES)


async def parts(request: Request) -> Response:
    item(request, "datasets")
    return value(content.PARTS[request.path_params["part"]])


async def generate(request: Request) -> Response:
    """An embed token; of a dataset that asks who looks, only with an identity."""
    cloud, report = cloud_of(request), item(request, "reports")
    if (await request.json()).get("accessLevel") != "View":
        raise Problem(400, "InvalidRequest", "accessLevel is missing")
    if report["name"] == content.PERSONAL:
        words = "Creating embed token for accessing dataset requires effective identity to be provided"
        raise Problem(400, "InvalidRequest", words)
    made, end = f"H4sI-embed-{secrets.token_urlsafe(24)}", time.time() + cloud.wanted.get("embedLife", 3600)
    cloud.embedding[made] = report["id"]
    when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(end))
    return JSONResponse({"token": made, "tokenId": content.guid("token", made), "expiration": when})


async def refreshes(request: Request) -> Response:
    cloud, dataset = cloud_of(request), item(request, "datasets")
    found = cloud.refreshes(dataset["id"])
    if request.method == "GET":
        return value(found[: int(request.query_params.get("$top", 60))])
    if not dataset["isRefreshable"]:
        raise Problem(
            400, "InvalidRequest", "Invalid dataset. This API can only be called on a Model-based dataset"
        )
    if any(one["status"] == "Unknown" for one in found):
        raise Problem(400, "InvalidRequest", ALREADY)
    body = await request.json()
    enhanced = set(body) != {"notifyOption"}
    if enhanced and "notifyOption" in body:
        raise Problem(400, "InvalidRequest", "notifyOption is not allowed with other parameters")
    if enhanced and dataset["name"] == content.SHARED:
        raise Problem(400, "InvalidRequest", "Enhanced refresh is not supported for shared capacity")
    if dataset["name"] == content.SHARED and len(found) >= 8:
        raise Problem(400, "InvalidRequest", LIMIT)
    identity = content.guid("refresh", f"{dataset['id']}{len(found)}")
    kind = "ViaEnhancedApi" if enhanced else "ViaApi"
    now = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
    found.insert(
        0, {"requestId": identity, "refreshType": kind, "status": "Unknown", "startTime": now, "asked": body}
    )
    cloud.keep()
    headers = {"RequestId": identity, "x-ms-request-id": identity, "Location": f"{request.url}/{identity}"}
    return Response(status_code=202, headers=headers)


async def refresh(request: Request) -> Response:
    cloud, dataset = cloud_of(request), item(request, "datasets")
    wanted = request.path_params["refresh"]
    for one in cloud.refreshes(dataset["id"]):
        if one["requestId"] == wanted:
            break
    else:
        raise Problem(404, "ItemNotFound", "")
    if request.method == "DELETE":
        if one["refreshType"] != "ViaEnhancedApi" or one["status"] != "Unknown":
            raise Problem(400, "InvalidRequest", "This refresh cannot be cancelled")
        one |= {"status": "Cancelled", "endTime": one["startTime"]}
        cloud.keep()
        return Response()
    running = one["status"] == "Unknown"
    status = "InProgress" if running else one["status"]
    tables = [{"table": name, "partition": name, "status": status} for name in ("Orders", "Customers")]
    details = {k: one[k] for k in ("startTime", "endTime", "status") if k in one}
    details |= {"type": one["asked"].get("type", "Full"), "extendedStatus": status, "objects": tables}
    return JSONResponse({**details, "numberOfAttempts": 1}, 202 if running else 200)


async def schedule(request: Request) -> Response:
    cloud, dataset = cloud_of(request), item(request, "datasets")
    now = cloud.kept["schedules"].setdefault(dataset["id"], dict(content.SCHEDULE))
    if request.method == "PATCH":
        if dataset["configuredBy"] != content.OWNER:
            raise Problem(403, "DMTS_OperationNotAllowed", "Only the owner of the dataset may do this")
        sent = (await request.json())["value"]
        if not sent["enabled"] and len(sent) > 1:
            raise Problem(400, "InvalidRequest", "A schedule that is disabled takes no other change")
        now |= sent
        cloud.keep()
        return Response()
    return JSONResponse(now)


async def take_over(request: Request) -> Response:
    dataset, cloud = item(request, "datasets"), cloud_of(request)
    cloud.kept["owners"][dataset["id"]] = content.OWNER
    cloud.keep()
    return Response()


async def test(request: Request) -> Response:
    """What the tests want: ``expire`` ends all tokens, ``finish`` a dataset's refresh, ``forget`` clears the
    log, ``anew`` also undoes every change; all else is kept."""
    cloud = cloud_of(request)
    wanted = await request.json()
    if wanted.pop("expire", False):
        cloud.tokens = dict.fromkeys(cloud.tokens, False)
    anew = wanted.pop("anew", False)
    if wanted.pop("forget", False) or anew:
        cloud.log.clear()
    if anew:
        cloud.kept = _nothing_kept()
        cloud.keep()
    for dataset, how in wanted.pop("finish", {}).items():
        cloud.refreshes(dataset)[0].update(how)
        cloud.keep()
    cloud.wanted |= wanted
    return JSONResponse({"log": cloud.log, "embedding": cloud.embedding, "kept": cloud.kept})


async def embed_page(request: Request) -> Response:
    """What the service's own page of a report is to whoever shows it: see embed.html."""
    cloud_of(request).log.append({"method": "GET", "path": "page", "query": request.url.hostname or ""})
    page = await asyncio.to_thread((Path(__file__).parent / "embed.html").read_text)
    return HTMLResponse(page)


LIBRARIES = {"http-post-message": "httpPostMessage", "window-post-message-proxy": "windowPostMessageProxy"}


async def library(request: Request) -> Response:
    """The libraries of powerbi-client's own other end, from where npm installed them."""
    name = request.path_params["name"]
    file = Path(cloud_of(request).wanted["modules"]) / name / "dist" / f"{LIBRARIES[name]}.js"
    return Response(await asyncio.to_thread(file.read_bytes), media_type="text/javascript")


async def told(_: Request, problem: Exception) -> Response:
    assert isinstance(problem, Problem)
    return JSONResponse(problem.body, problem.status, problem.headers)


class Guard:
    """Every call of the API passes it first."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"].startswith("/v1.0/"):
            try:
                cloud_of(Request(scope)).enter(Request(scope))
            except Problem as problem:
                answer = JSONResponse(problem.body, problem.status, problem.headers)
                await answer(scope, receive, send)
                return
        await self.app(scope, receive, send)


def create(state: Path) -> Any:
    in_group = "/v1.0/myorg/groups/{group}"
    of_dataset = f"{in_group}/datasets/{{item}}"
    app = Starlette(
        routes=[
            Route("/{tenant}/oauth2/v2.0/token", token, methods=["POST"]),
            Route("/v1.0/myorg/groups", groups),
            Route(f"{in_group}/dashboards/{{item}}/tiles", tiles),
            Route(f"{of_dataset}/refreshes", refreshes, methods=["GET", "POST"]),
            Route(f"{of_dataset}/refreshes/{{refresh}}", refresh, methods=["GET", "DELETE"]),
            Route(f"{of_dataset}/refreshSchedule", schedule, methods=["GET", "PATCH"]),
            Route(f"{of_dataset}/Default.TakeOver", take_over, methods=["POST"]),
            Route(f"{of_dataset}/{{part}}", parts),
            Route(f"{in_group}/reports/{{item}}/GenerateToken", generate, methods=["POST"]),
            Route(f"{in_group}/{{kind}}/{{item}}", single),
            Route(f"{in_group}/{{kind}}", collection),
            Route("/_test", test, methods=["POST"]),
            Route("/reportEmbed", embed_page),
            Route("/moved", moved),
            Route("/libraries/{name}.js", library),
        ],
        middleware=[Middleware(Guard)],
        exception_handlers={Problem: told},
    )
    app.state.cloud = Cloud(state)
    return app


if __name__ == "__main__":
    port, state, *tls = sys.argv[1:]
    pair = dict(zip(("ssl_certfile", "ssl_keyfile"), tls, strict=False))
    uvicorn.run(create(Path(state)), host="127.0.0.1", port=int(port), log_level="warning", ws="none", **pair)
