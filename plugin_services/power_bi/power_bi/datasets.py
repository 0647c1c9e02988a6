"""Datasets of a workspace (semantic models, by their newer name), what they read, and whose they are."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query
from plugway_sdk.web.models import ApiModel, Done
from plugway_sdk.web.problems import Refused, new_router
from pydantic import Field

from power_bi.dependencies import After, ItemId, Limit, Reading, Search, WorkspaceId, Writing, cut

router = new_router("datasets", "/workspaces/{workspace_id}/datasets")


class Dataset(ApiModel):
    """A dataset."""

    id: str
    name: str
    owner: str = Field(description="Who configured it; only they, or whoever takes it over, may change it.")
    refreshable: bool
    identity_required: bool = Field(description="It shows each person their own rows.")
    gateway_required: bool = Field(description="Its sources are reached by an on-premises data gateway.")
    storage: str
    created: str | None
    web_url: str


class DatasetPage(ApiModel):
    """Some datasets in the order of their names."""

    datasets: list[Dataset]
    after: int | None = Field(description="Send it to go on; null at the end.")
    total: int


class Parameter(ApiModel):
    """A parameter of a dataset's queries."""

    name: str
    type: str
    required: bool
    value: str | None
    suggested: list[str]


class Source(ApiModel):
    """Where a dataset's data comes from."""

    type: str
    id: str
    details: dict[str, str] = Field(description="Server, database, address and the like.")


class Parts(ApiModel):
    """What a dataset is made of."""

    parameters: list[Parameter]
    sources: list[Source]


def _dataset(entry: dict[str, Any]) -> Dataset:
    return Dataset(
        id=str(entry.get("id")),
        name=str(entry.get("name") or ""),
        owner=str(entry.get("configuredBy") or ""),
        refreshable=bool(entry.get("isRefreshable")),
        identity_required=bool(entry.get("isEffectiveIdentityRequired")),
        gateway_required=bool(entry.get("isOnPremGatewayRequired")),
        storage=str(entry.get("targetStorageMode") or ""),
        created=entry.get("createdDate") or None,
        web_url=str(entry.get("webUrl") or ""),
    )


@router.get("")
async def list_datasets(
    service: Reading, workspace_id: WorkspaceId, search: Search = "", after: After = 0, limit: Limit = 100
) -> DatasetPage:
    """Datasets page by page."""
    found = await service.entries(f"/groups/{workspace_id}/datasets")
    page, following, total = cut(found, "name", search, after, limit, _dataset)
    return DatasetPage(datasets=page, after=following, total=total)


@router.get("/{dataset_id}")
async def read_dataset(service: Reading, workspace_id: WorkspaceId, dataset_id: ItemId) -> Dataset:
    """One of them."""
    return _dataset(await service.get(f"/groups/{workspace_id}/datasets/{dataset_id}"))


@router.get("/{dataset_id}/parts")
async def read_parts(service: Reading, workspace_id: WorkspaceId, dataset_id: ItemId) -> Parts:
    """Its parameters and where its data comes from; never a credential, which the service does not tell."""
    path = f"/groups/{workspace_id}/datasets/{dataset_id}"
    parameters = await service.entries(f"{path}/parameters")
    sources = await service.entries(f"{path}/datasources")
    return Parts(
        parameters=[_parameter(one) for one in parameters], sources=[_source(one) for one in sources]
    )


def _parameter(entry: dict[str, Any]) -> Parameter:
    value = entry.get("currentValue")
    return Parameter(
        name=str(entry.get("name") or ""),
        type=str(entry.get("type") or ""),
        required=bool(entry.get("isRequired")),
        value=None if value is None else str(value),
        suggested=[str(one) for one in entry.get("suggestedValues") or ()],
    )


def _source(entry: dict[str, Any]) -> Source:
    details = entry.get("connectionDetails")
    return Source(
        type=str(entry.get("datasourceType") or ""),
        id=str(entry.get("datasourceId") or ""),
        details={str(k): str(v) for k, v in details.items() if v} if isinstance(details, dict) else {},
    )


@router.post("/{dataset_id}/take-over")
async def take_over(
    service: Writing,
    workspace_id: WorkspaceId,
    dataset_id: ItemId,
    confirm: Annotated[str, Query(max_length=400, description="The dataset's name once more.")],
) -> Done:
    """Make the service principal the owner. Credentials that the owner before entered are lost."""
    path = f"/groups/{workspace_id}/datasets/{dataset_id}"
    found = _dataset(await service.get(path))
    if confirm != found.name:
        raise Refused("The name typed is not the dataset's.", hint=f"Type {found.name} to take it over.")
    await service.send("POST", f"{path}/Default.TakeOver")
    return Done()
