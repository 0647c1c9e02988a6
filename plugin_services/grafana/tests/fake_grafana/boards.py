"""Folders, search, dashboards with versions, snapshots."""

from __future__ import annotations

import copy
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from fake_grafana.state import QUOTA, Wrong


def now() -> str:
    return datetime.now(UTC).isoformat()


def page(entries: list[Any], query: Any, *, size: int, name: str = "limit", first: int = 1) -> list[Any]:
    limit = min(int(query.get(name) or size), 5000)
    begin = (int(query.get("page") or first) - first) * limit
    return entries[begin : begin + limit]


def _folder(call: Any, uid: str) -> dict[str, Any]:
    found: dict[str, Any] | None = call.org["folders"].get(uid)
    if found is None:
        raise Wrong(404, "folder not found")
    return found


def _whole(call: Any, folder: dict[str, Any]) -> dict[str, Any]:
    parents, at = [], folder.get("parentUid")
    while at:
        parents.insert(0, call.org["folders"][at])
        at = parents[0].get("parentUid")
    return {**folder, "canSave": call.writer, "parents": parents}


def list_folders(call: Any) -> Any:
    parent = call.query.get("parentUid", "")
    found = [one for one in call.org["folders"].values() if one.get("parentUid", "") == parent]
    return page(sorted(found, key=lambda one: one["title"]), call.query, size=1000)


def read_folder(call: Any) -> Any:
    return _whole(call, _folder(call, call.path["uid"]))


def create_folder(call: Any) -> Any:
    call.need("folders:create")
    title, parent = call.body["title"], call.body.get("parentUid", "")
    for one in call.org["folders"].values():
        if one["title"] == title and one.get("parentUid", "") == parent:
            raise Wrong(409, "a folder with the same name already exists in the current location")
    if parent:
        _folder(call, parent)
    uid = call.body.get("uid") or secrets.token_hex(7)
    call.org["folders"][uid] = {
        "id": call.state.number(), "uid": uid, "title": title, "parentUid": parent, "version": 1
    }  # fmt: skip
    return _whole(call, call.org["folders"][uid])


def change_folder(call: Any) -> Any:
    call.need("folders:write")
    folder = _folder(call, call.path["uid"])
    if not call.body.get("overwrite") and call.body.get("version") != folder["version"]:
        raise Wrong(412, "the folder has been changed by someone else", status="version-mismatch")
    folder["title"] = call.body["title"]
    folder["version"] += 1
    return _whole(call, folder)


def move_folder(call: Any) -> Any:
    call.need("folders:write")
    folder, parent = _folder(call, call.path["uid"]), call.body.get("parentUid") or ""
    if parent and parent in _below(call, call.path["uid"]):
        raise Wrong(500, "move folder failed")
    folder["parentUid"] = parent
    return _whole(call, folder)


def _below(call: Any, uid: str) -> set[str]:
    found = {uid}
    for one in call.org["folders"].values():
        if one.get("parentUid") == uid:
            found |= _below(call, one["uid"])
    return found


def count_folder(call: Any) -> Any:
    _folder(call, call.path["uid"])
    below = _below(call, call.path["uid"])
    dashboards = sum(one["folderUid"] in below for one in call.org["dashboards"].values())
    rules = sum(one["folderUID"] in below for one in call.org["rules"].values())
    return {"folder": len(below) - 1, "dashboard": dashboards, "alertrule": rules, "librarypanel": 0}


def delete_folder(call: Any) -> Any:
    call.need("folders:delete")
    _folder(call, call.path["uid"])
    below = _below(call, call.path["uid"])
    rules = [uid for uid, one in call.org["rules"].items() if one["folderUID"] in below]
    if rules and call.query.get("forceDeleteRules") != "true":
        raise Wrong(400, "folder cannot be deleted: folder contains alert rules")
    for kind, key in (("dashboards", "folderUid"), ("rules", "folderUID")):
        call.org[kind] = {uid: one for uid, one in call.org[kind].items() if one[key] not in below}
    call.org["folders"] = {uid: one for uid, one in call.org["folders"].items() if uid not in below}
    return {"message": "Folder deleted", "id": 0}


def search(call: Any) -> Any:
    words, tags = call.query.get("query", "").lower(), set(call.query.getlist("tag"))
    folders = call.query.getlist("folderUIDs")
    found = []
    for uid, entry in call.org["dashboards"].items():
        model = entry["versions"][-1]["data"]
        if words not in model["title"].lower() or not tags <= set(model.get("tags") or ()):
            continue
        if folders and entry["folderUid"] not in folders:
            continue
        hit = {"id": entry["id"], "uid": uid, "title": model["title"], "type": "dash-db"}
        hit |= {"tags": model.get("tags") or [], "isStarred": False, "url": f"/d/{uid}"}
        if entry["folderUid"]:
            folder = call.org["folders"][entry["folderUid"]]
            hit |= {"folderUid": folder["uid"], "folderTitle": folder["title"]}
        found.append(hit)
    return page(sorted(found, key=lambda one: one["title"]), call.query, size=1000)


def tags(call: Any) -> Any:
    counts: dict[str, int] = {}
    for entry in call.org["dashboards"].values():
        for tag in entry["versions"][-1]["data"].get("tags") or ():
            counts[tag] = counts.get(tag, 0) + 1
    return [{"term": term, "count": count} for term, count in counts.items()]


def _dashboard(call: Any, uid: str) -> dict[str, Any]:
    found: dict[str, Any] | None = call.org["dashboards"].get(uid)
    if found is None:
        raise Wrong(404, "Dashboard not found")
    return found


def read_dashboard(call: Any) -> Any:
    entry = _dashboard(call, call.path["uid"])
    last = entry["versions"][-1]
    folder = call.org["folders"].get(entry["folderUid"], {})
    meta = {
        "folderUid": entry["folderUid"], "folderTitle": folder.get("title", "General"),
        "created": entry["versions"][0]["created"], "updated": last["created"],
        "createdBy": entry["versions"][0]["createdBy"], "updatedBy": last["createdBy"],
        "version": last["version"], "provisioned": entry.get("provisioned", False), "canSave": call.writer,
    }  # fmt: skip
    return {"dashboard": last["data"], "meta": meta}


def save_dashboard(call: Any) -> Any:
    call.need("dashboards:write")
    model, folder = copy.deepcopy(call.body["dashboard"]), call.body.get("folderUid") or ""
    if not model.get("title"):
        raise Wrong(400, "Dashboard title cannot be empty")
    if folder:
        _folder(call, folder)
    uid = model.get("uid") or secrets.token_hex(7)
    entry, overwrite = call.org["dashboards"].get(uid), call.body.get("overwrite")
    if entry is not None and not overwrite and model.get("version") != entry["versions"][-1]["version"]:
        raise Wrong(412, "The dashboard has been changed by someone else", status="version-mismatch")
    if entry is None and len(call.org["dashboards"]) >= QUOTA:
        raise Wrong(403, "dashboard Quota reached")
    if entry is None:
        entry = call.org["dashboards"][uid] = {"id": call.state.number(), "folderUid": folder, "versions": []}
    if entry.get("provisioned"):
        raise Wrong(400, "Cannot save provisioned dashboard")
    entry["folderUid"] = folder
    return _add(call, uid, entry, model, call.body.get("message", ""))


def _add(call: Any, uid: str, entry: Any, model: Any, message: str, restored: int = 0) -> dict[str, Any]:
    number = len(entry["versions"]) + 1
    entry["versions"].append({
        "id": call.state.number(), "uid": uid, "parentVersion": number - 1, "restoredFrom": restored,
        "version": number, "created": now(), "createdBy": call.login, "message": message,
        "data": {**model, "id": entry["id"], "uid": uid, "version": number},
    })  # fmt: skip
    return {"id": entry["id"], "uid": uid, "url": f"/d/{uid}", "status": "success", "version": number}


def delete_dashboard(call: Any) -> Any:
    call.need("dashboards:delete")
    title = _dashboard(call, call.path["uid"])["versions"][-1]["data"]["title"]
    del call.org["dashboards"][call.path["uid"]]
    return {"title": title, "message": f"Dashboard {title} deleted", "id": 0}


def versions(call: Any) -> Any:
    newest = _dashboard(call, call.path["uid"])["versions"][::-1]
    begin, limit = int(call.query.get("start") or 0), int(call.query.get("limit") or 1000)
    found = [{k: v for k, v in one.items() if k != "data"} for one in newest[begin : begin + limit]]
    return {"continueToken": "", "versions": found} if call.newer else found


def version(call: Any) -> Any:
    wanted = int(call.path["version"])
    for one in _dashboard(call, call.path["uid"])["versions"]:
        if one["version"] == wanted:
            return one
    raise Wrong(404, f"Dashboard version {wanted} not found")


def restore(call: Any) -> Any:
    call.need("dashboards:write")
    uid, wanted = call.path["uid"], call.body["version"]
    entry = _dashboard(call, uid)
    old = next((one for one in entry["versions"] if one["version"] == wanted), None)
    if old is None:
        raise Wrong(404, "Dashboard version not found")
    return _add(call, uid, entry, old["data"], f"Restored from version {wanted}", wanted)


def list_snapshots(call: Any) -> Any:
    name = call.query.get("query", "")
    found = [one["about"] for one in call.org["snapshots"].values() if name in ("", one["about"]["name"])]
    return found[: int(call.query.get("limit") or 1000)]


def create_snapshot(call: Any) -> Any:
    call.need("snapshots:create")
    key, expires = secrets.token_urlsafe(16), call.body.get("expires") or 50 * 366 * 86_400
    until = (datetime.now(UTC) + timedelta(seconds=expires)).isoformat()
    about = {"id": call.state.number(), "name": call.body.get("name", ""), "key": key, "external": False}
    about |= {"orgId": call.org["id"], "userId": 1, "externalUrl": "", "expires": until, "created": now()}
    call.org["snapshots"][key] = {"about": about, "dashboard": call.body["dashboard"]}
    return {"key": key, "deleteKey": secrets.token_urlsafe(16), "url": f"http://x/dashboard/snapshot/{key}"}


def read_snapshot(call: Any) -> Any:
    found = call.org["snapshots"].get(call.path["key"])
    if found is None:
        raise Wrong(404, "Dashboard snapshot not found")
    return {"meta": {"isSnapshot": True, **found["about"]}, "dashboard": found["dashboard"]}


def delete_snapshot(call: Any) -> Any:
    call.need("snapshots:delete")
    if call.org["snapshots"].pop(call.path["key"], None) is None:
        raise Wrong(404, "Failed to get dashboard snapshot")
    return {"message": "Snapshot deleted. It might take an hour before it's cleared from any CDN caches."}


ROUTES = (
    ("GET", "/api/folders", list_folders),
    ("POST", "/api/folders", create_folder),
    ("GET", "/api/folders/{uid}", read_folder),
    ("PUT", "/api/folders/{uid}", change_folder),
    ("DELETE", "/api/folders/{uid}", delete_folder),
    ("GET", "/api/folders/{uid}/counts", count_folder),
    ("POST", "/api/folders/{uid}/move", move_folder),
    ("GET", "/api/search", search),
    ("GET", "/api/dashboards/tags", tags),
    ("POST", "/api/dashboards/db", save_dashboard),
    ("GET", "/api/dashboards/uid/{uid}", read_dashboard),
    ("DELETE", "/api/dashboards/uid/{uid}", delete_dashboard),
    ("GET", "/api/dashboards/uid/{uid}/versions", versions),
    ("GET", "/api/dashboards/uid/{uid}/versions/{version}", version),
    ("POST", "/api/dashboards/uid/{uid}/restore", restore),
    ("GET", "/api/dashboard/snapshots", list_snapshots),
    ("POST", "/api/snapshots", create_snapshot),
    ("GET", "/api/snapshots/{key}", read_snapshot),
    ("DELETE", "/api/snapshots/{key}", delete_snapshot),
)
