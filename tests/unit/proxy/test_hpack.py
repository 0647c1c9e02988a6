from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.proxy.wire.hpack import BadBlock, Fields, huffman, literal, read_block


@pytest.mark.parametrize(
    ("coded", "plain"),
    [  # RFC 7541, appendix C.4 and C.6
        ("f1e3c2e5f23a6ba0ab90f4ff", b"www.example.com"),
        ("a8eb10649cbf", b"no-cache"),
        ("25a849e95ba97d7f", b"custom-key"),
        ("25a849e95bb8e8b4bf", b"custom-value"),
        ("6402", b"302"),
        ("aec3771a4b", b"private"),
        ("d07abe941054d444a8200595040b8166e082a62d1bff", b"Mon, 21 Oct 2013 20:13:21 GMT"),
        ("9d29ad171863c78f0b97c8e9ae82ae43d3", b"https://www.example.com"),
    ],
)
def test_huffman_reads_the_examples_of_the_rfc(coded: str, plain: bytes) -> None:
    assert huffman(bytes.fromhex(coded)) == plain


def test_reads_what_grpc_servers_send() -> None:
    assert read_block(b"\x88" + literal(b"content-type", b"application/grpc")) == Fields(status=b"200")
    assert read_block(b"\x20" + literal(b"grpc-status", b"14")) == Fields(grpc_status=b"14")
    assert read_block(b"\x08\x03404") == Fields(status=b"404")


def test_long_strings_have_long_lengths() -> None:
    block = literal(b"x-long", b"a" * 5000) + literal(b"grpc-status", b"0")
    assert read_block(block) == Fields(grpc_status=b"0")


@pytest.mark.parametrize(
    "block", [b"\xbe", b"\x80", b"\x3f\xe1\x1f", b"\x00", b"\x00\x7f", b"\xff" * 8, b"\x00\x01a\x7fxx"]
)
def test_refuses_what_needs_a_dynamic_table_or_is_none(block: bytes) -> None:
    with pytest.raises(BadBlock):
        read_block(block)


@given(st.binary(max_size=200))
def test_any_bytes_are_fields_or_a_bad_block(block: bytes) -> None:
    try:
        read_block(block)
    except BadBlock:
        return


@given(
    st.lists(
        st.tuples(
            st.binary(min_size=1, max_size=300).filter(lambda n: n != b"grpc-status"), st.binary(max_size=300)
        ),
        max_size=5,
    ),
    st.integers(0, 16),
)
def test_finds_the_status_among_other_fields(others: list[tuple[bytes, bytes]], status: int) -> None:
    block = b"".join(literal(*pair) for pair in others) + literal(b"grpc-status", str(status).encode())
    assert read_block(block).grpc_status == str(status).encode()
