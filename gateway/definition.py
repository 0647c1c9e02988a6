"""The plugin definition: the document that installs a plugin."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StringConstraints,
    ValidationError,
    field_validator,
)
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

    component_url: Text = Field(default="", description="One ES module; `{version}` stands for the version.")
    package_url: Text = Field(default="", description="An archive (tgz, tar, zip) that holds the page.")
    package_name: Text = Field(default="", description="An npm package, such as `@acme/panel`.")
    version: Text = Field(default="", description="Of the npm package: a version, a range or a tag.")
    remote_component: Text = Field(
        default="",
        description="The name under which the module exports a React component; the default export if empty.",
    )
    component_endpoint: Text = Field(
        default="", description="Where a plain HTTP server keeps the module of its page."
    )


class PluginDefinition(_Strict):
    """Fields as DESIGN names them; unknown ones are refused.

    ``verified`` is the gateway's own finding, hence refused as input.
    """

    id: Identifier = Field(description="The plugin's id, which is in the paths of its calls.")
    name: Text = Field(default="", description="Its name for people; what the release says if empty.")
    version: Text = Field(default="", description="The version; the newest that the source has if empty.")
    source: Source = Field(
        default=Source.BUILT_IN, description="Where it comes from; `external` is read from `sourceUrl`."
    )
    source_url: Text = Field(
        default="",
        description="Of `oci` the image (`oci://`), of `remote` the endpoint (`grpc://`, `grpcs://`, `unix://`).",
    )
    download_url: Text = Field(default="", description="Of `cdn`: one module or one archive.")
    checksum: Text = Field(
        default="", description="`sha256:` and 64 digits: the digest of the file that is fetched."
    )
    signature: Envelope = Field(
        default="", description="The envelope of `plugway sign`: its JSON, that in base64, or its URL."
    )
    signer: Text = Field(
        default="", description="Who says to have signed, for people; the policy decides whose keys count."
    )
    lock_version: StrictBool = Field(
        default=False, description="Keep it at this version, as `plugway pin` does."
    )
    ui_type: UiType | None = Field(
        default=None, description="What its page's module exports; the release says it if empty."
    )
    ui_config: UiConfig | None = Field(
        default=None, description="Where the page of an external plugin comes from."
    )
    api_base_url: Text = Field(
        default="", description="Of `remote`: a plain HTTP server whose API the plugin is."
    )

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
