//! The Secret in which replicas share one certificate.

use std::collections::BTreeMap;

use hari_api::k8s_openapi::ByteString;
use hari_api::k8s_openapi::api::core::v1::Secret;
use hari_api::k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::pair::Pair;
use super::rotation::Kept;

const AUTHORITIES: &str = "ca.crt";
const AUTHORITY_KEY: &str = "ca.key";
const CERTIFICATE: &str = "tls.crt";
const KEY: &str = "tls.key";
const END: &str = "-----END CERTIFICATE-----";

/// What a Secret keeps, if all of it is there.
pub(super) fn kept(secret: &Secret) -> Option<Kept> {
    let data = secret.data.as_ref()?;
    let text = |key| {
        let ByteString(bytes) = data.get(key)?;
        String::from_utf8(bytes.clone()).ok()
    };
    let trusted = split(&text(AUTHORITIES)?);
    let authority = trusted.first().zip(text(AUTHORITY_KEY));
    Some(Kept {
        authority: authority.map(|(certificate, key)| Pair {
            certificate: certificate.clone(),
            key,
        }),
        serving: Pair {
            certificate: text(CERTIFICATE)?,
            key: text(KEY)?,
        },
        trusted,
    })
}

/// The Secret that keeps it, in the place of `before`.
pub(super) fn secret(name: &str, before: Option<Secret>, kept: &Kept) -> Secret {
    let bytes = |text: &str| ByteString(text.as_bytes().to_vec());
    let mut data = BTreeMap::from([
        (AUTHORITIES.to_owned(), bytes(&kept.bundle())),
        (CERTIFICATE.to_owned(), bytes(&kept.serving.certificate)),
        (KEY.to_owned(), bytes(&kept.serving.key)),
    ]);
    if let Some(authority) = &kept.authority {
        data.insert(AUTHORITY_KEY.to_owned(), bytes(&authority.key));
    }
    let new = || Secret {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            labels: Some(BTreeMap::from([("app".to_owned(), "seldon".to_owned())])),
            ..ObjectMeta::default()
        },
        type_: Some("kubernetes.io/tls".to_owned()),
        ..Secret::default()
    };
    Secret {
        data: Some(data),
        ..before.unwrap_or_else(new)
    }
}

/// The certificates of a PEM, each by itself.
fn split(pem: &str) -> Vec<String> {
    let each = pem.split_inclusive(END).filter(|part| part.contains(END));
    each.map(|part| format!("{}\n", part.trim())).collect()
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::super::rotation::next;
    use super::*;

    #[test]
    fn what_is_kept_is_found_again() {
        let now = SystemTime::now();
        let mut made = next(None, &["a.svc".to_owned()], now).unwrap().unwrap();
        made.trusted.push(Pair::authority(now).unwrap().certificate);
        let written = secret("cert", None, &made);
        assert_eq!(written.type_.as_deref(), Some("kubernetes.io/tls"));
        let found = kept(&written).unwrap();
        assert_eq!(found.trusted.len(), 2);
        let texts = |kept: &Kept| kept.bundle().replace('\r', "");
        assert_eq!(texts(&found).trim(), texts(&made).trim());
        assert_eq!(found.serving, made.serving);
        assert_eq!(
            next(Some(&found), &["a.svc".to_owned()], now).unwrap(),
            None
        );
    }

    #[test]
    fn one_of_the_chart_has_no_key_of_its_authority() {
        let made = next(None, &["a.svc".to_owned()], SystemTime::now())
            .unwrap()
            .unwrap();
        let mut written = secret("cert", None, &made);
        written.data.as_mut().unwrap().remove(AUTHORITY_KEY);
        assert_eq!(kept(&written).unwrap().authority, None);
        written.data.as_mut().unwrap().remove(KEY);
        assert_eq!(kept(&written), None);
        assert_eq!(kept(&Secret::default()), None);
    }
}
