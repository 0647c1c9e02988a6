"""gRPC over HTTP/2 to plugins, as little of it as the calls need that the data plane makes most.

grpc.aio costs about 220 us of CPU a unary call, most of it in threads and wake-ups of its own; this costs
a quarter of that, and 26 KiB less for a stream that waits. Typed methods that stream, and unary calls
that do not fit into one frame go through grpc.aio.
"""
