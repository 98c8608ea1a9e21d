//! A connection to a cluster: where its brokers are and how they let us in.

use std::time::Duration;

use hari_error::{Error, Kind, Result};
use hari_settings::{KafkaSasl, KafkaSecurity, KafkaTls, Pem, SaslMechanism};
use krafka::Kafka;
use krafka::auth::{AuthConfig, TlsConfig};

use crate::fault;

/// How this program names itself in the logs of a broker.
const CLIENT: &str = "hari";
/// Most time until a broker takes a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// Most time until a broker answers a request.
pub(crate) const REQUEST: Duration = Duration::from_secs(15);
/// Most bytes of one answer of a broker.
const RESPONSE_BYTES: usize = 100 << 20;
/// How long what is known of the cluster is believed.
const BELIEVED: Duration = Duration::from_secs(60);
/// Bytes of a file with certificates or a key.
const PEM_BYTES: u64 = 4 << 20;

/// Brokers that were reached. Cloning is cheap, and shares the connections.
#[derive(Clone, Debug)]
pub struct Cluster(pub(crate) Kafka);

impl Cluster {
    /// Connects to any of `brokers` (`host:port`, comma-separated).
    ///
    /// # Errors
    /// `Unavailable` if none answers, `Forbidden` if one does not let us in, `InvalidInput` if a
    /// certificate or a key cannot be read.
    pub async fn connect(brokers: &str, security: &KafkaSecurity) -> Result<Self> {
        let builder = Kafka::builder(brokers)
            .client_id(CLIENT)
            .connect_timeout(CONNECT)
            .request_timeout(REQUEST)
            .metadata_max_age(BELIEVED)
            .max_response_size(RESPONSE_BYTES)
            .security(auth(security).await?);
        let connected = builder.connect().await;
        connected
            .map(Self)
            .map_err(|fault| fault::error("connecting", fault))
    }
}

async fn auth(security: &KafkaSecurity) -> Result<AuthConfig> {
    let tls = match &security.tls {
        Some(tls) => Some(certificates(tls).await?),
        None => None,
    };
    Ok(match (&security.sasl, tls) {
        (None, None) => AuthConfig::plaintext(),
        (None, Some(tls)) => AuthConfig::ssl(tls),
        (Some(sasl), None) => user(sasl),
        (Some(sasl), Some(tls)) => user(sasl).with_tls(tls),
    })
}

fn user(sasl: &KafkaSasl) -> AuthConfig {
    let (name, password) = (sasl.username.as_str(), sasl.password.expose());
    match sasl.mechanism {
        SaslMechanism::Plain => AuthConfig::sasl_plain(name, password),
        SaslMechanism::ScramSha256 => AuthConfig::sasl_scram_sha256(name, password),
        SaslMechanism::ScramSha512 => AuthConfig::sasl_scram_sha512(name, password),
    }
}

async fn certificates(tls: &KafkaTls) -> Result<TlsConfig> {
    let mut made = match &tls.ca {
        Some(ca) => TlsConfig::new().with_ca_cert_pem(read(ca, "KAFKA_SSL_CA_CERT_FILE").await?),
        None => TlsConfig::new().with_native_roots(),
    };
    if let Some((certificate, key)) = &tls.client {
        let certificate = read(certificate, "KAFKA_SSL_CLIENT_CERT_FILE").await?;
        let key = read(key, "KAFKA_SSL_CLIENT_KEY_FILE").await?;
        made = made.with_client_cert_pem(certificate, key);
    }
    if let Some(password) = &tls.key_password {
        made = made.with_client_key_password(password.expose());
    }
    Ok(made)
}

async fn read(pem: &Pem, setting: &str) -> Result<Vec<u8>> {
    let path = match pem {
        Pem::Text(text) => return Ok(text.expose().as_bytes().to_vec()),
        Pem::File(path) => path,
    };
    let unreadable = |source: std::io::Error| {
        Error::invalid(format!("{setting}: the file cannot be read")).with_source(source)
    };
    let length = tokio::fs::metadata(path).await.map_err(unreadable)?.len();
    if length > PEM_BYTES {
        let message = format!("{setting}: the file is longer than {PEM_BYTES} bytes");
        return Err(Error::new(Kind::TooLarge, message));
    }
    tokio::fs::read(path).await.map_err(unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hari_settings::Secret;

    fn tls(ca: Pem) -> KafkaSecurity {
        KafkaSecurity {
            tls: Some(KafkaTls {
                ca: Some(ca),
                ..KafkaTls::default()
            }),
            sasl: None,
        }
    }

    #[tokio::test]
    async fn what_cannot_be_read_names_its_setting_and_no_path() {
        let file = tls(Pem::File("/no/such.pem".into()));
        let error = Cluster::connect("127.0.0.1:1", &file).await.unwrap_err();
        assert_eq!(error.kind(), Kind::InvalidInput);
        assert!(
            error.message().contains("KAFKA_SSL_CA_CERT_FILE"),
            "{error}"
        );
        assert!(!error.message().contains("such.pem"), "{error}");
        let text = tls(Pem::Text(Secret::new("no certificate")));
        let error = Cluster::connect("127.0.0.1:1", &text).await.unwrap_err();
        assert_eq!(error.kind(), Kind::InvalidInput, "{error:?}");
    }

    #[tokio::test]
    async fn a_broker_that_is_not_there_is_unavailable() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap().to_string();
        drop(free);
        let error = Cluster::connect(&address, &KafkaSecurity::default()).await;
        let error = error.unwrap_err();
        assert_eq!(error.kind(), Kind::Unavailable, "{error:?}");
        assert!(!error.message().contains("127.0"), "{error}");
    }
}
