//! Where deployments come from: files, folders of files, or a bare model.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use hari_api::{Document, Issue, KIND};
use hari_artifacts::FetchOptions;
use hari_engine::UnitPorts;
use hari_error::{Error, Result};
use hari_plan::bound::{BoundDeployment, Placement};
use hari_plan::rule::UNKNOWN_PREDICTOR;
use hari_plan::{NodePlan, PlacementPolicy, Plan};

use crate::bare;

/// One file of deployments, or one bare model.
#[derive(Clone, Debug)]
pub struct Source {
    /// What the user named it.
    pub name: String,
    /// The file to read again on a change; none for a bare model.
    pub file: Option<PathBuf>,
    /// Folder that relative paths inside are relative to.
    pub base: PathBuf,
    /// What was read.
    pub documents: Vec<Document>,
}

impl Source {
    /// Reads a YAML or JSON file of deployments.
    ///
    /// # Errors
    /// `NotFound` if it cannot be read. What is wrong inside is said by [`plan`].
    pub fn file(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let text = fs::read_to_string(path)
            .map_err(|error| Error::not_found(format!("cannot read {name}")).with_source(error))?;
        Ok(Self {
            documents: hari_api::read_documents(&text, &name),
            file: Some(path.to_owned()),
            base: path.parent().map(Path::to_owned).unwrap_or_default(),
            name,
        })
    }
}

/// Every source that `inputs` name: files, folders of YAML and JSON files, models. A model that lies
/// elsewhere is fetched as `options` say, to see what it is.
///
/// # Errors
/// The first input that is none of these.
pub async fn gather(inputs: &[String], options: &FetchOptions) -> Result<Vec<Source>> {
    let mut sources = Vec::new();
    for input in inputs {
        let path = Path::new(input);
        if is_manifest(path) {
            sources.push(Source::file(path)?);
            continue;
        }
        match folder(path)? {
            files if files.is_empty() => sources.push(bare::source(input, options).await?),
            files => sources.extend(files),
        }
    }
    Ok(sources)
}

/// The files of deployments in a folder, in the order of their names; none of anything else.
///
/// # Errors
/// `NotFound` for a file that cannot be read.
pub fn folder(path: &Path) -> Result<Vec<Source>> {
    manifests(path)
        .iter()
        .map(|file| Source::file(file))
        .collect()
}

fn is_manifest(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    match extension {
        Some("yaml" | "yml") => true,
        // A JSON file may be a model of a tree library.
        Some("json") => names_a_deployment(path),
        _ => false,
    }
}

/// The deployments in a folder, in the order of their names; other files are passed over.
fn manifests(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let is_one = |path: &PathBuf| is_manifest(path) && names_a_deployment(path);
    let mut files: Vec<PathBuf> = paths.filter(is_one).collect();
    files.sort();
    files
}

fn names_a_deployment(path: &Path) -> bool {
    fs::read_to_string(path).is_ok_and(|text| text.contains(KIND))
}

/// Plans and binds everything in `source` for this machine.
///
/// # Errors
/// All issues, if one of them is an error. Warnings come with success, too.
pub fn plan(source: &Source) -> Result<(Vec<BoundDeployment>, Vec<Issue>), Vec<Issue>> {
    let planned = hari_plan::plan(&source.documents);
    let mut issues = planned.issues;
    let mut bound = Vec::new();
    let policy = PlacementPolicy::ThisProcess;
    for deployment in &planned.deployments {
        issues.extend(hari_plan::left_out(deployment, &policy));
        match hari_plan::bind(deployment, &policy) {
            Ok(deployment) => bound.push(deployment),
            Err(more) => issues.extend(more),
        }
    }
    if issues.iter().any(Issue::is_error) {
        Err(issues)
    } else {
        Ok((bound, issues))
    }
}

/// Plans the one deployment in `source` and binds one of its predictors as in its pod: all requests
/// are for it. Ports are those of the whole deployment.
///
/// # Errors
/// All issues, if one of them is an error; `unknown-predictor` if there is none of this name.
pub fn predictor(
    source: &Source,
    name: &str,
) -> Result<(BoundDeployment, Vec<UnitPorts>, Vec<Issue>), Vec<Issue>> {
    let mut planned = hari_plan::plan(&source.documents);
    if planned.has_errors() {
        return Err(planned.issues);
    }
    let Some(plan) = planned.deployments.first_mut() else {
        let issue = Issue::error(UNKNOWN_PREDICTOR, "", "there is no SeldonDeployment");
        return Err(vec![issue]);
    };
    alone(plan, name).map_err(|issue| vec![*issue])?;
    let bound = hari_plan::bind(plan, &PlacementPolicy::Pod)?;
    let units = fused(&bound, plan);
    Ok((bound, units, planned.issues))
}

/// Leaves this predictor of a plan, to answer all requests.
fn alone(plan: &mut Plan, name: &str) -> Result<(), Box<Issue>> {
    let all = plan.predictors.iter().map(|one| &*one.name);
    if !all.clone().any(|one| one == name) {
        let all = all.collect::<Vec<_>>().join(", ");
        let message = "the deployment has no predictor of this name";
        let issue = Issue::error(UNKNOWN_PREDICTOR, "spec.predictors", message);
        let issue = issue.with_value(name).with_hint(format!("it has {all}"));
        return Err(Box::new(plan.locate(issue)));
    }
    plan.predictors.retain(|one| one.name == name);
    for one in &mut plan.predictors {
        (one.traffic, one.shadow) = (100, false);
    }
    Ok(())
}

/// The ports of the units that run in this process. Others have containers that listen there.
fn fused(bound: &BoundDeployment, plan: &Plan) -> Vec<UnitPorts> {
    let mut here = BTreeSet::new();
    for predictor in &bound.predictors {
        let mut nodes = vec![&predictor.graph];
        while let Some(node) = nodes.pop() {
            if !matches!(node.placement, Placement::Remote(_)) {
                here.insert(&*node.name);
            }
            nodes.extend(&node.children);
        }
    }
    let unit = |node: &NodePlan| {
        let address = node.address.as_ref();
        let address = address.filter(|_| here.contains(&*node.name))?;
        Some(UnitPorts {
            node: node.name.clone(),
            http: address.http_port,
            grpc: address.grpc_port,
        })
    };
    plan.nodes().filter_map(unit).collect()
}
