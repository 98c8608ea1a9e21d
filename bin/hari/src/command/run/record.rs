//! The flags that keep requests, and the recorder they ask for.

use std::path::PathBuf;

use hari_recorder::{Options, Recorder};
use hari_settings::Size;

/// Which requests are kept, and where.
#[derive(Debug, clap::Args)]
pub(super) struct Record {
    /// Keep every request with what each node was asked and answered, payloads included, in this
    /// folder; `hari trace` shows them
    #[arg(long, value_name = "DIR", help_heading = "Recording")]
    record: Option<PathBuf>,
    /// Share of the requests that is kept, from 0 to 1
    #[arg(
        long,
        requires = "record",
        default_value_t = 1.0,
        value_parser = share,
        value_name = "SHARE",
        help_heading = "Recording"
    )]
    record_sample: f64,
    /// Most bytes of the folder; the oldest requests go first
    #[arg(
        long,
        requires = "record",
        default_value = "1GiB",
        value_parser = size,
        value_name = "SIZE",
        help_heading = "Recording"
    )]
    record_max_bytes: Size,
    /// Keep tensors and texts whole, not their beginning
    #[arg(long, requires = "record", help_heading = "Recording")]
    record_full: bool,
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok();
    share
        .filter(|share| (0.0..=1.0).contains(share))
        .ok_or_else(|| "expected a number from 0 to 1".to_owned())
}

fn size(text: &str) -> Result<Size, String> {
    text.parse()
        .map_err(|_| "expected bytes, such as 500MB or 1GiB".to_owned())
}

impl Record {
    /// The recorder, if one is wanted.
    pub(super) fn recorder(&self) -> anyhow::Result<Option<Recorder>> {
        let Some(folder) = &self.record else {
            return Ok(None);
        };
        let recorder = Recorder::new(Options {
            folder: folder.clone(),
            sample: self.record_sample,
            max_bytes: self.record_max_bytes.0,
            full: self.record_full,
        })
        .map_err(|error| error.context("--record"))?;
        let folder = folder.display();
        tracing::warn!(%folder, "requests are recorded with their payloads: keep the folder safe");
        Ok(Some(recorder))
    }
}

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn a_share_is_between_nothing_and_all() {
        assert_eq!(share("0.01"), Ok(0.01));
        for bad in ["-0.1", "1.1", "NaN", "half"] {
            assert!(share(bad).is_err(), "{bad}");
        }
    }
}
