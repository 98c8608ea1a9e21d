"""Models in buckets and registries: MinIO, fake-gcs-server, Azurite and a registry as they are."""

import contextlib
import hashlib
import io
import json
import os
import signal
import subprocess
import tarfile
import threading
import time
import urllib.parse
import zipfile

import numpy as np
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

import harness
import stores

SAVED_MODEL = harness.MNIST / "model" / "1"


def put_mnist(store, prefix="mnist"):
    """The example as version 2, and a version 1 that is only a name."""
    for path in sorted(path for path in SAVED_MODEL.rglob("*") if path.is_file()):
        store.put(f"{prefix}/2/{path.relative_to(SAVED_MODEL)}", path.read_bytes())
    store.put(f"{prefix}/1/saved_model.pb", b"the version before")
    store.put(f"{prefix}/labels.txt", b"zero\none\n")


def started(kind):
    server = kind()
    put_mnist(server)
    return server


@pytest.fixture(scope="module")
def minio():
    with contextlib.closing(Closing(started(stores.Minio))) as closing:
        evil = io.BytesIO()
        with zipfile.ZipFile(evil, "w") as archive:
            archive.writestr("../../evil", "x")
        closing.server.put("archives/evil.zip", evil.getvalue())
        closing.server.put("archives/good.tar.gz", tar({"mnist/1/saved_model.pb": b"graph"}, "w:gz"))
        yield closing.server


@pytest.fixture(scope="module")
def google():
    with contextlib.closing(Closing(started(stores.Google))) as closing:
        yield closing.server


@pytest.fixture(scope="module")
def azure():
    with contextlib.closing(Closing(started(stores.Azure))) as closing:
        yield closing.server


@pytest.fixture(scope="module")
def registry():
    with contextlib.closing(Closing(stores.Registry())) as closing:
        yield closing.server


class Closing:
    def __init__(self, server):
        self.server = server

    def close(self):
        self.server.stop()


def tar(files, mode="w"):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def fetch(uri, folder, env, *arguments, code=0, timeout=60):
    """`hari fetch` with every log line there is; no secret may be among them."""
    env = {"RUST_LOG": "trace", "HARI_FETCH_TIMEOUT_MS": "2000", **env}
    done = harness.hari("fetch", uri, folder, *arguments, code=code, env=env, timeout=timeout)
    seen = done.stdout + done.stderr
    for name, value in env.items():
        secret = any(word in name for word in ("SECRET", "KEY", "SAS", "CREDENTIALS", "CONNECTION"))
        if secret and "ACCESS_KEY_ID" not in name and not os.path.exists(value):
            assert value not in seen, f"{name} is shown"
    assert stores.SECRET not in seen and stores.Azure.key not in seen
    return done


def files(folder):
    found = (path for path in folder.rglob("*") if path.is_file())
    names = {str(path.relative_to(folder)) for path in found}
    return sorted(names - {".hari-fetched.json"})


assert SAVED_MODEL.is_dir(), SAVED_MODEL

NEWEST = sorted(
    ["labels.txt"]
    + [f"2/{path.relative_to(SAVED_MODEL)}" for path in SAVED_MODEL.rglob("*") if path.is_file()]
)


def check_newest(uri, env, tmp_path):
    fetch(uri, tmp_path / "model", env, "--version", "latest")
    assert files(tmp_path / "model") == NEWEST
    content = (tmp_path / "model/2/saved_model.pb").read_bytes()
    assert content == (SAVED_MODEL / "saved_model.pb").read_bytes()


def words(done):
    """What a command said last, without its log lines."""
    return next(line for line in done.stderr.splitlines() if line.startswith("error: "))


# S3


def test_s3_private_bucket_with_keys(minio, tmp_path):
    check_newest("s3://models/mnist", minio.env(), tmp_path)


def test_s3_remotes_of_rclone(minio, tmp_path):
    env = {
        "RCLONE_CONFIG_MINIO_TYPE": "s3",
        "RCLONE_CONFIG_MINIO_PROVIDER": "minio",
        "RCLONE_CONFIG_MINIO_ENV_AUTH": "false",
        "RCLONE_CONFIG_MINIO_ACCESS_KEY_ID": minio.user,
        "RCLONE_CONFIG_MINIO_SECRET_ACCESS_KEY": minio.password,
        "RCLONE_CONFIG_MINIO_ENDPOINT": minio.url,
    }
    for at, uri in enumerate(["minio:models/mnist", "minio://models/mnist/"]):
        (tmp_path / str(at)).mkdir()
        check_newest(uri, env, tmp_path / str(at))


def test_s3_endpoint_as_service_accounts_give_it(minio, tmp_path):
    env = {**minio.env(), "S3_ENDPOINT": minio.host, "S3_USE_HTTPS": "0"}
    del env["AWS_ENDPOINT_URL"]
    check_newest("s3://models/mnist", env, tmp_path)


def test_s3_session(minio, tmp_path):
    from minio.credentials import AssumeRoleProvider

    provider = AssumeRoleProvider(
        sts_endpoint=minio.url,
        access_key=minio.user,
        secret_key=minio.password,
        duration_seconds=900,
    )
    lent = provider.retrieve()
    env = {
        "AWS_ACCESS_KEY_ID": lent.access_key,
        "AWS_SECRET_ACCESS_KEY": lent.secret_key,
        "AWS_SESSION_TOKEN": lent.session_token,
        "AWS_ENDPOINT_URL": minio.url,
    }
    check_newest("s3://models/mnist", env, tmp_path)
    done = fetch("s3://models/mnist", tmp_path / "x", {**env, "AWS_SESSION_TOKEN": "wrong"}, code=1)
    assert "does not accept the session token" in words(done), words(done)


def test_s3_refusals_say_what_to_do(minio, tmp_path):
    good = minio.env()
    for env, uri, expected in [
        ({**good, "AWS_ACCESS_KEY_ID": "nobody"}, "s3://models/mnist", "does not know the access key"),
        (
            {**good, "AWS_SECRET_ACCESS_KEY": f"{stores.SECRET}-wrong"},
            "s3://models/mnist",
            "the secret does not belong to the key",
        ),
        ({"AWS_ENDPOINT_URL": minio.url}, "s3://models/mnist", "to no credentials"),
        (good, "s3://modles/mnist", "there is no bucket `modles`"),
        (good, "s3://models/mnist/3", "`mnist` holds 1/, 2/, labels.txt"),
        (good, "s3://models/minst", "which holds archives/, mnist/"),
    ]:
        done = fetch(uri, tmp_path / "model", env, code=1)
        assert expected in words(done), words(done)
        assert not (tmp_path / "model").exists()


def test_s3_one_version_or_all(minio, tmp_path):
    fetch("s3://models/mnist", tmp_path / "one", minio.env(), "--version", "1")
    assert files(tmp_path / "one") == ["1/saved_model.pb", "labels.txt"]
    fetch("s3://models/mnist", tmp_path / "all", minio.env())
    assert files(tmp_path / "all") == sorted(["1/saved_model.pb", *NEWEST])
    done = fetch("s3://models/mnist", tmp_path / "none", minio.env(), "--version", "7", code=1)
    assert "no version 7; it has 2, 1" in words(done)


def test_s3_archives(minio, tmp_path):
    fetch("s3://models/archives/good.tar.gz", tmp_path / "good", minio.env())
    assert files(tmp_path / "good") == ["1/saved_model.pb"]
    done = fetch("s3://models/archives/evil.zip", tmp_path / "evil", minio.env(), code=1)
    assert "`..`" in words(done)
    assert not (tmp_path / "evil").exists() and not (tmp_path / "evil.zip").exists()


def test_s3_digest_of_a_folder_as_a_shell_says_it(minio, tmp_path):
    fetch("s3://models/mnist", tmp_path / "model", minio.env(), "--version", "latest")
    shell = "find . -type f ! -name .hari-fetched.json -printf '%P\\n' | LC_ALL=C sort | xargs sha256sum | sha256sum"
    said = subprocess.run(shell, shell=True, cwd=tmp_path / "model", capture_output=True, text=True)
    digest = said.stdout.split()[0]
    uri = f"s3://models/mnist#sha256={digest}"
    fetch(uri, tmp_path / "again", minio.env(), "--version", "latest")
    done = fetch(uri, tmp_path / "other", minio.env(), "--version", "1", code=1)
    assert f"expected {digest}" in words(done)


def test_s3_the_initialiser_runs_again(minio, tmp_path):
    target = tmp_path / "volume"
    target.mkdir()
    minio.put("changing/model.onnx", b"one")
    minio.put("changing/old.txt", b"gone soon")
    fetch("s3://models/changing", target, minio.env())
    assert "already holds" in fetch("s3://models/changing", target, minio.env()).stdout
    minio.put("changing/model.onnx", b"two")
    minio.client.remove_object("models", "changing/old.txt")
    assert "now holds" in fetch("s3://models/changing", target, minio.env()).stdout
    assert files(target) == ["model.onnx"]
    assert (target / "model.onnx").read_bytes() == b"two"


def test_s3_model_is_told_by_what_it_is(minio, tmp_path):
    found = sorted(harness.ROOT.glob("data-plane/runtime/onnx/tests/fixtures/**/*.onnx"))
    assert found, "a fixture of runtime/onnx"
    minio.put("network/1/model.onnx", found[0].read_bytes())
    env = {**minio.env(), "HARI_CACHE_DIR": str(tmp_path)}
    done = harness.hari("inspect", "minio:models/network", "--json", env={
        **env, "RCLONE_CONFIG_MINIO_TYPE": "s3", "RCLONE_CONFIG_MINIO_ENV_AUTH": "true",
    })
    assert "ONNX" in done.stdout
    with harness.Server("s3://models/network", env=env) as server:
        assert "onnx" in server.stdout().lower(), server.stdout()


def test_s3_model_is_served(minio, tmp_path):
    env = {**minio.env(), "HARI_CACHE_DIR": str(tmp_path)}
    with harness.Server("s3://models/mnist", env=env) as server:
        harness.predict_seven(server)
        assert stores.SECRET not in server.stdout() + server.stderr() + server.scrape()
    text = "".join(
        path.read_text(errors="replace") for path in tmp_path.rglob("*.json") if path.is_file()
    )
    assert stores.SECRET not in text


# Google


class Bouncer:
    """Before a store: lets in who has the token. And the token endpoint that gives it."""

    def __init__(self, store, key):
        self.store, self.key = store, key
        self.token = f"{stores.SECRET}-token"
        self.exchanged = 0
        self.web = stores.Web(self._answer)

    def _answer(self, request, body):
        if request.path == "/token":
            return self._exchange(body)
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return 401, {}, b"<Error><Code>AuthenticationRequired</Code></Error>"
        headers = {"Range": request.headers["Range"]} if "Range" in request.headers else {}
        reply = harness.http(self.store.url + request.path, headers=headers, method=request.command)
        return reply.status, dict(reply.headers), reply.body

    def _exchange(self, body):
        import base64

        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding

        assertion = urllib.parse.parse_qs(body.decode())["assertion"][0]
        head, signature = assertion.rsplit(".", 1)
        decode = lambda text: base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        self.key.public_key().verify(
            decode(signature), head.encode(), padding.PKCS1v15(), hashes.SHA256()
        )
        claims = json.loads(decode(head.split(".")[1]))
        assert claims["aud"] == f"{self.web.url}/token" and claims["exp"] > time.time()
        self.exchanged += 1
        reply = {"access_token": self.token, "expires_in": 3600, "token_type": "Bearer"}
        return 200, {"Content-Type": "application/json"}, json.dumps(reply).encode()

    def account(self):
        pem = self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return json.dumps(
            {
                "type": "service_account",
                "client_email": "reader@project.iam.gserviceaccount.com",
                "private_key": pem.decode(),
                "private_key_id": "1",
                "token_uri": f"{self.web.url}/token",
            }
        )


@pytest.fixture(scope="module")
def bouncer(google):
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    bouncer = Bouncer(google, key)
    yield bouncer
    bouncer.web.stop()


def test_gs_anonymous(google, tmp_path):
    check_newest("gs://models/mnist", {"STORAGE_EMULATOR_HOST": google.url}, tmp_path)


def test_gs_service_account(bouncer, tmp_path):
    file = tmp_path / "account.json"
    file.write_text(bouncer.account())
    env = {"STORAGE_EMULATOR_HOST": bouncer.web.url, "GOOGLE_APPLICATION_CREDENTIALS": str(file)}
    before = bouncer.exchanged
    check_newest("gs://models/mnist", env, tmp_path)
    assert bouncer.exchanged == before + 1, "one token for all requests"


def test_gs_remote_of_rclone(bouncer, tmp_path):
    env = {
        "RCLONE_CONFIG_GCS_TYPE": "google cloud storage",
        "RCLONE_CONFIG_GCS_ANONYMOUS": "false",
        "RCLONE_CONFIG_GCS_SERVICE_ACCOUNT_CREDENTIALS": bouncer.account(),
        "RCLONE_CONFIG_GCS_ENDPOINT": f"{bouncer.web.url}/storage/v1/",
    }
    check_newest("gcs:models/mnist", env, tmp_path)


def test_gs_refusals_say_what_to_do(google, bouncer, tmp_path):
    closed = {"STORAGE_EMULATOR_HOST": bouncer.web.url}
    done = fetch("gs://models/mnist", tmp_path / "model", closed, code=1)
    assert "to no credentials" in words(done), words(done)
    assert "GOOGLE_APPLICATION_CREDENTIALS" in words(done)
    open_ = {"STORAGE_EMULATOR_HOST": google.url}
    done = fetch("gs://models/minst", tmp_path / "model", open_, code=1)
    assert "which holds mnist/" in words(done), words(done)
    broken = {**closed, "GOOGLE_APPLICATION_CREDENTIALS": str(tmp_path / "none.json")}
    done = fetch("gs://models/mnist", tmp_path / "model", broken, code=1)
    assert "GOOGLE_APPLICATION_CREDENTIALS" in words(done), words(done)


# Azure


def test_azure_key(azure, tmp_path):
    env = {
        "AZURE_STORAGE_ACCOUNT": azure.account,
        "AZURE_STORAGE_KEY": azure.key,
        "AZURE_STORAGE_ENDPOINT": azure.endpoint,
    }
    check_newest("az://models/mnist", env, tmp_path)
    wrong = {**env, "AZURE_STORAGE_KEY": "d3Jvbmc="}
    done = fetch("az://models/mnist", tmp_path / "x", wrong, code=1)
    assert "AZURE_STORAGE_KEY" in words(done), words(done)
    done = fetch("az://modles/mnist", tmp_path / "x", env, code=1)
    assert "there is no bucket `modles`" in words(done), words(done)
    done = fetch("az://models/minst", tmp_path / "x", env, code=1)
    assert "which holds mnist/" in words(done), words(done)


def test_azure_signature(azure, tmp_path):
    env = {
        "AZURE_STORAGE_ACCOUNT": azure.account,
        "AZURE_STORAGE_SAS_TOKEN": azure.signature(),
        "AZURE_STORAGE_ENDPOINT": azure.endpoint,
    }
    check_newest("azure://models/mnist", env, tmp_path)


def test_azure_connection_string(azure, tmp_path):
    text = f"AccountName={azure.account};AccountKey={azure.key};BlobEndpoint={azure.endpoint};"
    check_newest("abfss://models/mnist", {"AZURE_STORAGE_CONNECTION_STRING": text}, tmp_path)


def test_azure_remote_of_rclone(azure, tmp_path):
    env = {
        "RCLONE_CONFIG_AZUREBLOB_TYPE": "azureblob",
        "RCLONE_CONFIG_AZUREBLOB_ACCOUNT": azure.account,
        "RCLONE_CONFIG_AZUREBLOB_KEY": azure.key,
        "RCLONE_CONFIG_AZUREBLOB_ENDPOINT": azure.endpoint,
    }
    check_newest("azureblob:models/mnist", env, tmp_path)
    (tmp_path / "sas").mkdir()
    url = {
        "RCLONE_CONFIG_BLOBS_TYPE": "azureblob",
        "RCLONE_CONFIG_BLOBS_SAS_URL": f"{azure.endpoint}/models?{azure.signature()}",
    }
    check_newest("blobs:models/mnist", url, tmp_path / "sas")


# Registries


def test_oci_files_with_names(registry, tmp_path):
    digest = registry.artifact("v1", {"model.onnx": b"onnx", "meta/labels.txt": b"0\n"})
    uri = f"oci://{registry.host}/models/mnist"
    fetch(f"{uri}:v1", tmp_path / "tag", {})
    assert files(tmp_path / "tag") == ["meta/labels.txt", "model.onnx"]
    fetch(f"{uri}@{digest}", tmp_path / "digest", {})
    assert files(tmp_path / "digest") == ["meta/labels.txt", "model.onnx"]
    done = fetch(f"{uri}:v9", tmp_path / "none", {}, code=1)
    assert "no `v9`" in words(done), words(done)


def test_oci_image_with_a_models_folder(registry, tmp_path):
    layer = tmp_path / "layer.tar"
    layer.write_bytes(tar({"models/1/saved_model.pb": b"graph", "etc/os-release": b"x"}))
    registry.image("image", layer)
    fetch(f"oci://{registry.host}/models/mnist:image", tmp_path / "model", {})
    assert files(tmp_path / "model") == ["1/saved_model.pb"]


# A bad network


def noise(path, size):
    """A file that no two parts of are alike; returns its SHA-256."""
    source, digest = np.random.default_rng(7), hashlib.sha256()
    with open(path, "wb") as file:
        for _ in range(size >> 24):
            piece = source.bytes(1 << 24)
            digest.update(piece)
            file.write(piece)
    return digest.hexdigest()


def through_a_bad_network(minio, tmp_path, size, **harm):
    digest = noise(tmp_path / "big", size)
    minio.put(f"big-{size}/model.onnx", tmp_path / "big")
    (tmp_path / "big").unlink()
    network = stores.Network(("127.0.0.1", minio.port), **harm)
    begin = time.monotonic()
    try:
        env = {**minio.env(network.url), "RUST_LOG": "info"}
        fetch(f"s3://models/big-{size}", tmp_path / "model", env, timeout=170)
    finally:
        network.stop()
    took = time.monotonic() - begin
    with open(tmp_path / "model" / "model.onnx", "rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == digest
    minio.client.remove_object("models", f"big-{size}/model.onnx")
    print(f"{size >> 20} MiB in {took:.1f} s: {network.cuts} cuts, {network.stalled} stalls, "
          f"{network.flipped} flips, {network.bytes >> 20} MiB sent")
    return network


def test_128_mib_through_a_network_that_cuts_stalls_and_corrupts(minio, tmp_path):
    network = through_a_bad_network(
        minio, tmp_path, 128 << 20, cut_after=5 << 20, stalls=2, flips=1
    )
    assert network.cuts > 10 and network.stalled == 2 and network.flipped == 1
    assert network.bytes > 256 << 20, "what was corrupted is fetched again"


def test_1_gib_through_a_network_that_cuts_stalls_and_corrupts(minio, tmp_path):
    network = through_a_bad_network(
        minio, tmp_path, 1 << 30, cut_after=7 << 20, stalls=4, flips=1
    )
    assert network.cuts > 50 and network.stalled == 4 and network.flipped == 1


def test_a_fetch_that_is_killed_goes_on(minio, tmp_path):
    size = 96 << 20
    digest = noise(tmp_path / "big", size)
    minio.put("killed/model.onnx", tmp_path / "big")
    slow = stores.Network(("127.0.0.1", minio.port), pace=3 << 20)
    line = [harness.binary(), "fetch", "s3://models/killed", tmp_path / "model"]
    process = subprocess.Popen(
        list(map(str, line)),
        env=harness.environment(minio.env(slow.url)),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    journal = tmp_path / ".model.hari-fetch" / "journal"
    pieces = lambda: journal.exists() and len(journal.read_text().splitlines())
    harness.until(lambda: pieces() and pieces() >= 4, "pieces are here", 60)
    process.send_signal(signal.SIGKILL)
    process.wait()
    slow.stop()
    kept = pieces()
    fast = stores.Network(("127.0.0.1", minio.port))
    fetch("s3://models/killed", tmp_path / "model", {**minio.env(fast.url), "RUST_LOG": "info"})
    fast.stop()
    with open(tmp_path / "model" / "model.onnx", "rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == digest
    assert fast.bytes < size - (kept - 1) * (8 << 20) + (1 << 20), (fast.bytes, kept)
    assert not journal.parent.exists()


def test_a_proxy_of_the_environment_is_used(minio, tmp_path):
    asked = []

    def answer(request, _):
        asked.append(request.path)
        url = request.path.replace("http://store.invalid", minio.url)
        reply = harness.http(url, headers=dict(request.headers), method=request.command)
        return reply.status, dict(reply.headers), reply.body

    proxy = stores.Web(answer)
    address = proxy.url.replace("http://", f"http://user:{stores.SECRET}@")
    env = {**minio.env("http://store.invalid"), "HTTP_PROXY": address}
    fetch("s3://models/mnist/1", tmp_path / "model", env)
    proxy.stop()
    assert files(tmp_path / "model") == ["saved_model.pb"]
    assert asked and all(path.startswith("http://store.invalid/models") for path in asked)


def test_two_fetches_into_one_folder(minio, tmp_path):
    slow = stores.Network(("127.0.0.1", minio.port), pace=1 << 20)
    minio.put("pair/model.onnx", os.urandom(4 << 20))
    outcomes = []

    def one():
        env = harness.environment(minio.env(slow.url))
        line = [harness.binary(), "fetch", "s3://models/pair", tmp_path / "model"]
        outcomes.append(subprocess.run(list(map(str, line)), env=env, capture_output=True, text=True))

    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    slow.stop()
    codes = sorted(done.returncode for done in outcomes)
    assert codes == [0, 3], [done.stderr for done in outcomes]
    assert any("another `hari fetch`" in done.stderr for done in outcomes)
    assert files(tmp_path / "model") == ["model.onnx"]
