//! A certificate that somebody else keeps: files as cert-manager mounts them.

use std::path::Path;

use hari_error::{Error, Result};

use super::pair::Pair;

/// Most bytes of a file.
const MOST: u64 = 1 << 20;

/// What lies in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Files {
    /// `tls.crt` and `tls.key`.
    pub(super) serving: Pair,
    /// `ca.crt`, if it is there.
    pub(super) authorities: Option<String>,
}

impl Files {
    /// Reads them; `None` if there is no certificate.
    ///
    /// # Errors
    /// When one that is there cannot be read.
    pub(super) async fn read(folder: &Path) -> Result<Option<Self>> {
        let Some(certificate) = text(folder, "tls.crt").await? else {
            return Ok(None);
        };
        let key = text(folder, "tls.key").await?;
        let key = key.ok_or_else(|| {
            Error::invalid("the folder of the webhook's certificate has `tls.crt` and no `tls.key`")
        })?;
        Ok(Some(Self {
            serving: Pair { certificate, key },
            authorities: text(folder, "ca.crt")
                .await?
                .filter(|text| !text.trim().is_empty()),
        }))
    }
}

async fn text(folder: &Path, name: &str) -> Result<Option<String>> {
    let path = folder.join(name);
    let failed = |error| {
        let message = format!("cannot read `{name}` of the webhook's certificate");
        Err(Error::invalid(message).with_source(error))
    };
    match tokio::fs::metadata(&path).await {
        Ok(found) if found.len() > MOST => Err(Error::too_large(format!(
            "`{name}` of the webhook's certificate has {} bytes: at most {MOST} are read",
            found.len()
        ))),
        Ok(_) => tokio::fs::read_to_string(&path)
            .await
            .map(Some)
            .or_else(failed),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => failed(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn read_when_they_are_there() {
        let folder = tempfile::tempdir().unwrap();
        let write =
            |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        assert_eq!(Files::read(folder.path()).await.unwrap(), None);
        write("tls.crt", "c");
        let error = Files::read(folder.path()).await.unwrap_err();
        assert!(error.message().contains("`tls.key`"), "{error}");
        write("tls.key", "k");
        let files = Files::read(folder.path()).await.unwrap().unwrap();
        assert_eq!((&*files.serving.key, files.authorities), ("k", None));
        write("ca.crt", "a");
        let files = Files::read(folder.path()).await.unwrap().unwrap();
        assert_eq!(files.authorities.as_deref(), Some("a"));
    }
}
