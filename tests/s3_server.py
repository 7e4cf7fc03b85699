"""A real S3-compatible server on 127.0.0.1."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

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
