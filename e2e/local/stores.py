"""Real servers of the stores that models are fetched from, and a network between that is bad."""

import base64
import http.server
import json
import os
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import harness

# What must be seen nowhere: every secret that a test hands out holds it.
SECRET = "hunter2swordfish"

START_SECONDS = 30


def tool(name):
    """A server that `cargo xtask e2e` built; its path is in the environment."""
    path = os.environ.get(f"HARI_E2E_{name}")
    assert path, f"HARI_E2E_{name} is not set: run the tests with `cargo xtask e2e`"
    return path


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(url):
    """Whether a server answers at all."""
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


class Process:
    """A server as a child process, on a free port of 127.0.0.1."""

    def __init__(self, health, line, env=None):
        self.folder = tempfile.TemporaryDirectory(prefix="hari-store-")
        self.port = free_port()
        self.host = f"127.0.0.1:{self.port}"
        self.url = f"http://{self.host}"
        self.log = Path(self.folder.name) / "log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                line(self.port, self.folder.name),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})},
            )
        harness.until(lambda: self._up(health), f"{line} answers", START_SECONDS)

    def _up(self, health):
        assert self.process.poll() is None, self.log.read_text(errors="replace")
        return answers(self.url + health)

    def stop(self):
        self.process.terminate()
        self.process.wait(20)
        self.folder.cleanup()


class Minio(Process):
    """MinIO, with one private bucket `models`."""

    user = "reader"
    password = f"{SECRET}-of-minio"

    def __init__(self):
        super().__init__(
            "/minio/health/live",
            lambda port, data: [
                tool("MINIO"), "server", data, "--address", f"127.0.0.1:{port}", "--quiet",
            ],
            env={
                "MINIO_ROOT_USER": self.user,
                "MINIO_ROOT_PASSWORD": self.password,
                "MINIO_BROWSER": "off",
            },
        )
        import minio

        self.client = minio.Minio(self.host, self.user, self.password, secure=False)
        harness.until(self._bucket, "the bucket is made", START_SECONDS)

    def _bucket(self):
        try:
            self.client.make_bucket("models")
            return True
        except Exception:  # The drive is not online yet: asked again until the time is up.
            return False

    def put(self, key, content):
        """Puts an object in one piece, so that its ETag is its MD5."""
        path = Path(content) if isinstance(content, Path) else None
        url = self.client.presigned_put_object("models", key)
        size = path.stat().st_size if path else len(content)
        body = open(path, "rb") if path else content
        request = urllib.request.Request(url, data=body, method="PUT")
        request.add_header("Content-Length", str(size))
        with urllib.request.urlopen(request) as reply:
            assert reply.status == 200

    def env(self, endpoint=None):
        return {
            "AWS_ACCESS_KEY_ID": self.user,
            "AWS_SECRET_ACCESS_KEY": self.password,
            "AWS_ENDPOINT_URL": endpoint or self.url,
        }


class Google(Process):
    """fake-gcs-server, with one bucket `models`."""

    def __init__(self):
        super().__init__(
            "/storage/v1/b",
            lambda port, _: [
                tool("FAKE_GCS"), "-backend", "memory", "-scheme", "http",
                "-host", "127.0.0.1", "-port", str(port),
                "-public-host", f"127.0.0.1:{port}", "-log-level", "error",
            ],
        )
        reply = harness.http(f"{self.url}/storage/v1/b?project=p", {"name": "models"})
        assert reply.status == 200, reply.body

    def put(self, key, content):
        name = urllib.parse.quote(key, safe="")
        url = f"{self.url}/upload/storage/v1/b/models/o?uploadType=media&name={name}"
        headers = {"Content-Type": "application/octet-stream"}
        reply = harness.http(url, content, headers, "POST")
        assert reply.status == 200, reply.body


class Azure(Process):
    """Azurite's blob service, with one private container `models`."""

    account = "haritest"
    key = base64.b64encode(f"{SECRET} of azure".encode()).decode()

    def __init__(self):
        super().__init__(
            "/",
            lambda port, data: [
                *tool("AZURITE").split("\n"), "--blobHost", "127.0.0.1", "--blobPort", str(port),
                "--location", data, "--silent", "--skipApiVersionCheck", "--disableTelemetry",
            ],
            env={"AZURITE_ACCOUNTS": f"{self.account}:{self.key}"},
        )
        from azure.storage.blob import BlobServiceClient

        self.endpoint = f"{self.url}/{self.account}"
        service = BlobServiceClient(self.endpoint, credential=self.key)
        self.container = service.create_container("models")

    def put(self, key, content):
        self.container.upload_blob(key, content)

    def signature(self):
        """A shared access signature that may read and list the container."""
        from datetime import datetime, timedelta, timezone

        from azure.storage.blob import ContainerSasPermissions, generate_container_sas

        return generate_container_sas(
            self.account,
            "models",
            account_key=self.key,
            permission=ContainerSasPermissions(read=True, list=True),
            expiry=datetime.now(timezone.utc) + timedelta(hours=1),
        )


class Registry(Process):
    """The registry of go-containerregistry."""

    def __init__(self):
        super().__init__(
            "/v2/",
            lambda port, _: [tool("CRANE"), "registry", "serve", "--address", f"127.0.0.1:{port}"],
        )

    def blob(self, content):
        import hashlib

        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        url = f"{self.url}/v2/models/mnist/blobs/uploads/?digest={digest}"
        reply = harness.http(url, content, {"Content-Type": "application/octet-stream"}, "POST")
        assert reply.status == 201, reply.body
        return digest

    def artifact(self, tag, files):
        """Pushes files with names, as ORAS does; returns the manifest's digest."""
        layers = [
            {
                "mediaType": "application/octet-stream",
                "digest": self.blob(content),
                "size": len(content),
                "annotations": {"org.opencontainers.image.title": name},
            }
            for name, content in files.items()
        ]
        kind = "application/vnd.oci.image.manifest.v1+json"
        config = {
            "mediaType": "application/vnd.oci.empty.v1+json",
            "digest": self.blob(b"{}"),
            "size": 2,
        }
        manifest = {"schemaVersion": 2, "mediaType": kind, "config": config, "layers": layers}
        body = json.dumps(manifest).encode()
        url = f"{self.url}/v2/models/mnist/manifests/{tag}"
        reply = harness.http(url, body, {"Content-Type": kind}, "PUT")
        assert reply.status == 201, reply.body
        return reply.headers["Docker-Content-Digest"]

    def image(self, tag, layer):
        """Pushes an image whose only layer is this tar."""
        target = f"{self.host}/models/mnist:{tag}"
        line = [tool("CRANE"), "append", "--insecure", "-f", str(layer), "-t", target]
        subprocess.run(line, check=True, capture_output=True, timeout=60)


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers with what the server's `answer` gives: status, headers, body."""

    protocol_version = "HTTP/1.1"

    def _any(self):
        length = int(self.headers.get("Content-Length") or 0)
        status, headers, body = self.server.answer(self, self.rfile.read(length))
        # A forwarder's headers, less those of the connection; HEAD keeps the length of what it is of.
        own = ("transfer-encoding", "connection", "date", "server")
        headers = {name: value for name, value in headers.items() if name.lower() not in own}
        headers.setdefault("Content-Length", str(len(body)))
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_POST = do_HEAD = _any

    def log_message(self, *_):
        pass


class Web:
    """A small HTTP server in this process."""

    def __init__(self, answer):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.answer = answer
        self.url = "http://127.0.0.1:%d" % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Network:
    """A TCP proxy that cuts, stalls and corrupts, each as often as it is told."""

    def __init__(self, target, cut_after=None, stalls=0, flips=0, pace=None):
        self.target = target
        self.cut_after, self.pace = cut_after, pace
        self.stalls, self.flips = stalls, flips
        self.cuts = self.stalled = self.flipped = self.bytes = 0
        self.lock = threading.Lock()
        self.open = True
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = "http://127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self):
        self.open = False
        self.listener.close()

    def _accept(self):
        while self.open:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        try:
            with client, socket.create_connection(self.target) as server:
                up = threading.Thread(target=self._copy, args=(client, server), daemon=True)
                up.start()
                self._spoil(server, client)
                # The other thread is reading: without this, a close would not reach the other end.
                for end in (client, server):
                    end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    @staticmethod
    def _copy(source, target):
        try:
            while piece := source.recv(65536):
                target.sendall(piece)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def _spoil(self, server, client):
        """From the store to Hari, where the harm is done: beyond the first 64 KiB, so in a body."""
        here = 0
        while piece := server.recv(262144):
            here += len(piece)
            with self.lock:
                self.bytes += len(piece)
                body = here > (1 << 16) + len(piece)
                flip = body and self.flipped < self.flips and self.bytes > self._next(self.flipped)
                self.flipped += flip
                stall = body and self.stalled < self.stalls
                self.stalled += stall
            if flip:
                piece = bytes([piece[0] ^ 1]) + piece[1:]
            if stall:
                # Until Hari has had enough and goes away.
                self._gone(client)
                return
            if self.pace:
                time.sleep(len(piece) / self.pace)
            client.sendall(piece)
            if self.cut_after and here > self.cut_after:
                with self.lock:
                    self.cuts += 1
                return

    @staticmethod
    def _next(flipped):
        return (flipped + 1) << 23

    def _gone(self, client):
        client.settimeout(60)
        try:
            client.recv(1)
        except OSError:
            pass
