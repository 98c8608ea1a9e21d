//! `cargo xtask cluster`: a Kubernetes of one node on this machine, or its control plane alone, for
//! tests and for trying things.

#![expect(
    clippy::print_stdout,
    reason = "what was made and how it is, is the output of a task"
)]
#![expect(clippy::print_stderr, reason = "what takes a while says so")]

mod authority;
mod control_plane;
mod node;
mod process;
mod programs;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use clap::{Subcommand, ValueEnum};
use serde_json::json;

use crate::venv::cache_dir;
use authority::Authority;
use control_plane::{ControlPlane, Place};
use node::Node;

/// A Kubernetes on this machine (needs Linux; for a node: root).
#[derive(clap::Args)]
pub(crate) struct Args {
    /// What the cluster is called; several may run
    #[arg(long, global = true, default_value = "hari")]
    name: String,
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Start it, or what of it does not run.
    Up {
        /// How much of it
        #[arg(long, value_enum, default_value_t = Tier::Node)]
        tier: Tier,
        /// Print where it is as JSON
        #[arg(long)]
        json: bool,
    },
    /// End it, and leave nothing of it.
    Down,
    /// Each part and whether it is well.
    Status,
    /// Bring images onto the node.
    LoadImage {
        /// OCI archives, as `cargo xtask image` writes them
        #[arg(required = true, value_name = "ARCHIVE")]
        archives: Vec<PathBuf>,
    },
    /// Bring a program that links to nothing onto the node, as an image.
    LoadProgram {
        #[arg(value_name = "FILE")]
        program: PathBuf,
        /// What the image is called
        #[arg(long, value_name = "NAME")]
        image: String,
    },
    /// Print the path of its kubeconfig.
    Kubeconfig,
}

#[derive(Clone, Copy, ValueEnum)]
enum Tier {
    /// etcd, API server, controller manager: pods do not run
    ControlPlane,
    /// A node too, with containers
    Node,
}

/// Runs the task.
pub(crate) fn run(args: &Args) -> Result<()> {
    let cluster = Cluster::named(&args.name)?;
    match &args.task {
        Task::Up { tier, json } => cluster.up(*tier, *json),
        Task::Down => cluster.down(),
        Task::Status => cluster.status(),
        Task::LoadImage { archives } => cluster.load(archives),
        Task::LoadProgram { program, image } => cluster.load_program(program, image),
        Task::Kubeconfig => {
            ensure!(
                cluster.folder.exists(),
                "the cluster {} is not up",
                cluster.name
            );
            println!("{}", cluster.kubeconfig().display());
            Ok(())
        }
    }
}

/// What tests start clusters with: this program, once all that it needs is built.
pub(crate) fn tool() -> Result<PathBuf> {
    programs::etcd()?;
    programs::kubernetes()?;
    programs::coredns()?;
    std::env::current_exe().context("looking for the path of this program")
}

/// A cluster and the folder of its state.
struct Cluster {
    name: String,
    folder: PathBuf,
}

impl Cluster {
    fn named(name: &str) -> Result<Self> {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        ensure!(
            !name.is_empty() && name.len() <= 40 && name.chars().all(fits),
            "a cluster is called by up to 40 small letters, digits and hyphens, not {name:?}"
        );
        Ok(Self {
            name: name.to_owned(),
            folder: cache_dir()?.join("clusters").join(name),
        })
    }

    fn kubeconfig(&self) -> PathBuf {
        self.folder.join("admin.kubeconfig")
    }

    fn node_folder(&self) -> PathBuf {
        self.folder.join("node")
    }

    fn up(&self, tier: Tier, json: bool) -> Result<()> {
        if matches!(tier, Tier::Node) {
            node::check()?;
        }
        let (etcd, kubernetes) = (programs::etcd()?, programs::kubernetes()?);
        let coredns = match tier {
            Tier::Node => Some(programs::coredns()?),
            Tier::ControlPlane => None,
        };
        let start = Instant::now();
        let node = coredns
            .is_some()
            .then(|| Node::prepare(&self.node_folder(), &self.name));
        let node = node.transpose()?;
        let place = node.as_ref().map_or_else(Place::alone, Node::place);
        let plane = ControlPlane::prepare(&self.folder, place)?;
        plane.start(&etcd, &kubernetes)?;
        if let (Some(node), Some(coredns)) = (node, coredns) {
            self.certify(&node, &plane.server())?;
            let programs = node::Programs::of(&kubernetes, coredns);
            node.start(&programs, || {
                control_plane::kubectl(&self.folder, &kubernetes)
            })?;
        }
        eprintln!(
            "the cluster {} is up after {:.1} s",
            self.name,
            start.elapsed().as_secs_f64()
        );
        self.tell(&kubernetes.join("kubectl"), json);
        Ok(())
    }

    /// Writes the certificates that the node's programs need.
    fn certify(&self, node: &Node, server: &str) -> Result<()> {
        let folder = self.node_folder();
        let authority = Authority::of(&self.folder)?;
        fs::copy(self.folder.join("ca.crt"), folder.join("ca.crt"))
            .context("copying the authority's certificate")?;
        let mut identities = node.identities().into_iter();
        identities.try_for_each(|identity| authority.kubeconfig(&folder, &identity, server))
    }

    fn tell(&self, kubectl: &Path, json: bool) {
        let kubeconfig = self.kubeconfig();
        if json {
            println!(
                "{}",
                json!({ "name": self.name, "kubeconfig": kubeconfig, "kubectl": kubectl })
            );
        } else {
            println!("export KUBECONFIG={}", kubeconfig.display());
            println!("kubectl: {}", kubectl.display());
        }
    }

    fn down(&self) -> Result<()> {
        if !self.folder.exists() {
            eprintln!("the cluster {} is not up", self.name);
            return Ok(());
        }
        if let Some(node) = Node::found(&self.node_folder(), &self.name)? {
            node.stop()?;
        }
        control_plane::stop(&self.folder)?;
        fs::remove_dir_all(&self.folder).context("removing the folder of the cluster")
    }

    /// Fails if a part is not well.
    fn status(&self) -> Result<()> {
        ensure!(self.folder.exists(), "the cluster {} is not up", self.name);
        let mut ill = 0;
        let mut tell = |name: &str, is_well: bool, log: PathBuf| {
            ill += usize::from(!is_well);
            println!(
                "{name:25} {:5} {}",
                if is_well { "well" } else { "ill" },
                log.display()
            );
        };
        let ready = self.kubectl(&["get", "--raw", "/readyz"])?.is_some();
        for name in control_plane::PARTS {
            let runs = process::found(&self.folder, name).is_some();
            let is_well = runs && (ready || name == "etcd");
            tell(name, is_well, process::log(&self.folder, name));
        }
        if let Some(node) = Node::found(&self.node_folder(), &self.name)? {
            for part in node.status() {
                tell(part.name, part.is_well, part.log);
            }
        }
        if let Some(nodes) = self.kubectl(&["get", "nodes,pods", "-A", "-o", "wide"])? {
            print!("\n{nodes}");
        }
        ensure!(ill == 0, "{ill} parts are ill");
        Ok(())
    }

    /// What kubectl prints, if it can.
    fn kubectl(&self, arguments: &[&str]) -> Result<Option<String>> {
        let mut command: Command = control_plane::kubectl(&self.folder, &programs::kubernetes()?);
        command.args(["--request-timeout=5s"]).args(arguments);
        Ok(process::output(&mut command).ok())
    }

    fn load(&self, archives: &[PathBuf]) -> Result<()> {
        print!("{}", self.node()?.load(archives)?);
        Ok(())
    }

    fn load_program(&self, program: &Path, image: &str) -> Result<()> {
        print!("{}", self.node()?.load_program(program, image)?);
        Ok(())
    }

    fn node(&self) -> Result<Node> {
        let node = Node::found(&self.node_folder(), &self.name)?;
        node.with_context(|| format!("the cluster {} has no node", self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_fit_for_a_folder_and_a_control_group() {
        assert_eq!(Cluster::named("test-1").unwrap().name, "test-1");
        for name in ["", "..", "a/b", "A", "a b", &"a".repeat(41)] {
            assert!(Cluster::named(name).is_err(), "{name}");
        }
    }
}
