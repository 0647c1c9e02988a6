"""JSON over HTTP for the gRPC services that a plugin exports with ``google.api.http`` annotations.

Which calls are theirs, and what is in them, is read as Envoy's transcoder reads it; the
few differences are listed in docs/typed.md and in the suite that asks both.
"""
