"""Names of images: what is one, what is not, and that reading never fails in another way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadInput
from gateway.sources.oci_reference import SCHEME, parse_host, parse_reference, tag_of_version

DIGEST = "sha256:" + "ab" * 32


@pytest.mark.parametrize(
    ("url", "host", "repository", "tag", "digest"),
    [
        ("oci://registry.example/notes", "registry.example", "notes", "", ""),
        ("oci://Registry.Example:5000/team/notes:1.0.0", "registry.example:5000", "team/notes", "1.0.0", ""),
        (f"oci://127.0.0.1:5000/a/b__c/d-e.f@{DIGEST}", "127.0.0.1:5000", "a/b__c/d-e.f", "", DIGEST),
        (f"oci://localhost/n:latest@{DIGEST}", "localhost", "n", "latest", DIGEST),
    ],
)
def test_an_images_name_is_taken_apart(url: str, host: str, repository: str, tag: str, digest: str) -> None:
    found = parse_reference(url)
    assert (found.host, found.repository, found.tag, found.digest) == (host, repository, tag, digest)
    assert f"{SCHEME}{found}".lower() == url.lower()


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://registry.example/notes", "must be a URL such as"),
        ("oci://registry.example", "lacks the image's name"),
        ("oci://user:secret@registry.example/notes", "must not hold a user"),
        ("oci://notes/web", "without a dot or a port"),
        ("oci://registry.example:0/notes", "host that is none"),
        ("oci://registry.example:70000/notes", "host that is none"),
        ("oci://-registry.example/notes", "host that is none"),
        ("oci://[::1]:5000/notes", "host that is none"),
        ("oci://registry.example/Notes", "name that is none"),
        ("oci://registry.example/a//b", "name that is none"),
        ("oci://registry.example/../etc", "name that is none"),
        ("oci://registry.example/notes?x=1", "name that is none"),
        ("oci://registry.example/notes:", "tag that is none"),
        ("oci://registry.example/notes:a/b", "tag that is none"),
        ("oci://registry.example/notes@sha256:abc", "'@' that is not followed"),
        (f"oci://registry.example/notes@{DIGEST.upper()}", "'@' that is not followed"),
        (f"oci://registry.example/{'a' * 256}", "name that is none"),
        (f"oci://registry.example/{'a' * 700}", "must be a URL such as"),
        ("oci://registry.example/notes:1.0\n", "tag that is none"),
    ],
)
def test_any_other_form_is_refused_with_a_reason(url: str, why: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_reference(url)
    assert why in caught.value.fields["/sourceUrl"]
    assert "secret" not in f"{caught.value.problem()}"


@given(st.text(max_size=80))
def test_reading_ends_with_a_name_or_a_refusal(text: str) -> None:
    try:
        found = parse_reference(f"{SCHEME}{text}")
    except BadInput:
        return
    assert parse_reference(f"{SCHEME}{found}") == found


def test_a_host_alone_is_read_the_same_way() -> None:
    assert parse_host("Registry.Example:443") == "registry.example:443"
    with pytest.raises(BadInput):
        parse_host("registry.example/notes")


def test_a_version_with_build_metadata_has_a_tag_too() -> None:
    assert tag_of_version("1.0.0+linux.5") == "1.0.0_linux.5"
