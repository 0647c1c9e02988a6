"""What the management API answers about trust: why a release may run, its rating, what was looked at anew."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from gateway.api.view_base import View


class TrustView(View):
    """Why a release may run here, and how it stands by the policy of now."""

    verified: bool = Field(description="The gateway's own finding: a known signer vouches for these bytes.")
    rule: str = Field(description="The rule by which it was let in.", examples=["signed"])
    words: str = Field(description="The same for people.")
    signer: str = Field(description="Who vouches for it; empty for nobody.")
    keys: list[str] = Field(description="Ids of the keys that signed.")
    course: Literal["run", "keep", "stop"] = Field(
        description="`keep`: it is trusted no more and runs on; `stop`: it may not run any more."
    )
    refusal: str = Field(description="Why it is trusted no more; empty where it is.")


class RatingReasonView(View):
    points: int = Field(description="Given, or taken where negative.")
    words: str
    observed: bool = Field(description="Seen while it ran, not only declared.")


class RatingView(View):
    """How far it has to be trusted blindly. It decides nothing: the policy does."""

    grade: Literal["A", "B", "C", "D", "E"]
    points: int = Field(description="Of 100.")
    final: bool = Field(description="False: it was not seen running, and can be no better than this.")
    reasons: list[RatingReasonView]


class CheckView(View):
    """One thing that was looked at."""

    what: str = Field(examples=["artefact"])
    ok: bool | None = Field(description="Null where there is nothing to vouch for.")
    words: str


class VerificationView(View):
    """Everything about an installed plugin, looked at anew."""

    ok: bool = Field(description="Nothing that was looked at failed.")
    checks: list[CheckView]
