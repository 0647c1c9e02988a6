"""What the management API says of bundles."""

from __future__ import annotations

from gateway.api.views import CandidateView, View


class BundleView(View):
    """What a bundle holds, in its order. Give each ``releaseId`` as ``consent`` to install just these."""

    plugins: list[CandidateView]


class InstalledView(View):
    """Ids of the bundle's plugins that are installed now."""

    installed: list[str]
