"""Which pages there are, and what each is made from."""

from __future__ import annotations

from pathlib import Path

from scripts.reference.commands import commands_page
from scripts.reference.messages import messages_page
from scripts.reference.models import model_page
from scripts.reference.problems import problems_page

TARGET = Path(__file__).resolve().parents[2] / "docs" / "reference"


def pages() -> dict[str, str]:
    """File name to text."""
    from gateway.catalogue.index import IndexForm
    from gateway.catalogue.subscriptions import CatalogueFile
    from gateway.definition import PluginDefinition
    from gateway.sources.manifest_file import ManifestFile
    from gateway.trust.policy import Policy
    from gateway.trust.statement import ReleaseLock

    made = {
        "contract.md": messages_page(),
        "plugway-toml.md": model_page(
            "plugway.toml",
            "What a plugin's directory says of itself. An image says the same in JSON, in its label "
            "`io.plugway.manifest`. An unknown field is refused.",
            ManifestFile,
        ),
        "definition.md": model_page(
            "Plugin definitions",
            "The JSON document that installs a plugin: `plugway install FILE`, or `POST /api/v1/plugins`. "
            "[Where plugins come from](../sources.md) shows which fields each source takes.",
            PluginDefinition,
        ),
        "policy-toml.md": model_page(
            "policy.toml",
            "Whose releases may run, in `PLUGWAY_HOME`. [Trust](../trust.md) says what follows from it.",
            Policy,
        ),
        "release-lock.md": model_page(
            "The release lock",
            "What `plugway sign` signs beside the digests: the predicate `urn:plugway:release-lock:v1` of an "
            "in-toto Statement v1 ([trust](../trust.md)).",
            ReleaseLock,
        ),
        "catalogue-index.md": model_page(
            "The index of a catalogue",
            "The payload of `index.json`, as `plugway catalogue make` writes and signs it "
            "([catalogues](../catalogue.md)).",
            IndexForm,
        ),
        "catalogues-toml.md": model_page(
            "catalogues.toml",
            "Which catalogues a gateway reads, in `PLUGWAY_HOME` ([catalogues](../catalogue.md)).",
            CatalogueFile,
        ),
        "problems.md": problems_page(),
        "commands.md": commands_page(),
    }
    return {"README.md": _contents(made), **made}


def _contents(made: dict[str, str]) -> str:
    lines = [
        "# Reference\n",
        "Made from the code by `make reference`; a test holds the two together. Guides say how things are "
        "used: see the [README](../../README.md).\n",
    ]
    for name, text in made.items():
        title = text.splitlines()[0].removeprefix("# ")
        lines.append(f"- [{title}]({name})")
    lines.append("- [Settings of the gateway](../settings.md)")
    lines.append("- The management API: `/openapi.json` and `/docs` of a gateway ([openapi](../openapi.md))")
    return "\n".join(lines) + "\n"
