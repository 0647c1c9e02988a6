"""What the Power BI of the tests holds."""

from __future__ import annotations

import json
import uuid
from typing import Any


def guid(kind: str, name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{kind} {name}"))


TENANT, CLIENT = guid("tenant", "contoso"), guid("client", "plugway")
SECRET, EXPIRED_SECRET = "s3cret~Value.of-the_app", "s3cret~that.was"
SCOPE = "https://analysis.windows.net/powerbi/api/.default"
OWNER = CLIENT
PERSONAL, SHARED = "Pay slips", "Budget"
MANY = 1200
EMBED = "https://app.powerbi.com/reportEmbed"

SALES, MANY_REPORTS, EMPTY, ODD = (
    guid("workspace", name) for name in ("Sales", "Archive", "New", "Bob's own")
)
"""What is in :data:`ODD` cannot be shown, each for a reason of its own."""


def _workspace(name: str, capacity: bool = False) -> dict[str, Any]:
    return {
        "id": guid("workspace", name),
        "name": name,
        "isReadOnly": False,
        "isOnDedicatedCapacity": capacity,
        "type": "Workspace",
    }


WORKSPACES = [
    _workspace("Archive"),
    _workspace("Bob's own"),
    _workspace("New"),
    _workspace("Sales", capacity=True),
    *(_workspace(f"Team {number:03}") for number in range(240)),
]


def _report(
    name: str, dataset: str, kind: str = "PowerBIReport", embed: str = EMBED, more: str = ""
) -> dict[str, Any]:
    identity = guid("report", name)
    return {
        "id": identity,
        "reportType": kind,
        "name": name,
        "webUrl": f"https://app.powerbi.com/groups/{SALES}/reports/{identity}",
        "embedUrl": f"{embed}?reportId={identity}&groupId={SALES}&w=2{more}",
        "datasetId": guid("dataset", dataset),
    }


def _dataset(name: str, owner: str = OWNER, **more: Any) -> dict[str, Any]:
    return {
        "id": guid("dataset", name),
        "name": name,
        "configuredBy": owner,
        "isRefreshable": True,
        "isEffectiveIdentityRequired": False,
        "isOnPremGatewayRequired": False,
        "targetStorageMode": "Abf",
        "createdDate": "2026-02-03T10:00:00Z",
        "webUrl": f"https://app.powerbi.com/groups/{SALES}/datasets/{guid('dataset', name)}",
        **more,
    }


_NOTHING: dict[str, list[dict[str, Any]]] = {"reports": [], "dashboards": [], "datasets": []}
HELD: dict[str, dict[str, list[dict[str, Any]]]] = {one["id"]: _NOTHING for one in WORKSPACES} | {
    SALES: {
        "reports": [
            _report("Revenue", "Orders"),
            _report("customers by region", "Orders"),
            _report(PERSONAL, "People"),
            _report("Invoice", "Orders", "PaginatedReport"),
        ],
        "dashboards": [
            {
                "id": guid("dashboard", "Board"),
                "displayName": "Board",
                "isReadOnly": False,
                "webUrl": "https://app.powerbi.com/dashboards/board",
            }
        ],
        "datasets": [
            _dataset("Orders"),
            _dataset(SHARED, owner="ann@contoso.com"),
            _dataset("People", isEffectiveIdentityRequired=True, isRefreshable=False),
        ],
    },
    ODD: {
        **_NOTHING,
        "reports": [
            _report("National", "Orders", embed="https://app.powerbigov.example/reportEmbed"),
            _report("Moved", "Orders", embed="https://app.powerbi.com/moved"),
            _report("Refused", "Orders", more="&refuses=1"),
        ],
    },
    MANY_REPORTS: {**_NOTHING, "reports": [_report(f"Report {n:04}", "Orders") for n in range(MANY)]},
}
REVENUE, ORDERS, BUDGET = guid("report", "Revenue"), guid("dataset", "Orders"), guid("dataset", SHARED)
BOARD = guid("dashboard", "Board")
TILES = [
    {"id": guid("tile", "Total"), "title": "Total", "reportId": REVENUE, "datasetId": ORDERS},
    {"id": guid("tile", "Text"), "title": ""},
]
PARTS: dict[str, list[dict[str, Any]]] = {
    "parameters": [
        {
            "name": "Year",
            "type": "Number",
            "isRequired": True,
            "currentValue": "2026",
            "suggestedValues": ["2025", "2026"],
        }
    ],
    "datasources": [
        {
            "datasourceType": "Sql",
            "datasourceId": guid("source", "sql"),
            "gatewayId": guid("gateway", "cloud"),
            "connectionDetails": {"server": "sql.contoso.example", "database": "orders"},
        }
    ],
}
SCHEDULE: dict[str, Any] = {
    "days": ["Monday", "Friday"],
    "times": ["07:00", "16:30"],
    "enabled": True,
    "localTimeZoneId": "UTC",
    "notifyOption": "NoNotification",
}
FAILED = {
    "status": "Failed",
    "endTime": "2026-06-01T10:05:00.000Z",
    "serviceExceptionJson": '{"errorCode":"ModelRefreshFailed_CredentialsNotSpecified"}',
    "refreshAttempts": [
        {
            "attemptId": 1,
            "startTime": "2026-06-01T10:00:00.000Z",
            "endTime": "2026-06-01T10:05:00.000Z",
            "serviceExceptionJson": json.dumps(
                {"errorCode": "DM_GWPipeline_Gateway_Timeout", "errorDescription": "It took too long."}
            ),
            "type": "Data",
        }
    ],
}
