//! What the environment says of a Kafka broker: where it is, how to be let in, what to read and
//! write. A snapshot over any source of values, so that a deployment's own variables come first.

use std::path::PathBuf;
use std::str::FromStr;

use hari_error::{Error, Result};

use crate::{
    KAFKA_AUTO_COMMIT, KAFKA_BROKER, KAFKA_ERROR_TOPIC, KAFKA_FULL_GRAPH, KAFKA_INPUT_TOPIC,
    KAFKA_OUTPUT_TOPIC, KAFKA_SASL_MECHANISM, KAFKA_SASL_PASSWORD, KAFKA_SASL_USERNAME,
    KAFKA_SECURITY_PROTOCOL, KAFKA_SSL_CA_CERT, KAFKA_SSL_CA_CERT_FILE, KAFKA_SSL_CLIENT_CERT,
    KAFKA_SSL_CLIENT_CERT_FILE, KAFKA_SSL_CLIENT_KEY, KAFKA_SSL_CLIENT_KEY_FILE,
    KAFKA_SSL_CLIENT_KEY_PASS, KAFKA_WORKERS, Secret, Setting,
};

/// Messages answered at the same time, if nothing is said.
const WORKERS: usize = 4;
/// Most messages answered at the same time.
const MOST_WORKERS: usize = 1024;
/// The port of a broker that is named without one.
const PORT: u16 = 9092;

/// Where values come from: a setting's, if it is set and not empty.
pub type Lookup<'a> = &'a dyn Fn(&Setting) -> Option<String>;

/// A broker, what is read from it and what is written to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KafkaStream {
    /// `host:port` of the brokers to begin with, comma-separated.
    pub brokers: String,
    /// Topic of the requests.
    pub input: String,
    /// Topic of the answers.
    pub output: String,
    /// Topic of the answers that are errors; `output` if none.
    pub errors: Option<String>,
    /// Messages answered at the same time; 1 to 1024.
    pub workers: usize,
    /// Whether every answer is committed at once, rather than those of a second together.
    pub commit_each: bool,
    /// How the brokers let us in.
    pub security: KafkaSecurity,
}

/// How a client and a broker trust each other. Does not print secrets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KafkaSecurity {
    /// Whether connections are encrypted.
    pub tls: Option<KafkaTls>,
    /// How the client says who it is, if the broker asks by SASL.
    pub sasl: Option<KafkaSasl>,
}

/// Certificates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KafkaTls {
    /// Whom to trust; the machine's own roots if none.
    pub ca: Option<Pem>,
    /// The client's certificate and key, if the broker asks for one.
    pub client: Option<(Pem, Pem)>,
    /// Password of the key.
    pub key_password: Option<Secret>,
}

/// User and password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KafkaSasl {
    /// How the password is shown to the broker.
    pub mechanism: SaslMechanism,
    /// The user.
    pub username: String,
    /// The password.
    pub password: Secret,
}

/// How a password is shown to a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SaslMechanism {
    /// As it is.
    Plain,
    /// SCRAM with SHA-256.
    ScramSha256,
    /// SCRAM with SHA-512.
    ScramSha512,
}

/// Text in PEM, or where it lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pem {
    /// The text itself.
    Text(Secret),
    /// A file, read when a connection is first made.
    File(PathBuf),
}

impl KafkaStream {
    /// What `lookup` says; none if it names no broker.
    ///
    /// # Errors
    /// Names a variable that is missing, cannot be read, or asks for what is not offered.
    pub fn of(lookup: Lookup<'_>) -> Result<Self> {
        let needed = |setting: &Setting| {
            let missing =
                || Error::invalid(format!("{} is not set ({})", setting.name, setting.help));
            lookup(setting).ok_or_else(missing)
        };
        if flag(lookup, &KAFKA_FULL_GRAPH)? == Some(true) {
            return Err(Error::unimplemented(
                "KAFKA_FULL_GRAPH: calls inside a graph do not travel over Kafka here; unset it: \
                 nodes in this process are called directly, others over REST or gRPC",
            ));
        }
        let stream = Self {
            brokers: brokers(&needed(&KAFKA_BROKER)?)?,
            input: topic(&KAFKA_INPUT_TOPIC, needed(&KAFKA_INPUT_TOPIC)?)?,
            output: topic(&KAFKA_OUTPUT_TOPIC, needed(&KAFKA_OUTPUT_TOPIC)?)?,
            errors: lookup(&KAFKA_ERROR_TOPIC)
                .map(|name| topic(&KAFKA_ERROR_TOPIC, name))
                .transpose()?,
            workers: workers(lookup)?,
            commit_each: flag(lookup, &KAFKA_AUTO_COMMIT)? == Some(false),
            security: KafkaSecurity::of(lookup)?,
        };
        stream.checked()
    }

    /// A topic that is read must not be written, or its answers would be requests.
    fn checked(self) -> Result<Self> {
        let written = [Some(&self.output), self.errors.as_ref()];
        if written.contains(&Some(&self.input)) {
            return Err(Error::invalid(format!(
                "topic `{}` is both read and written: its answers would be requests again",
                self.input
            )));
        }
        Ok(self)
    }
}

impl KafkaSecurity {
    /// What `lookup` says; no encryption and no user if it says nothing.
    ///
    /// # Errors
    /// Names a variable that is missing, cannot be read, or asks for what is not offered.
    pub fn of(lookup: Lookup<'_>) -> Result<Self> {
        let asked = lookup(&KAFKA_SECURITY_PROTOCOL).unwrap_or_default();
        let (tls, sasl) = match asked.to_ascii_uppercase().as_str() {
            "" | "PLAINTEXT" => (false, false),
            "SSL" => (true, false),
            "SASL_PLAINTEXT" => (false, true),
            "SASL_SSL" => (true, true),
            _ => {
                let known = "PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL";
                return Err(unknown(&KAFKA_SECURITY_PROTOCOL, &asked, known));
            }
        };
        Ok(Self {
            tls: tls.then(|| KafkaTls::of(lookup)).transpose()?,
            sasl: sasl.then(|| KafkaSasl::of(lookup)).transpose()?,
        })
    }
}

impl KafkaTls {
    fn of(lookup: Lookup<'_>) -> Result<Self> {
        let certificate = pem(lookup, &KAFKA_SSL_CLIENT_CERT, &KAFKA_SSL_CLIENT_CERT_FILE);
        let key = pem(lookup, &KAFKA_SSL_CLIENT_KEY, &KAFKA_SSL_CLIENT_KEY_FILE);
        let client = match (certificate, key) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            (Some(_), None) => return Err(alone(&KAFKA_SSL_CLIENT_CERT, &KAFKA_SSL_CLIENT_KEY)),
            (None, Some(_)) => return Err(alone(&KAFKA_SSL_CLIENT_KEY, &KAFKA_SSL_CLIENT_CERT)),
        };
        Ok(Self {
            ca: pem(lookup, &KAFKA_SSL_CA_CERT, &KAFKA_SSL_CA_CERT_FILE),
            client,
            key_password: lookup(&KAFKA_SSL_CLIENT_KEY_PASS).map(Secret::new),
        })
    }
}

impl KafkaSasl {
    fn of(lookup: Lookup<'_>) -> Result<Self> {
        let needed = |setting: &Setting| {
            lookup(setting).ok_or_else(|| {
                Error::invalid(format!(
                    "{} is not set, and KAFKA_SECURITY_PROTOCOL asks for a user",
                    setting.name
                ))
            })
        };
        let mechanism = lookup(&KAFKA_SASL_MECHANISM);
        Ok(Self {
            mechanism: mechanism.map_or(Ok(SaslMechanism::Plain), |text| text.parse())?,
            username: needed(&KAFKA_SASL_USERNAME)?,
            password: Secret::new(needed(&KAFKA_SASL_PASSWORD)?),
        })
    }
}

impl FromStr for SaslMechanism {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.trim().to_ascii_uppercase().as_str() {
            "PLAIN" => Ok(Self::Plain),
            "SCRAM-SHA-256" => Ok(Self::ScramSha256),
            "SCRAM-SHA-512" => Ok(Self::ScramSha512),
            _ => {
                let known = "PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512";
                Err(unknown(&KAFKA_SASL_MECHANISM, text, known))
            }
        }
    }
}

/// The text wins over the file.
fn pem(lookup: Lookup<'_>, text: &Setting, file: &Setting) -> Option<Pem> {
    let text = lookup(text).map(|text| Pem::Text(Secret::new(text)));
    text.or_else(|| lookup(file).map(|path| Pem::File(PathBuf::from(path))))
}

/// `host:port` each; the port may be left out.
pub(crate) fn brokers(text: &str) -> Result<String> {
    let names: Vec<&str> = text.split(',').map(str::trim).collect();
    if names
        .iter()
        .any(|name| name.is_empty() || name.contains(['/', ' ']))
    {
        return Err(unknown(&KAFKA_BROKER, text, "`host:port`, comma-separated"));
    }
    let with_port = |name: &str| match port(name) {
        true => name.to_owned(),
        false => format!("{name}:{PORT}"),
    };
    Ok(names
        .into_iter()
        .map(with_port)
        .collect::<Vec<_>>()
        .join(","))
}

fn port(name: &str) -> bool {
    let after = name.rsplit_once(']').map_or(name, |(_, after)| after);
    let digits = after.rsplit_once(':').map(|(_, digits)| digits);
    digits.is_some_and(|digits| digits.parse::<u16>().is_ok())
}

/// What brokers take as a name.
fn topic(setting: &Setting, name: String) -> Result<String> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name.len() > 249 || name == "." || name == ".." || !name.chars().all(legal) {
        let known = "the name of a topic: at most 249 letters, digits, `.`, `_` and `-`";
        return Err(unknown(setting, &name, known));
    }
    Ok(name)
}

fn workers(lookup: Lookup<'_>) -> Result<usize> {
    let Some(text) = lookup(&KAFKA_WORKERS) else {
        return Ok(WORKERS);
    };
    let count = text.trim().parse().ok();
    let count = count.filter(|count| (1..=MOST_WORKERS).contains(count));
    count.ok_or_else(|| unknown(&KAFKA_WORKERS, &text, "a number from 1 to 1024"))
}

fn flag(lookup: Lookup<'_>, setting: &Setting) -> Result<Option<bool>> {
    let Some(text) = lookup(setting) else {
        return Ok(None);
    };
    match text.trim().to_ascii_lowercase().as_str() {
        "1" | "t" | "true" => Ok(Some(true)),
        "0" | "f" | "false" => Ok(Some(false)),
        _ => Err(unknown(setting, &text, "`true` or `false`")),
    }
}

fn alone(set: &Setting, missing: &Setting) -> Error {
    Error::invalid(format!(
        "{} is set and {} is not: a client certificate needs both",
        set.name, missing.name
    ))
}

fn unknown(setting: &Setting, found: &str, expected: &str) -> Error {
    Error::invalid(format!(
        "{}: expected {expected}, found `{found}`",
        setting.name
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: [(&str, &str); 3] = [
        ("KAFKA_BROKER", "kafka"),
        ("KAFKA_INPUT_TOPIC", "in"),
        ("KAFKA_OUTPUT_TOPIC", "out"),
    ];

    fn with(more: &[(&str, &str)]) -> Result<KafkaStream> {
        let all: Vec<_> = LEAST.iter().chain(more).copied().collect();
        let last = |setting: &Setting| {
            let mut found = all.iter().rev().filter(|(name, _)| *name == setting.name);
            found.next().map(|(_, value)| (*value).to_owned())
        };
        KafkaStream::of(&|setting| last(setting).filter(|value| !value.is_empty()))
    }

    #[test]
    fn the_least_there_is_has_the_defaults_of_the_original() {
        let stream = with(&[]).unwrap();
        assert_eq!(stream.brokers, "kafka:9092");
        assert_eq!((&*stream.input, &*stream.output), ("in", "out"));
        assert_eq!((stream.workers, stream.commit_each), (4, false));
        assert_eq!(
            (stream.errors, stream.security),
            (None, KafkaSecurity::default())
        );
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        for (name, value, said) in [
            ("KAFKA_BROKER", "", "KAFKA_BROKER is not set"),
            ("KAFKA_BROKER", "http://kafka", "`http://kafka`"),
            (
                "KAFKA_INPUT_TOPIC",
                "a b",
                "KAFKA_INPUT_TOPIC: expected the name of a topic",
            ),
            ("KAFKA_OUTPUT_TOPIC", "in", "both read and written"),
            ("KAFKA_ERROR_TOPIC", "in", "both read and written"),
            (
                "KAFKA_WORKERS",
                "0",
                "KAFKA_WORKERS: expected a number from 1 to 1024, found `0`",
            ),
            ("KAFKA_WORKERS", "many", "found `many`"),
            (
                "KAFKA_AUTO_COMMIT",
                "maybe",
                "KAFKA_AUTO_COMMIT: expected `true` or `false`",
            ),
            ("KAFKA_FULL_GRAPH", "true", "KAFKA_FULL_GRAPH"),
            (
                "KAFKA_SECURITY_PROTOCOL",
                "TLS",
                "KAFKA_SECURITY_PROTOCOL: expected PLAINTEXT",
            ),
            (
                "KAFKA_SECURITY_PROTOCOL",
                "sasl_ssl",
                "KAFKA_SASL_USERNAME is not set",
            ),
        ] {
            let error = with(&[(name, value)]).unwrap_err();
            assert!(error.message().contains(said), "{name}={value}: {error}");
        }
    }

    #[test]
    fn a_port_is_added_where_there_is_none() {
        for (text, expected) in [
            ("a", "a:9092"),
            ("a:1, b", "a:1,b:9092"),
            ("10.0.0.1:9093", "10.0.0.1:9093"),
            ("[::1]", "[::1]:9092"),
            ("[::1]:9094", "[::1]:9094"),
        ] {
            assert_eq!(brokers(text).unwrap(), expected, "{text}");
        }
        assert!(brokers("a,,b").is_err());
    }

    #[test]
    fn every_protocol_and_mechanism_is_read_in_any_case() {
        let user = [
            ("KAFKA_SASL_USERNAME", "u"),
            ("KAFKA_SASL_PASSWORD", "hunter2"),
        ];
        for (protocol, tls, sasl) in [
            ("plaintext", false, false),
            ("ssl", true, false),
            ("Sasl_Plaintext", false, true),
            ("SASL_SSL", true, true),
        ] {
            let more = [("KAFKA_SECURITY_PROTOCOL", protocol), user[0], user[1]];
            let security = with(&more).unwrap().security;
            assert_eq!(security.tls.is_some(), tls, "{protocol}");
            assert_eq!(security.sasl.is_some(), sasl, "{protocol}");
            assert!(!format!("{security:?}").contains("hunter2"));
        }
        for (text, mechanism) in [
            ("plain", SaslMechanism::Plain),
            ("SCRAM-SHA-256", SaslMechanism::ScramSha256),
            ("scram-sha-512", SaslMechanism::ScramSha512),
        ] {
            assert_eq!(text.parse::<SaslMechanism>().unwrap(), mechanism);
        }
        assert!("GSSAPI".parse::<SaslMechanism>().is_err());
    }

    #[test]
    fn a_certificate_is_text_or_a_file_and_comes_with_its_key() {
        let ssl = ("KAFKA_SECURITY_PROTOCOL", "SSL");
        let file = ("KAFKA_SSL_CA_CERT_FILE", "/ca.pem");
        let tls = with(&[ssl, file]).unwrap().security.tls.unwrap();
        assert_eq!(tls.ca, Some(Pem::File("/ca.pem".into())));
        let both = with(&[ssl, file, ("KAFKA_SSL_CA_CERT", "text")]).unwrap();
        let ca = both.security.tls.unwrap().ca;
        assert_eq!(ca, Some(Pem::Text(Secret::new("text"))));
        let error = with(&[ssl, ("KAFKA_SSL_CLIENT_KEY", "key")]).unwrap_err();
        assert!(
            error.message().contains("KAFKA_SSL_CLIENT_CERT is not"),
            "{error}"
        );
    }
}
