"""A public key in a document that an operator writes: one line of text."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from gateway.trust.keys import BadKey, PublicKey, parse_public


def _public_key(value: Any) -> PublicKey:
    if isinstance(value, PublicKey):
        return value
    if not isinstance(value, str):
        raise ValueError("must be text: 'ed25519:' and base64")  # noqa: TRY004 pydantic's way
    try:
        return parse_public(value)
    except BadKey as error:
        raise ValueError(error.detail) from None


KeyLine = Annotated[PublicKey, BeforeValidator(_public_key), WithJsonSchema({"type": "string"})]
"""Written as :attr:`PublicKey.line`; pydantic tells of one that does not hold."""
