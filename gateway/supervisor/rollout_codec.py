"""Rollouts as the registry keeps them."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from gateway.registry.records import RolloutRecord
from gateway.supervisor.rollout import Rollout

_CODEC: TypeAdapter[Rollout] = TypeAdapter(Rollout)


def decode(record: RolloutRecord) -> Rollout:
    return _CODEC.validate_python(record.document)


def encode(rollout: Rollout) -> dict[str, Any]:
    document: dict[str, Any] = _CODEC.dump_python(rollout, mode="json")
    return document
