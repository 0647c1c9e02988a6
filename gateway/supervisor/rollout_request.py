"""What an operator may say of a rollout, and the plan that comes of it with the plugin's defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from gateway.errors import BadInput
from gateway.supervisor.rollout import Plan, Step, Strategy, Timing


class StepRequest(BaseModel):
    """A share of new sessions in percent, held for ``seconds``; null waits for a promote by hand."""

    model_config = ConfigDict(extra="forbid")

    weight: int = Field(ge=0, le=100)
    seconds: float | None = Field(default=None, ge=0, le=7 * 86400)


class RolloutOptions(BaseModel):
    """How to move. Times in seconds; what is left out comes from the plugin, then from the defaults."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True)

    strategy: Strategy | None = None
    steps: list[StepRequest] | None = Field(default=None, max_length=20)
    startup: float | None = Field(default=None, ge=0.1, le=3600)
    probe_interval: float | None = Field(default=None, ge=0.1, le=300)
    probe_timeout: float | None = Field(default=None, ge=0.1, le=300)
    min_healthy: float | None = Field(default=None, ge=0, le=3600)
    bake: float | None = Field(default=None, ge=0, le=7 * 86400)
    drain: float | None = Field(default=None, ge=0, le=3600)
    progress: float | None = Field(default=None, gt=0, le=7 * 86400)
    tester_header: str | None = Field(default=None, pattern=r"^[a-z0-9-]{1,64}$")
    tester_cookie: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_-]{1,64}$")


_STEPS = {
    Strategy.DIRECT: (),
    # Both are up and testers reach the new one; nobody else does before the switch.
    Strategy.BLUE_GREEN: (Step(weight=0, seconds=0.0),),
    Strategy.CANARY: (Step(weight=10, seconds=60.0), Step(weight=50, seconds=60.0)),
}


def make_plan(asked: RolloutOptions, defaults: Mapping[str, Any]) -> Plan:
    """The plan for one rollout; raises :class:`BadInput` where the two together make no sense."""
    said = {**defaults, **asked.model_dump(exclude_none=True)}
    if asked.strategy not in (None, defaults.get("strategy")) and asked.steps is None:
        # The plugin's usual steps belong to its usual strategy.
        said.pop("steps", None)
    options = RolloutOptions.model_validate(said)
    strategy = options.strategy or (Strategy.CANARY if options.steps else Strategy.DIRECT)
    if options.steps and strategy is Strategy.DIRECT:
        raise BadInput(
            "A direct rollout has no steps.",
            fields={"/steps": "only canary and blue-green have steps"},
            hint="Leave the steps out, or ask for the strategy canary.",
        )
    steps = tuple(Step(weight=s.weight, seconds=s.seconds) for s in options.steps or ())
    usual = Timing()
    return Plan(
        strategy=strategy,
        steps=steps or _STEPS[strategy],
        timing=Timing(
            startup=_or(options.startup, usual.startup),
            probe_interval=options.probe_interval,
            probe_timeout=options.probe_timeout,
            min_healthy=_or(options.min_healthy, usual.min_healthy),
            bake=_or(options.bake, usual.bake),
            drain=_or(options.drain, usual.drain),
            progress=_or(options.progress, usual.progress),
        ),
        tester_header=options.tester_header or "x-plugway-canary",
        tester_cookie=options.tester_cookie or "plugway_canary",
    )


def parse_options(document: Any) -> RolloutOptions:
    """Options from JSON; raises :class:`BadInput` with one reason for each field."""
    try:
        return RolloutOptions.model_validate(document)
    except ValidationError as error:
        fields = {"/" + "/".join(map(str, issue["loc"])): str(issue["msg"]) for issue in error.errors()}
        raise BadInput("The rollout's options do not hold.", fields=fields) from None


def _or(value: float | None, default: float) -> float:
    return default if value is None else value
