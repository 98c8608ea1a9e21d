//! Many objects at once: in pieces, each tried again where it broke, kept across restarts, and
//! checked against what the store says of the whole.

mod stage;

use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _, stream};
use hari_error::{Error, Result};
use tokio::fs::{File, OpenOptions};
use tokio::io::{AsyncSeekExt as _, AsyncWriteExt as _, BufWriter};
use tokio::sync::Semaphore;

use crate::bucket::{Object, Pin};
use crate::checksum::{Sums, verify};
use crate::digest::Sha256;
use crate::fault::Fault;
use crate::fetch::blocking;
use crate::options::FetchOptions;
use crate::place::unwritable;
use crate::progress::Step;
use crate::retry::{Tries, retrying};
use crate::source::Source;

pub(crate) use stage::{PART, Stage};

const BUFFER: usize = 256 << 10;
/// Bytes that make an attempt at a piece count as progress: a network that breaks often may still
/// bring a model.
const PROGRESS: u64 = 256 << 10;

/// An object that is here, whole and checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Brought {
    pub(crate) object: Object,
    pub(crate) sha256: Sha256,
}

/// Brings the objects into the stage. What an earlier call brought of the same objects is kept.
///
/// # Errors
/// As [`crate::fetch`]; [`crate::fault::is_changed`] if an object became another one meanwhile.
pub(crate) async fn bring(
    source: &Source,
    objects: &[Object],
    stage: &Stage,
    what: &str,
    options: &FetchOptions,
) -> Result<Vec<Brought>> {
    let parallel = options.parallel()?;
    let transfer = Transfer {
        source,
        stage,
        what,
        options,
        permits: Semaphore::new(parallel),
        done: AtomicU64::new(0),
        total: objects.iter().map(|object| object.bytes).sum(),
    };
    let transfer = &transfer;
    let works = objects.iter().map(|object| transfer.object(object).boxed());
    let works: Vec<_> = works.collect();
    stream::iter(works).buffered(parallel).try_collect().await
}

struct Transfer<'a> {
    source: &'a Source,
    stage: &'a Stage,
    what: &'a str,
    options: &'a FetchOptions,
    /// One for each request.
    permits: Semaphore,
    done: AtomicU64,
    total: u64,
}

impl Transfer<'_> {
    /// One object, fetched again as a whole if it does not hash to what it should.
    async fn object(&self, object: &Object) -> Result<Brought> {
        let brought = |sha256| Brought {
            object: object.clone(),
            sha256,
        };
        if let Some(sha256) = self.stage.whole(object) {
            self.count(object.bytes);
            return Ok(brought(sha256));
        }
        let mut tries = Tries::new(self.options.retry);
        loop {
            let fault = match self.attempt(object).await {
                Ok(sha256) => return Ok(brought(sha256)),
                Err(fault) => fault,
            };
            let after = tries.next(fault, 0)?;
            self.report(Step::Retrying { after });
            self.stage.forget(object)?;
            self.done.fetch_sub(object.bytes, Ordering::Relaxed);
            tokio::time::sleep(after).await;
        }
    }

    async fn attempt(&self, object: &Object) -> Result<Sha256, Fault> {
        let path = self.stage.make(object)?;
        let sums = match object.bytes {
            0 => Sums::default(),
            bytes if bytes <= self.source.piece() => {
                self.piece(object, &path, 0..bytes, None).await?.sums
            }
            _ => self.pieces(object, &path).await?,
        };
        let checked = blocking(move || Ok(verify(&path, &sums))).await?;
        let sha256 = checked.map_err(|error| Fault::Passing {
            error: error.context(format!("`{}`", object.name)),
            after: None,
        })?;
        self.stage.checked(object, &sha256)?;
        Ok(sha256)
    }

    /// A large object, piece by piece, those that are here left out.
    async fn pieces(&self, object: &Object, path: &Path) -> Result<Sums, Fault> {
        let pin = retrying(self.what, self.options, || self.source.head(object)).await?;
        if pin.bytes != object.bytes {
            return Err(Fault::changed());
        }
        if !pin.is_strong() {
            let pin = self.piece(object, path, 0..object.bytes, None).await?;
            return Ok(pin.sums);
        }
        let length = self.source.piece();
        let count = object.bytes.div_ceil(length);
        let ranges = (0..count).map(|at| at * length..((at + 1) * length).min(object.bytes));
        let missing = ranges.filter(|range| {
            let here = self.stage.has(object, range);
            self.count(if here { range.end - range.start } else { 0 });
            !here
        });
        let missing: Vec<Range<u64>> = missing.collect();
        stream::iter(missing)
            .map(|range| {
                let pin = pin.clone();
                async move {
                    self.piece(object, path, range.clone(), Some(pin)).await?;
                    self.stage.add(object, &range)
                }
            })
            .buffer_unordered(self.options.parallel()?)
            .try_collect::<()>()
            .await?;
        Ok(pin.sums)
    }

    /// One piece, taken up again where it broke.
    async fn piece(
        &self,
        object: &Object,
        path: &Path,
        range: Range<u64>,
        pin: Option<Pin>,
    ) -> Result<Pin> {
        let mut piece = Piece {
            object,
            file: open(path, range.start).await?,
            at: range.start,
            range,
            pin,
        };
        let mut tries = Tries::of_piece(self.options.retry, PROGRESS);
        loop {
            let fault = match self.flow(&mut piece).await {
                Ok(()) => break,
                Err(fault) => fault,
            };
            let after = tries.next(fault, piece.at - piece.range.start)?;
            self.report(Step::Retrying { after });
            tokio::time::sleep(after).await;
        }
        piece.file.flush().await.map_err(unwritable)?;
        let synced = piece.file.get_ref().sync_data().await;
        synced.map_err(unwritable)?;
        Ok(piece.pin.unwrap_or_default())
    }

    async fn flow(&self, piece: &mut Piece<'_>) -> Result<(), Fault> {
        let permit = self.permits.acquire().await;
        let _permit = permit.map_err(|_| Error::internal("the fetch was given up"))?;
        let weak = piece.pin.as_ref().is_some_and(|pin| !pin.is_strong());
        if weak && piece.at > piece.range.start {
            self.done
                .fetch_sub(piece.at - piece.range.start, Ordering::Relaxed);
            piece.start_again().await?;
        }
        let whole = piece.at == 0 && piece.range.end == piece.object.bytes && piece.pin.is_none();
        let wanted = (!whole).then_some(piece.at..piece.range.end);
        let pin = piece.pin.as_ref().filter(|pin| pin.is_strong());
        let part = self.source.read(piece.object, wanted, pin).await?;
        if part.pin.bytes != piece.object.bytes {
            return Err(Fault::changed());
        }
        piece.pin.get_or_insert(part.pin);
        let mut body = part.body;
        while let Some(bytes) = body.try_next().await? {
            let length = bytes.len() as u64;
            if length > piece.range.end - piece.at {
                return Err(Fault::broken("the store sent more than was asked for"));
            }
            piece.file.write_all(&bytes).await.map_err(unwritable)?;
            piece.at += length;
            self.count(length);
        }
        match piece.at == piece.range.end {
            true => Ok(()),
            false => Err(Fault::broken(format!(
                "`{}`: expected {} bytes, found {}",
                piece.object.name, piece.range.end, piece.at
            ))),
        }
    }

    fn count(&self, bytes: u64) {
        let done = self.done.fetch_add(bytes, Ordering::Relaxed) + bytes;
        self.report(Step::Downloading {
            done,
            total: Some(self.total),
        });
    }

    fn report(&self, step: Step) {
        self.options.report(self.what, step);
    }
}

/// A range of an object on its way into its file.
struct Piece<'a> {
    object: &'a Object,
    file: BufWriter<File>,
    /// The first byte that is not here.
    at: u64,
    range: Range<u64>,
    pin: Option<Pin>,
}

impl Piece<'_> {
    async fn start_again(&mut self) -> Result<()> {
        let start = std::io::SeekFrom::Start(self.range.start);
        self.file.seek(start).await.map_err(unwritable)?;
        (self.at, self.pin) = (self.range.start, None);
        Ok(())
    }
}

async fn open(path: &Path, start: u64) -> Result<BufWriter<File>> {
    let opened = OpenOptions::new().write(true).open(path).await;
    let mut file = opened.map_err(unwritable)?;
    let start = std::io::SeekFrom::Start(start);
    file.seek(start).await.map_err(unwritable)?;
    Ok(BufWriter::with_capacity(BUFFER, file))
}
