"""The plugin definition: the document that installs a plugin."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, StrictBool, StringConstraints, ValidationError, field_validator
from pydantic.alias_generators import to_camel

from gateway.errors import BadInput
from gateway.model import DIGEST, PLUGIN_ID, Source, UiType

Identifier = Annotated[str, StringConstraints(pattern=f"^{PLUGIN_ID.pattern}$", max_length=63)]
Text = Annotated[str, StringConstraints(max_length=2048)]
# An envelope lists every file of a release.
Envelope = Annotated[str, StringConstraints(max_length=512 * 1024)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True, frozen=True)


class UiConfig(_Strict):
    """Where the UI of an external plugin comes from."""

    component_url: Text = ""
    package_url: Text = ""
    package_name: Text = ""
    version: Text = ""
    remote_component: Text = ""
    component_endpoint: Text = ""


class PluginDefinition(_Strict):
    """Fields as DESIGN names them; unknown ones are refused.

    ``verified`` is the gateway's own finding, hence refused as input.
    """

    id: Identifier
    name: Text = ""
    version: Text = ""
    source: Source = Source.BUILT_IN
    source_url: Text = ""
    download_url: Text = ""
    checksum: Text = ""
    signature: Envelope = ""
    signer: Text = ""
    lock_version: StrictBool = False
    ui_type: UiType | None = None
    ui_config: UiConfig | None = None
    api_base_url: Text = ""

    @field_validator("checksum")
    @classmethod
    def _checksum_is_sha256(cls, value: str) -> str:
        if value and not DIGEST.fullmatch(value):
            raise ValueError("must be 'sha256:' and 64 hexadecimal digits")
        return value


def parse_definition(document: Any) -> PluginDefinition:
    """Read a definition; raises :class:`BadInput` with one reason for each field."""
    if not isinstance(document, dict):
        raise BadInput("A plugin definition is a JSON object.", hint='The least is {"id": "notes"}.')
    if "verified" in document:
        raise BadInput(
            "'verified' is what the gateway finds out, not what a definition may claim.",
            fields={"/verified": "not accepted as input"},
            hint="Remove the field and install again.",
        )
    if document.get("source") == "external":
        document = {**document, "source": _source_of_url(str(document.get("sourceUrl", "")))}
    try:
        return PluginDefinition.model_validate(document)
    except ValidationError as error:
        fields = {
            "/" + "/".join(str(part) for part in issue["loc"]): _plain(issue) for issue in error.errors()
        }
        raise BadInput("The plugin definition does not hold.", fields=fields) from None


def _source_of_url(url: str) -> str:
    for prefix, source in (
        ("oci://", Source.OCI),
        ("npm:", Source.NPM),
        ("grpc", Source.REMOTE),
        ("unix:", Source.REMOTE),
    ):
        if url.startswith(prefix):
            return source.value
    if url.startswith(("https://", "http://")):
        return Source.CDN.value
    raise BadInput(
        "'external' needs a sourceUrl that shows which source it is.",
        fields={"/sourceUrl": "start it with oci://, npm:, https://, grpc:// or unix:"},
    )


def _plain(issue: Any) -> str:
    kind = issue["type"]
    if kind == "extra_forbidden":
        return "unknown field"
    if kind == "string_pattern_mismatch":
        return "must be lower-case letters, digits and '-', starting with a letter, 2 to 63 long"
    return str(issue["msg"])
