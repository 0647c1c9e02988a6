"""Signing in to a registry: HTTP Basic, or a token from the service that the registry names.

https://distribution.github.io/distribution/spec/auth/token/
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from urllib.parse import urlencode

from gateway.errors import BadInput
from gateway.model import Login
from gateway.sources.base import SourceUnreadable
from gateway.sources.oci_http import Answer, RegistryHttp, origin

_MAX_TOKEN = 64 * 2**10
_SCHEME = re.compile(r"\s*(basic|bearer)\s+", re.IGNORECASE)
_PARAMETER = re.compile(r'([A-Za-z_]+)\s*=\s*(?:"([^"\\]*)"|([^\s",]+))')
_PLAIN_TOKEN = re.compile(r"[\x21-\x7e]+")


class LoginRefused(BadInput):
    """The registry does not let this gateway in, or not to this image."""

    key, title = "registry-login", "The registry wants a login"


class Authorizer:
    """Answers the challenges of one registry about one repository; ``actions`` as in ``pull,push``."""

    def __init__(
        self, http: RegistryHttp, *, host: str, repository: str, actions: str, login: Login | None
    ) -> None:
        self._http = http
        self._host = host
        self._scope = f"repository:{repository}:{actions}"
        self._login = login
        self.header = ""

    async def answer(self, answer: Answer, asked: str) -> bool:
        """Take up the challenge of a 401; False where there is nothing (more) to say to it.

        Only a challenge of the registry itself is answered: one of a place that it redirects to
        would else be given the login.
        """
        if self.header or origin(answer.url) != origin(asked):
            return False
        scheme, parameters = read_challenge(answer.headers.get("www-authenticate", ""))
        if scheme == "bearer":
            self.header = f"Bearer {await self._token(parameters, asked)}"
        elif scheme == "basic" and self._login:
            self.header = _basic(self._login)
        return bool(self.header)

    def refusal(self, status: int) -> LoginRefused:
        login = f"plugway registry login {self._host} --username USER --password-stdin"
        if self._login is None:
            return LoginRefused(
                f"{self._host} wants a login for this image ({status}), and none is stored.", hint=login
            )
        return LoginRefused(
            f"{self._host} does not accept the login of {self._login.username!r} for this image ({status}).",
            hint=f"Check the image's name and that this user may read it; to sign in anew: {login}",
        )

    async def _token(self, parameters: Mapping[str, str], asked: str) -> str:
        realm = parameters.get("realm", "")
        if asked.startswith("https:") and not realm.startswith("https:"):
            raise SourceUnreadable(f"{self._host} names a token service without TLS, which is not used.")
        query = {"scope": self._scope}
        if service := parameters.get("service"):
            query["service"] = service
        answer = await self._http.send(
            "GET",
            f"{realm}{'&' if '?' in realm else '?'}{urlencode(query)}",
            limit=_MAX_TOKEN,
            authorization=_basic(self._login) if self._login else "",
        )
        if answer.status in (400, 401, 403):
            raise self.refusal(answer.status)
        try:
            document = json.loads(answer.body) if answer.status == 200 else {}
            token = document.get("token") or document.get("access_token")
        except (ValueError, AttributeError):
            token = None
        if not isinstance(token, str) or not _PLAIN_TOKEN.fullmatch(token):
            raise SourceUnreadable(f"The token service of {self._host} gave no token ({answer.status}).")
        return token


def read_challenge(header: str) -> tuple[str, dict[str, str]]:
    """The scheme of a ``WWW-Authenticate`` in lower case, and its parameters; ``""`` for one not known."""
    match = _SCHEME.match(header)
    if not match:
        return "", {}
    found = _PARAMETER.findall(header[match.end() :])
    return match[1].lower(), {name.lower(): quoted or plain for name, quoted, plain in found}


def _basic(login: Login) -> str:
    return f"Basic {base64.b64encode(f'{login.username}:{login.password}'.encode()).decode()}"
