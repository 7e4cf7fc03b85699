"""A real S3-compatible server on 127.0.0.1."""

from __future__ import annotations

import logging
import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

SECRET = "aSecretThatMustNotBeShown"


@dataclass(frozen=True)
class Bucket:
    """A bucket of its own, with every version of every object kept."""

    client: Any
    name: str
    env: dict[str, str]

    @property
    def url(self) -> str:
        return f"s3://{self.name}/yolow"

    def object_names(self) -> list[str]:
        """Below the prefix, sorted."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name)
        found = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
        return sorted(key.removeprefix("yolow/") for key in found)

    def read(self, key: str) -> bytes:
        content: bytes = self.client.get_object(Bucket=self.name, Key=f"yolow/{key}")["Body"].read()
        return content

    def write(self, key: str, content: bytes) -> None:
        self.client.put_object(Bucket=self.name, Key=f"yolow/{key}", Body=content)

    def delete(self, key: str) -> None:
        self.client.delete_object(Bucket=self.name, Key=f"yolow/{key}")

    def writes(self) -> dict[str, int]:
        """How often each object was written."""
        pages = self.client.get_paginator("list_object_versions").paginate(Bucket=self.name)
        counts: dict[str, int] = {}
        for page in pages:
            for entry in page.get("Versions", []):
                counts[entry["Key"]] = counts.get(entry["Key"], 0) + 1
        return counts


@contextmanager
def s3_server() -> Iterator[str]:
    """The server's address."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def new_bucket(address: str) -> Bucket:
    """An empty bucket, and the environment in which a process finds it."""
    import boto3

    client = boto3.client(
        "s3",
        endpoint_url=address,
        region_name="us-east-1",
        aws_access_key_id="key",
        aws_secret_access_key=SECRET,
    )
    name = f"models-{uuid.uuid4().hex[:12]}"
    client.create_bucket(Bucket=name)
    client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    env = {
        "AWS_ENDPOINT_URL": address,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    return Bucket(client, name, env)


@contextmanager
def hanging_line(address: str, most_bytes: int) -> Iterator[tuple[str, threading.Event]]:
    """A way to a server that hangs when more bytes are sent than `most_bytes`: its address, and whether it hangs."""
    hangs, is_over, lock = threading.Event(), threading.Event(), threading.Lock()
    left = most_bytes

    def may_pass(size_bytes: int) -> bool:
        nonlocal left
        with lock:
            left -= size_bytes
            return left >= 0

    def pump(source: socket.socket, sink: socket.socket, *, is_counted: bool) -> None:
        with suppress(OSError):
            while chunk := source.recv(1 << 16):
                if is_counted and not may_pass(len(chunk)):
                    hangs.set()
                    is_over.wait()
                    break
                sink.sendall(chunk)
        for one in (source, sink):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def serve() -> None:
        with suppress(OSError):
            while True:
                client, _ = entrance.accept()
                parts = urlsplit(address)
                server = socket.create_connection((str(parts.hostname), int(parts.port or 80)))
                for source, sink in ((client, server), (server, client)):
                    pumped = {"is_counted": source is client}
                    threading.Thread(target=pump, args=(source, sink), kwargs=pumped, daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as entrance:
        threading.Thread(target=serve, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{entrance.getsockname()[1]}", hangs
        finally:
            is_over.set()
            entrance.shutdown(socket.SHUT_RDWR)
