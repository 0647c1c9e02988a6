"""The unified document of a running gateway, used by programs that were written elsewhere."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.parts import need_npm_packages
from tests.running import RunningGateway, gateway

pytestmark = [pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="module")]

PROGRAMS = Path(__file__).parents[1] / "openapi_client"
_PACKAGES = {
    "private": True,
    "dependencies": {"openapi-fetch": "0.17.0", "openapi-typescript": "7.13.0", "typescript": "5.9.3"},
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningGateway]:
    home = tmp_path_factory.mktemp("home")
    # That the machine is busy is not what is looked for.
    patient = {"PLUGWAY_CHECK_TIMEOUT": "60", "PLUGWAY_RESTART_AFTER": "120", "PLUGWAY_SHED_LAG": "0"}
    async with gateway(home / "h", settings={"PLUGWAY_INSTALL": "notes", **patient}) as running:
        await running.healthy("notes")
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def document(running: RunningGateway) -> dict[str, Any]:
    answer = await running.client.get("/openapi.json")
    return dict(answer.raise_for_status().json())


async def run(*command: str | Path, cwd: Path) -> tuple[int, str]:
    """Exit code and output of a program, which may take a while on a busy machine."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=cwd, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), 240)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    assert process.returncode is not None
    return process.returncode, output.decode(errors="replace")


async def test_the_document_is_valid_and_every_operation_has_a_name(document: dict[str, Any]) -> None:
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []
    operations = [one for item in document["paths"].values() for one in item.values()]
    ids = [one["operationId"] for one in operations]
    assert len(set(ids)) == len(ids)
    assert {"listPlugins", "notes_list_notes", "notes_notes_v1_NoteService_GetNote"} <= set(ids)
    assert all(one.get("summary") for one in operations)
    # The words are those of the proto file.
    typed = document["paths"]["/plugins/notes/api/v1/notes/{note}"]
    assert typed["get"]["summary"] == "GetNote reads one note."


async def test_a_generated_client_is_typed_and_works(
    running: RunningGateway, document: dict[str, Any], tmp_path: Path
) -> None:
    modules = need_npm_packages("openapi-client", _PACKAGES)
    for file in PROGRAMS.iterdir():
        shutil.copy(file, tmp_path)
    (tmp_path / "node_modules").symlink_to(modules)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "openapi.json").write_text(json.dumps(document))
    generated = await run(
        modules / ".bin" / "openapi-typescript", "openapi.json", "-o", "api.d.ts", cwd=tmp_path
    )
    assert generated[0] == 0, generated[1]
    compiled = await run(modules / ".bin" / "tsc", "-p", ".", cwd=tmp_path)
    assert compiled[0] == 0, compiled[1]
    token = running.client.headers["authorization"].partition(" ")[2]
    ended = await run("node", "program.js", running.base, token, cwd=tmp_path)
    assert ended[0] == 0, ended[1]
    found = json.loads(ended[1])
    assert "notes" in found["plugins"]
    name, title, changed_at = found["note"]
    assert (name[:6], title, changed_at) == ("notes/", "by route", "string")
    assert found["list"] == ["by route"]
    assert found["problem"] == [404, "urn:plugway:problem:rpc-not-found", "NOT_FOUND"]


EXCLUDED = {
    "followEvents": "never ends",
    "routeMe": "never ends",
    "recordCalls": "never ends",
    "readLogs": "never ends where it is told to follow",
    "notes_events": "never ends",
    "uninstallPlugin": "takes away the plugin that the others call",
    "disablePlugin": "as does this",
    "restartPlugin": "and this, for a moment",
    "setRolloutDefaults": "sets times within which no plugin can start",
    "setLimits": "sets limits under which all else is refused",
    "importBundle": "takes a tar archive, which schemathesis cannot make",
    "previewBundle": "takes a tar archive, which schemathesis cannot make",
}
"""What would take the ground from under the other operations, or cannot be called by a generator."""

_UNBOUND = "what no service is bound to goes to the plugin's own routes, which have no such path: 404"
ALLOWED = {
    ("installPlugin", "not_a_server_error"): "503 where the host that the definition names is not there",
    ("previewPlugin", "not_a_server_error"): "503 where the host that the definition names is not there",
    ("previewPlugin", "allow_header_conformance"): "a plugin may be called 'preview', and is read there",
    ("notes_notes_v1_NoteService_ListNotes", "unsupported_method"): _UNBOUND,
    ("notes_notes_v1_NoteService_CreateNote", "unsupported_method"): _UNBOUND,
}
"""Checks that one operation fails for a reason."""

CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance",
    "response_schema_conformance", "response_headers_conformance", "unsupported_method",
    "allow_header_conformance", "ignored_auth",
)  # fmt: skip


def schemathesis_toml(base: str, token: str) -> str:
    lines = [f'base-url = "{base}"', "continue-on-failure = true", "request-timeout = 60", "warnings = false"]
    lines += ["[headers]", f'Authorization = "Bearer {token}"', "[generation]", "deterministic = true"]
    lines += ["max-examples = 3", "no-shrink = true", "[phases.stateful]", "enabled = false"]
    lines += ["[checks]", "enabled = false", *(f"{check}.enabled = true" for check in CHECKS)]
    for id_ in EXCLUDED:
        lines += ["[[operations]]", f'include-operation-id = "{id_}"', "enabled = false"]
    for id_ in sorted({id_ for id_, _ in ALLOWED}):
        lines += ["[[operations]]", f'include-operation-id = "{id_}"', "[operations.checks]"]
        for check in [check for one, check in ALLOWED if one == id_]:
            own = 'expected-statuses = ["2xx", "3xx", "4xx", 503]'
            lines.append(f"{check}.{own if check == 'not_a_server_error' else 'enabled = false'}")
    return "\n".join(lines)


async def test_calls_of_every_kind_are_answered_as_documented(
    running: RunningGateway, document: dict[str, Any], tmp_path: Path
) -> None:
    ids = {one["operationId"] for item in document["paths"].values() for one in item.values()}
    assert set(EXCLUDED) | {id_ for id_, _ in ALLOWED} <= ids
    token = running.client.headers["authorization"].partition(" ")[2]
    (tmp_path / "schemathesis.toml").write_text(schemathesis_toml(running.base, token))
    (tmp_path / "openapi.json").write_text(json.dumps(document))
    program = Path(sys.executable).with_name("schemathesis")
    code, output = await run(program, "run", "openapi.json", cwd=tmp_path)
    assert code == 0, output[-12_000:]
    assert f"Tested: {len(ids) - len(EXCLUDED)}" in output, output[-3000:]
    # All of it found a gateway and a plugin that still work.
    assert (await running.plugin("notes"))["state"] == "healthy"
