"""The image that `cargo xtask image` makes, judged by crane, a tool of others for images."""

import hashlib
import json
import os
import shutil
import stat
import subprocess
import tarfile

import pytest
from operator_process import free_port

from harness import until

CRANE = os.environ.get("HARI_E2E_CRANE", "crane")


def make(out, *options, binary=None):
    """`cargo xtask image` of the program under test, or of another; what it says."""
    named = os.environ.get("HARI_E2E_XTASK")
    program = [named] if named else ["cargo", "xtask"]
    binary = binary or os.environ["HARI_BIN"]
    command = [*program, "image", "--binary", binary, "--level", "1", "--out", out]
    done = subprocess.run([*command, *options], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stderr


def crane(*arguments):
    done = subprocess.run([CRANE, *map(str, arguments)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    out = tmp_path_factory.mktemp("image") / "hari.tar"
    return out, make(out)


@pytest.fixture(scope="module")
def layout(archive, tmp_path_factory):
    """The archive, unpacked."""
    folder = tmp_path_factory.mktemp("layout")
    with tarfile.open(archive[0]) as packed:
        packed.extractall(folder, filter="data")
    return folder


@pytest.fixture(scope="module")
def root(archive, tmp_path_factory):
    """The files of the image, as crane puts its layers together."""
    folder = tmp_path_factory.mktemp("root")
    files = folder.parent / "files.tar"
    subprocess.run(
        [CRANE, "export", "-", files], stdin=archive[0].open("rb"), check=True, timeout=120
    )
    with tarfile.open(files) as packed:
        packed.extractall(folder, filter="fully_trusted")
    return folder


def test_others_find_the_archive_sound(archive):
    assert "PASS" in crane("validate", "--tarball", archive[0])


def test_the_same_program_gives_the_same_archive(archive, tmp_path):
    make(tmp_path / "again.tar")
    digests = {
        hashlib.sha256(file.read_bytes()).hexdigest() for file in [archive[0], tmp_path / "again.tar"]
    }
    assert len(digests) == 1


def test_a_registry_takes_it_and_names_the_digest_that_was_told(archive, layout):
    address = f"127.0.0.1:{free_port()}"
    registry = subprocess.Popen([CRANE, "registry", "serve", "--address", address])
    try:
        until(lambda: answers(address), "the registry answers")
        name = f"{address}/hari:test"
        crane("push", layout, name)
        assert "PASS" in crane("validate", "--remote", name)
        (digest,) = {line.strip() for line in crane("digest", name).splitlines()}
        index = json.loads((layout / "index.json").read_text())
        assert index["manifests"][0]["digest"] in archive[1]
        assert digest in archive[1] or digest == sha(layout / "index.json")
        config = json.loads(crane("config", name))
    finally:
        registry.kill()
        registry.wait()
    assert config["config"]["User"] == "8888:8888"
    assert config["config"]["Entrypoint"] == ["/usr/bin/hari"]
    assert config["config"]["Labels"]["org.opencontainers.image.licenses"] == "Apache-2.0"


def answers(address):
    return subprocess.run([CRANE, "catalog", address], capture_output=True).returncode == 0


def sha(file):
    return "sha256:" + hashlib.sha256(file.read_bytes()).hexdigest()


def test_it_holds_what_is_needed_and_no_more(root):
    files = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
    programs = {name for name in files if os.access(root / name, os.X_OK)}
    libraries = {name for name in programs if name.startswith("lib")}
    assert programs - libraries == {"usr/bin/hari"}, "no shell, no package manager"
    assert any(name.endswith("/libc.so.6") for name in libraries)
    assert "etc/ssl/certs/ca-certificates.crt" in files
    assert {"usr/share/doc/hari/licences.txt", "usr/share/doc/libc6/copyright"} <= files
    for path in root.rglob("*"):
        mode = path.lstat().st_mode
        assert not mode & (stat.S_ISUID | stat.S_ISGID), path
        assert not mode & stat.S_IWOTH or path == root / "tmp", path


def test_the_bill_of_materials_names_what_is_linked(archive, root):
    bill = json.loads((root / "usr/share/doc/hari/sbom.cdx.json").read_text())
    assert json.loads(archive[0].with_suffix(".cdx.json").read_text()) == bill
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.5")
    parts = {part["name"]: part for part in bill["components"]}
    assert parts["libc6"]["purl"].startswith("pkg:deb/debian/libc6@2.")
    assert parts["tokio"]["purl"].startswith("pkg:cargo/tokio@1.")
    assert parts["tokio"]["licenses"] == [{"expression": "MIT"}]
    assert "proptest" not in parts, "what only tests need is not linked"
    references = [part["bom-ref"] for part in bill["components"]]
    assert len(references) == len(set(references))
    program = hashlib.sha256((root / "usr/bin/hari").read_bytes()).hexdigest()
    assert bill["metadata"]["component"]["hashes"][0]["content"] == program
    licences = (root / "usr/share/doc/hari/licences.txt").read_text()
    assert f"tokio {parts['tokio']['version']}: MIT" in licences


def test_the_program_runs_with_nothing_else_around_it(root):
    root.chmod(0o755)
    chroot = shutil.which("chroot", path="/usr/sbin:/usr/bin:/sbin:/bin")
    # Who is not root becomes so in a namespace, and has one user there.
    enter = [chroot, "--userspec=8888:8888"]
    if os.geteuid() != 0:
        enter = ["unshare", "--user", "--map-root-user", chroot]
    command = [*enter, root, "/usr/bin/hari", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("hari ")
