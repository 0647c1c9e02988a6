"""How the gateway and a remote plugin know each other: files that the operator lays down.

remotes/HOST:PORT/ca.pem     who the server has to be: an authority's certificate, or the server's own
remotes/HOST:PORT/cert.pem   the certificate that the gateway shows there
remotes/HOST:PORT/key.pem    its key
"""

from __future__ import annotations

from pathlib import Path

from gateway.model import RemoteArtifact, TlsFiles

FOLDER = "remotes"
CA, CERTIFICATE, KEY = "ca.pem", "cert.pem", "key.pem"


def remote_tls(home: Path, artifact: RemoteArtifact) -> TlsFiles | None:
    """None for an address without TLS. Without files the system's roots count, and nothing is shown.

    Blocks for three looks at the disk. A certificate without a key is named all the same: the
    connection then fails, and says so.
    """
    if not artifact.identity:
        return None
    folder = (home / FOLDER / artifact.address).resolve()
    shows = (folder / CERTIFICATE).exists() or (folder / KEY).exists()
    return TlsFiles(
        ca=str(folder / CA) if (folder / CA).exists() else "",
        certificate=str(folder / CERTIFICATE) if shows else "",
        key=str(folder / KEY) if shows else "",
        server_name=artifact.identity,
    )
