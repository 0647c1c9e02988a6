"""From a place to a plugin that has been met: started, serving, described, and configured where wanted."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import grpc
from grpc import aio
from plugway.plugin.v1 import http_pb2

from gateway.conformance.check import Broken, NotApplicable, NotTried
from gateway.conformance.places import Place
from gateway.conformance.subject import Plan, Shared, Subject
from gateway.contract.client import Health, PluginClient
from gateway.contract.errors import ContractError, NameUnknown
from gateway.model import Endpoint
from gateway.sources.check_table import split_route

_PAUSE = 0.05


class Unopened(Exception):
    """The plugin cannot be met; the text says why."""


async def opened(place: Place, plan: Plan, shared: Shared, *, configure: bool) -> Subject:
    """Raises :class:`Unopened` and ``PlugwayError``."""
    endpoint = await place.start()
    await _serving(place, plan, endpoint)
    subject = Subject(place, plan, endpoint, shared)
    try:
        # What is wrong with the answer is the matter of a check.
        with suppress(ContractError, Broken, aio.AioRpcError):
            await subject.learn()
            settings = await subject.settings()
            await place.allow(subject.manifest, settings.values, settings.secrets)
        if configure:
            await prepared(subject)
    except BaseException:
        await subject.close()
        raise
    return subject


async def _serving(place: Place, plan: Plan, endpoint: Endpoint) -> None:
    """Ask until it serves. A new channel each time: no back-off from before counts."""
    last = "It does not listen."
    try:
        async with asyncio.timeout(plan.patience.start):
            while True:
                client = PluginClient(endpoint)
                try:
                    if await client.check("", plan.patience.answer) is Health.SERVING:
                        return
                    last = "Its health is NOT_SERVING."
                except NameUnknown:
                    last = 'Its health does not know the name "".'
                except ContractError as error:
                    last = error.detail
                finally:
                    await client.close()
                if reason := await place.ended():
                    raise Unopened(f"It ended before it served: {reason}")
                await asyncio.sleep(_PAUSE)
    except TimeoutError:
        raise Unopened(f"It did not serve within {plan.patience.start:g} s. {last}") from None


async def prepared(subject: Subject) -> None:
    """Hand over the settings, and make the calls that its author wants to be made before others.

    What is wrong with either is told once, by the check that hands over settings.
    """
    with suppress(NotTried, NotApplicable, Broken, ContractError, aio.AioRpcError):
        await take_settings(subject)
        await prepare(subject)


async def prepare(subject: Subject) -> None:
    """The calls of ``[check]``, where there are settings for them; raises :class:`Broken`."""
    if not subject.configured or subject.plan.preflight:
        return
    for step in subject.plan.routes.prepare:
        status = await make(subject, step.route, step.body)
        if status >= 400:
            raise Broken(f"{step.route}, which is to prepare others, answers {status}.", "Correct [check].")


async def take_settings(subject: Subject) -> str:
    """Configure for real, where that is allowed; returns what came of it. Raises :class:`Broken`."""
    settings = await subject.settings()
    manifest = subject.manifest
    subject.shared.canaries.extend(value for value in settings.secrets.values() if len(value) > 3)
    try:
        answer = await subject.configure(settings)
    except aio.AioRpcError as error:
        if manifest.settings_schema is None and error.code() is grpc.StatusCode.UNIMPLEMENTED:
            subject.configured = True
            return "it has no settings, and no use for the gateway's keys"
        raise
    if not answer.accepted:
        reasons = "; ".join(f"{one.field or '/'}: {one.message}" for one in answer.errors)
        if settings.values or settings.secrets or manifest.settings_schema is None:
            raise Broken(f"It refuses its settings ({reasons or 'no reason given'}).", "Give it others.")
        raise NotTried(f"it takes no empty settings ({reasons}): give some (--settings FILE)")
    if subject.plan.configure:
        subject.configured = True
        return "it took its settings"
    subject.configured = not await waits(subject)
    return "it would take its settings (dry run)"


async def waits(subject: Subject) -> bool:
    """Whether it answers calls as one that waits for its settings."""
    answer = await subject.handle(subject.usual())
    await subject.give_up(answer.continuation)
    return answer.response.status == 503 and b"not-configured" in answer.body


async def make(subject: Subject, route: str, body: object) -> int:
    """One call of the preparation; returns its status."""
    import json

    method, path, query = split_route(route, "POST")
    head = subject.head(method, path, query, content_type="application/json")
    content = b"" if body is None else json.dumps(body).encode()
    head.headers.append(http_pb2.HttpHeader(name=b"content-length", value=str(len(content)).encode()))
    answer = await subject.handle(head, content)
    await subject.give_up(answer.continuation)
    return int(answer.response.status)
