"""Axe finds no serious fault on any of the plugin's pages, light and dark, wide and on a phone."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import pytest
from minio.commonconfig import ENABLED, Filter
from minio.lifecycleconfig import Expiration, LifecycleConfig, Rule
from minio.versioningconfig import VersioningConfig
from playwright.async_api import Page

from tests.shipped.browser import Place, Site, faults

pytestmark = [pytest.mark.minio, pytest.mark.browser, pytest.mark.timeout(240)]
PAGES = (
    Place("/buckets"),
    Place("/buckets?bucket=docs"),
    Place("/objects?bucket=docs&key=a.txt"),
    Place("/access"),
    Place("/access", "New user"),
    Place("/access?part=users&name=ann"),
    Place("/access?part=groups&name=team"),
    Place("/access?part=policies"),
    Place("/access?part=policies&name=readonly", "Copy…"),
    Place("/access?part=keys", "New key"),
    Place("/server"),
)


def arrange(minio: Any) -> None:
    minio.raw.make_bucket("docs")
    minio.raw.make_bucket("more")
    minio.raw.set_bucket_versioning("docs", VersioningConfig(ENABLED))
    for _ in range(3):
        minio.raw.put_object("docs", "a.txt", io.BytesIO(b"x"), 1, "text/plain")
    expiring = [
        Rule(ENABLED, rule_filter=Filter(prefix=name), rule_id=name, expiration=Expiration(days=9))
        for name in "xy"
    ]
    minio.raw.set_bucket_lifecycle("docs", LifecycleConfig(expiring))
    minio.admin.user_add("ann", "ann-secret")
    minio.admin.attach_policy(["readonly"], user="ann")
    minio.admin.user_add("bob", "bob-secret")
    minio.admin.user_disable("bob")
    minio.admin.group_add("team", ["ann"])


async def test_axe_finds_no_serious_fault(minio: Any, site: Site, page: Page) -> None:
    await asyncio.to_thread(arrange, minio)
    assert page.context.browser is not None
    assert await faults(page.context.browser, site, PAGES) == []
