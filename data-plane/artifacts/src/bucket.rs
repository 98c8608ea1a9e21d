//! A folder or object in a bucket: listed, and read in ranges of one and the same version.

mod connector;
mod refusal;

use std::ops::Range;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _};
use hari_error::{Error, Result};
use http::HeaderMap;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectMeta, ObjectStore as _, ObjectStoreExt as _};

use self::refusal::Refused;
use crate::archive::EntryName;
use crate::checksum::Sums;
use crate::fault::Fault;
use crate::options::FetchOptions;
use crate::stores::{self, Opened};
use crate::uri::{BucketUri, Kind};

pub(crate) use connector::Connector;

/// Most names in the message on a path that is not there.
const SHOWN: usize = 12;

/// A bucket, and the folder or object in it.
pub(crate) struct Bucket {
    uri: BucketUri,
    prefix: Path,
    opened: Opened,
    /// Most objects that a folder may hold.
    limit: u64,
}

/// An object below the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Object {
    /// Relative to the folder; the last part of an object that was named itself.
    pub(crate) name: EntryName,
    /// Its whole name in the store.
    pub(crate) key: String,
    pub(crate) bytes: u64,
    /// Changes with the content.
    pub(crate) tag: String,
}

/// What a folder or object holds.
pub(crate) struct Listing {
    pub(crate) objects: Vec<Object>,
    /// The URI names an object, not a folder.
    pub(crate) single: bool,
}

/// Which version of an object is read: what its first reply said of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pin {
    pub(crate) bytes: u64,
    pub(crate) etag: Option<String>,
    /// Google's generation.
    pub(crate) generation: Option<String>,
    pub(crate) sums: Sums,
}

/// A part of an object on its way.
pub(crate) struct Part {
    pub(crate) pin: Pin,
    pub(crate) body: BoxStream<'static, Result<Bytes, Fault>>,
}

impl Bucket {
    /// # Errors
    /// `InvalidInput` if the settings of the store cannot be read.
    pub(crate) fn open(
        uri: &BucketUri,
        options: &FetchOptions,
        region: Option<&str>,
    ) -> Result<Self> {
        let prefix = Path::parse(&uri.path).map_err(|_| {
            Error::invalid("expected a path of plain parts; the store's client refuses this one")
        })?;
        Ok(Self {
            prefix,
            opened: stores::open(uri, options, region)?,
            uri: uri.clone(),
            limit: options.limits.entries,
        })
    }

    /// What is there, in order of name.
    ///
    /// # Errors
    /// `NotFound` with what is there instead.
    pub(crate) async fn list(&self) -> Result<Listing, Fault> {
        let below = match self.below().await {
            Ok(below) => below,
            // Who may read an object may not list the bucket, perhaps.
            Err(refused) if refused.is_forbidden() && !self.uri.path.is_empty() => {
                return match self.itself().await {
                    Ok(Some(listing)) => Ok(listing),
                    _ => Err(self.fault(refused)),
                };
            }
            Err(refused) => return Err(self.fault(refused)),
        };
        if !below.is_empty() {
            return Ok(Listing {
                objects: below,
                single: false,
            });
        }
        let itself = match self.uri.path.is_empty() {
            true => None,
            false => self.itself().await.map_err(|refused| self.fault(refused))?,
        };
        match itself {
            Some(listing) => Ok(listing),
            None => Err(Fault::Final(self.absent().await)),
        }
    }

    async fn below(&self) -> Result<Vec<Object>, Refused> {
        let prefix = (!self.uri.path.is_empty()).then_some(&self.prefix);
        let mut metas = self.opened.store.list(prefix);
        let mut found: Vec<ObjectMeta> = Vec::new();
        while let Some(meta) = metas.try_next().await? {
            found.push(meta);
            if found.len() as u64 > self.limit {
                return Err(Error::too_large(format!(
                    "the folder holds more than {} objects, the limit; name the model's own folder",
                    self.limit
                ))
                .into());
            }
        }
        drop(metas);
        found.sort_by(|left, right| left.location.cmp(&right.location));
        let objects = found.iter().enumerate().filter(|(at, meta)| {
            let next = found.get(at + 1);
            !is_folder(meta, next, &self.prefix)
        });
        objects
            .map(|(_, meta)| self.object(meta).map_err(Refused::from))
            .collect()
    }

    fn object(&self, meta: &ObjectMeta) -> Result<Object> {
        let key = meta.location.as_ref();
        let rest = key.strip_prefix(&*self.uri.path).unwrap_or(key);
        Ok(Object {
            name: EntryName::of_object(rest.trim_start_matches('/'))?,
            key: key.to_owned(),
            bytes: meta.size,
            tag: tag(meta),
        })
    }

    /// The object that the URI names, if it names one.
    async fn itself(&self) -> Result<Option<Listing>, Refused> {
        let meta = match self.opened.store.head(&self.prefix).await {
            Ok(meta) => meta,
            Err(error) => {
                let refused = Refused::from(error);
                return if refused.is_absent() {
                    Ok(None)
                } else {
                    Err(refused)
                };
            }
        };
        let object = Object {
            name: EntryName::of_object(self.uri.name())?,
            key: self.uri.path.clone(),
            bytes: meta.size,
            tag: tag(&meta),
        };
        Ok(Some(Listing {
            objects: vec![object],
            single: true,
        }))
    }

    /// Nothing is there: says how far the path does exist, and what is there.
    async fn absent(&self) -> Error {
        let bucket = &self.uri.bucket;
        let path = &self.uri.path;
        let mut above = path.as_str();
        while let Some((rest, _)) = above.rsplit_once('/') {
            above = rest;
            if let Some(names) = self.names(above).await {
                return Error::not_found(format!(
                    "there is nothing at `{path}` in the bucket `{bucket}`; `{above}` holds {names}"
                ));
            }
        }
        let holds = self.names("").await.unwrap_or_else(|| "nothing".to_owned());
        Error::not_found(match path.is_empty() {
            true => format!("the bucket `{bucket}` is empty"),
            false => format!(
                "there is nothing at `{path}` in the bucket `{bucket}`, which holds {holds}"
            ),
        })
    }

    /// The names right below `folder`, for a message; none if there are none.
    async fn names(&self, folder: &str) -> Option<String> {
        let folder = Path::parse(folder).ok()?;
        let root = folder.as_ref().is_empty();
        let store = &self.opened.store;
        let found = store
            .list_with_delimiter((!root).then_some(&folder))
            .await
            .ok()?;
        let folders = found.common_prefixes.iter();
        let folders = folders.filter_map(|path| Some(format!("{}/", path.filename()?)));
        let objects = found.objects.iter();
        let objects = objects.filter_map(|meta| Some(meta.location.filename()?.to_owned()));
        let mut names: Vec<String> = folders.chain(objects).collect();
        names.sort();
        let more = names.len().saturating_sub(SHOWN);
        names.truncate(SHOWN);
        let shown = names.join(", ");
        match (names.is_empty(), more) {
            (true, _) => None,
            (false, 0) => Some(shown),
            (false, more) => Some(format!("{shown} and {more} more")),
        }
    }

    /// What the store says of the object now.
    pub(crate) async fn head(&self, object: &Object) -> Result<Pin, Fault> {
        let options = GetOptions {
            head: true,
            ..GetOptions::default()
        };
        Ok(self.get(object, options).await?.pin)
    }

    /// The bytes `range` of the object, or all of it; of the version `pin`, if one is given.
    ///
    /// # Errors
    /// [`Fault::changed`] if the object is another one by now.
    pub(crate) async fn read(
        &self,
        object: &Object,
        range: Option<Range<u64>>,
        pin: Option<&Pin>,
    ) -> Result<Part, Fault> {
        let google = self.uri.kind == Kind::Google;
        let generation = pin.and_then(|pin| pin.generation.clone());
        let options = GetOptions {
            range: range.map(GetRange::Bounded),
            if_match: pin.and_then(|pin| pin.etag.clone()).filter(|_| !google),
            version: generation.filter(|_| google),
            ..GetOptions::default()
        };
        let part = self.get(object, options).await?;
        match pin.is_none_or(|pin| pin.same(&part.pin)) {
            true => Ok(part),
            false => Err(Fault::changed()),
        }
    }

    async fn get(&self, object: &Object, options: GetOptions) -> Result<Part, Fault> {
        let key = Path::parse(&object.key).map_err(|_| {
            Error::invalid(format!("object `{}`: its name is not plain", object.name))
        })?;
        let got = self.opened.store.get_opts(&key, options).await;
        let mut got = got.map_err(|error| self.fault(Refused::from(error)))?;
        let headers = got.extensions.remove::<HeaderMap>().unwrap_or_default();
        let pin = Pin {
            bytes: got.meta.size,
            etag: got.meta.e_tag.clone(),
            generation: got.meta.version.clone(),
            sums: Sums::of_headers(&headers),
        };
        let body = got
            .into_stream()
            .map_err(|error| Refused::from(error).into_fault());
        Ok(Part {
            pin,
            body: body.boxed(),
        })
    }

    /// The region that the store says the bucket lies in, if that is why it refused.
    pub(crate) fn other_region(fault: &Fault) -> Option<String> {
        refusal::region(fault)
    }

    fn fault(&self, refused: Refused) -> Fault {
        refused.explain(&self.uri, &self.opened)
    }
}

impl Pin {
    /// Whether two replies are of one version of the object.
    fn same(&self, other: &Self) -> bool {
        let agree = |left: &Option<String>, right: &Option<String>| match (left, right) {
            (Some(left), Some(right)) => left == right,
            _ => true,
        };
        self.bytes == other.bytes
            && agree(&self.etag, &other.etag)
            && agree(&self.generation, &other.generation)
    }

    /// Whether parts that are read one after the other can be told to be of one version.
    pub(crate) fn is_strong(&self) -> bool {
        let strong = |etag: &String| !etag.starts_with("W/");
        self.generation.is_some() || self.etag.as_ref().is_some_and(strong)
    }
}

/// What changes with the content, from a listing.
fn tag(meta: &ObjectMeta) -> String {
    let etag = meta.e_tag.as_deref().unwrap_or_default();
    let version = meta.version.as_deref().unwrap_or_default();
    let time = meta.last_modified.timestamp_millis();
    format!("{}/{etag}/{version}/{time}", meta.size)
}

/// Whether it is an empty object that stands for a folder, as consoles and tools make them: it has
/// the name of the folder, or another object lies below it.
fn is_folder(meta: &ObjectMeta, next: Option<&ObjectMeta>, prefix: &Path) -> bool {
    let below = next.is_some_and(|next| {
        let rest = next.location.as_ref().strip_prefix(meta.location.as_ref());
        rest.is_some_and(|rest| rest.starts_with('/'))
    });
    meta.size == 0 && (below || meta.location == *prefix)
}
