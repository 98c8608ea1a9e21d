//! Models in buckets and registries: listed, chosen, fetched in pieces, put together.

#[cfg(test)]
mod tests;

use std::path::Path;

use hari_error::{Error, Result};

use crate::bucket::{Bucket, Listing, Object};
use crate::cache::{Found, Record, Shelf, Validators, find, remove};
use crate::digest::{Sha256, of_tree};
use crate::fault::{Fault, is_changed};
use crate::fetch::{Artifact, blocking};
use crate::local::same_digest;
use crate::oci::{Layer, Registry, assemble};
use crate::options::FetchOptions;
use crate::place::{CONTENT, Placed, settle};
use crate::progress::Step;
use crate::retry::retrying;
use crate::select::{Hub, versions};
use crate::source::Source;
use crate::transfer::{Brought, PART, Stage, bring};
use crate::uri::{BucketUri, ModelUri, Place, Reference};

/// How often a model that changes while it is fetched is begun again.
const ROUNDS: u32 = 3;
/// Most bytes of the file that names a revision.
const MAX_REF: u64 = 4096;

/// What is fetched, and how it becomes a model.
struct Plan {
    source: Source,
    objects: Vec<Object>,
    shape: Shape,
    /// Changes with what is fetched.
    tag: String,
}

#[derive(Clone)]
enum Shape {
    /// The objects lie in the model's folder.
    Folder,
    /// One object, which may be an archive.
    Single,
    /// Layers of an artifact, whose manifest has this digest.
    Layers {
        layers: Vec<Layer>,
        image: bool,
        manifest: Sha256,
    },
}

/// The model in a bucket or registry, through the cache.
pub(crate) async fn fetch(uri: &ModelUri, options: &FetchOptions) -> Result<Artifact> {
    let key = format!("{uri} {:?}", options.versions);
    let (shelf, known) = match find(&options.cache, key, uri.sha256).await? {
        Found::Wanted(artifact) => return Ok(artifact),
        Found::Known(shelf, known) => (shelf, known),
    };
    let mut round = 1;
    loop {
        match update(uri, (&shelf, known.as_ref()), options).await {
            Err(error) if is_changed(&error) && round < ROUNDS => round += 1,
            done => return done,
        }
    }
}

async fn update(
    uri: &ModelUri,
    (shelf, known): (&Shelf, Option<&Record>),
    options: &FetchOptions,
) -> Result<Artifact> {
    let plan = plan(uri, options).await?;
    let tag = Some(&plan.tag);
    if let Some(record) = known.filter(|record| record.validators.etag.as_ref() == tag) {
        return shelf.artifact(record, true);
    }
    let staging = shelf.staging_again()?;
    let staged = carry_out(&plan, uri, &staging, options).await;
    let (placed, digest) = staged.inspect_err(|error| give_up(&staging, error))?;
    let validators = Validators {
        etag: Some(plan.tag),
        last_modified: None,
    };
    let record = shelf.publish(&placed, &digest, validators)?;
    shelf.artifact(&record, false)
}

/// Fetches into `staging` without a cache; what an earlier call left there is used.
pub(crate) async fn fetch_into(
    uri: &ModelUri,
    staging: &Path,
    options: &FetchOptions,
) -> Result<(Placed, Sha256)> {
    let mut round = 1;
    loop {
        let plan = plan(uri, options).await?;
        let staged = carry_out(&plan, uri, staging, options).await;
        match staged.inspect_err(|error| give_up(staging, error)) {
            Err(error) if is_changed(&error) && round < ROUNDS => round += 1,
            done => return done,
        }
    }
}

/// A fetch that was cut short is gone on with; one that cannot end well leaves nothing.
fn give_up(staging: &Path, error: &Error) {
    if goes_on(error) {
        return;
    }
    for name in ["journal", PART, CONTENT, "blobs", "layer"] {
        let path = staging.join(name);
        let removed = if path.is_dir() {
            remove(&path)
        } else {
            std::fs::remove_file(&path)
        };
        drop(removed);
    }
}

/// Whether another call may bring what this one did not.
pub(crate) fn goes_on(error: &Error) -> bool {
    use hari_error::Kind;
    matches!(error.kind(), Kind::Unavailable | Kind::Internal) || is_changed(error)
}

async fn plan(uri: &ModelUri, options: &FetchOptions) -> Result<Plan> {
    let plan = match &uri.place {
        Place::Bucket(bucket) => of_bucket(uri, bucket, options).await?,
        Place::Oci { reference, .. } => of_registry(uri, reference, options).await?,
        Place::Local { .. } | Place::Http(_) => {
            return Err(Error::internal("the model lies in no store"));
        }
    };
    let bytes = plan
        .objects
        .iter()
        .fold(0_u64, |sum, one| sum.saturating_add(one.bytes));
    let limit = options.limits.bytes;
    if bytes > limit {
        return Err(Error::too_large(format!(
            "expected at most {limit} bytes, found {bytes} in {} objects; name the model's own \
             folder",
            plan.objects.len()
        )));
    }
    Ok(plan)
}

async fn of_bucket(uri: &ModelUri, at: &BucketUri, options: &FetchOptions) -> Result<Plan> {
    let what = uri.to_string();
    let (bucket, listing) = list(at, &what, options).await?;
    let Listing { objects, single } = listing;
    let (objects, shape) = match (single, Hub::find(&objects)) {
        (true, _) => (objects, Shape::Single),
        (false, Some(hub)) => {
            let revision = retrying(&what, options, || small(&bucket, &hub.main)).await?;
            (hub.revision(&objects, &revision)?, Shape::Folder)
        }
        (false, None) => (versions(objects, &options.versions)?, Shape::Folder),
    };
    Ok(Plan {
        tag: tag(&objects),
        source: Source::Bucket(bucket),
        objects,
        shape,
    })
}

/// The listing; in the region that the store names, if it is another one.
async fn list(at: &BucketUri, what: &str, options: &FetchOptions) -> Result<(Bucket, Listing)> {
    let bucket = Bucket::open(at, options, None)?;
    let first = match retrying(what, options, || bucket.list()).await {
        Ok(listing) => return Ok((bucket, listing)),
        Err(error) => error,
    };
    let Some(region) =
        Bucket::other_region(&Fault::Final(Error::new(first.kind(), first.message())))
    else {
        return Err(first);
    };
    tracing::debug!(region, "the bucket lies in another region");
    let bucket = Bucket::open(at, options, Some(&region))?;
    let listing = retrying(what, options, || bucket.list()).await?;
    Ok((bucket, listing))
}

/// The text of a small object.
async fn small(bucket: &Bucket, object: &Object) -> Result<String, Fault> {
    use futures_util::TryStreamExt as _;
    if object.bytes > MAX_REF {
        return Err(Fault::Final(Error::too_large(format!(
            "`{}`: expected at most {MAX_REF} bytes",
            object.name
        ))));
    }
    let part = bucket.read(object, None, None).await?;
    let pieces: Vec<_> = part.body.try_collect().await?;
    Ok(String::from_utf8_lossy(&pieces.concat()).into_owned())
}

async fn of_registry(uri: &ModelUri, at: &Reference, options: &FetchOptions) -> Result<Plan> {
    let registry = Registry::open(at, options)?;
    let found = retrying(&uri.to_string(), options, || registry.find()).await?;
    Ok(Plan {
        objects: found.objects()?,
        tag: found.digest.to_string(),
        source: Source::Registry(registry),
        shape: Shape::Layers {
            layers: found.layers,
            image: found.image,
            manifest: found.digest,
        },
    })
}

/// Of the names and versions of what is fetched.
fn tag(objects: &[Object]) -> String {
    let lines = objects
        .iter()
        .map(|object| format!("{} {}\n", object.name, object.tag));
    Sha256::of(lines.collect::<String>().as_bytes()).to_string()
}

/// Fetches what is planned into `staging`, checks it, and makes the model of it there.
async fn carry_out(
    plan: &Plan,
    uri: &ModelUri,
    staging: &Path,
    options: &FetchOptions,
) -> Result<(Placed, Sha256)> {
    let single = matches!(plan.shape, Shape::Single);
    let (folder, objects) = (staging.to_owned(), plan.objects.clone());
    let stage = blocking(move || {
        let stage = Stage::open(&folder, single)?;
        stage.tidy(&objects)?;
        Ok(stage)
    })
    .await?;
    let what = uri.to_string();
    let brought = bring(&plan.source, &plan.objects, &stage, &what, options).await?;
    let digest = digest(plan, &brought);
    if let Some(expected) = uri.sha256 {
        same_digest(expected, digest)?;
    }
    let (shape, staging, options) = (plan.shape.clone(), staging.to_owned(), options.clone());
    let placed = blocking(move || {
        stage.close()?;
        make(&shape, &brought, &staging, &what, &options)
    });
    Ok((placed.await?, digest))
}

fn digest(plan: &Plan, brought: &[Brought]) -> Sha256 {
    match (&plan.shape, brought) {
        (Shape::Layers { manifest, .. }, _) => *manifest,
        (Shape::Single, [one]) => one.sha256,
        _ => of_tree(
            brought
                .iter()
                .map(|one| (one.object.name.to_string(), &one.sha256)),
        ),
    }
}

fn make(
    shape: &Shape,
    brought: &[Brought],
    staging: &Path,
    what: &str,
    options: &FetchOptions,
) -> Result<Placed> {
    let watch = |entries, bytes| options.report(what, Step::Unpacking { entries, bytes });
    match (shape, brought) {
        (Shape::Layers { layers, image, .. }, _) => {
            assemble(layers, *image, staging, &options.limits, &watch)
        }
        (Shape::Single, [one]) => {
            let name = one.object.name.to_string();
            let file = staging.join(PART);
            settle(&file, &name, staging, &options.limits, &watch)
        }
        _ => Ok(Placed {
            root: CONTENT.into(),
            bytes: brought.iter().map(|one| one.object.bytes).sum(),
        }),
    }
}
