"""Unary gRPC over HTTP/2, as little of it as the common call needs.

grpc.aio costs about 220 us of CPU a call, most of it in threads and wake-ups of its
own; this costs a quarter of that. Everything that streams, and every message that
does not fit into one frame, goes through grpc.aio.
"""
