//! Which hosts and addresses models may be fetched from.
//!
//! Names are checked before a request and after each redirect, addresses after each resolution:
//! the connection is made to the very addresses that were checked.

mod address;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use hari_error::{Error, Kind, Result};
use hari_settings::ALLOW_HTTP_HOSTS;
use url::{Host, Url};

use crate::uri::public;

/// Names under which clouds serve the machine's own credentials.
const METADATA_NAMES: [&str; 4] = [
    "metadata",
    "metadata.google.internal",
    "metadata.goog",
    "instance-data",
];

/// What may be fetched from. The default: every host but link-local and metadata addresses, which
/// no list can allow.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    hosts: Option<Arc<[Pattern]>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern {
    host: String,
    /// `*.host`: every name under it, not the name itself.
    below: bool,
    port: Option<u16>,
}

impl Policy {
    /// Every host but link-local and metadata addresses.
    #[must_use]
    pub fn any_host() -> Self {
        Self::default()
    }

    /// Only the hosts of a comma-separated list of `host`, `*.domain` or either with `:port`.
    ///
    /// # Errors
    /// `InvalidInput` with the entry that cannot be read.
    pub fn hosts(list: &str) -> Result<Self> {
        let entries = list
            .split(',')
            .map(str::trim)
            .filter(|entry| !entry.is_empty());
        let hosts = entries.map(Pattern::parse).collect::<Result<Arc<[_]>>>()?;
        Ok(Self { hosts: Some(hosts) })
    }

    /// What the setting `HARI_FETCH_HOSTS` says.
    ///
    /// # Errors
    /// `InvalidInput` with the entry of the setting that cannot be read.
    pub fn from_settings() -> Result<Self> {
        match ALLOW_HTTP_HOSTS.get() {
            Some(list) => Self::hosts(&list).map_err(|error| error.context(ALLOW_HTTP_HOSTS.name)),
            None => Ok(Self::default()),
        }
    }

    /// Whether a request may be sent to this URL, as far as its text says.
    pub(crate) fn admit(&self, url: &Url) -> Result<()> {
        let refused = |why: &str| Error::new(Kind::Forbidden, format!("`{}`: {why}", public(url)));
        let host = url.host().ok_or_else(|| refused("expected a host"))?;
        if !address_admitted(&host) {
            return Err(refused(
                "link-local and metadata addresses are never fetched from; \
                 use the address of the store itself",
            ));
        }
        if !self.listed(&host, url.port_or_known_default()) {
            return Err(refused(&format!(
                "the host is not among those that models may be fetched from; \
                 add it to {}",
                ALLOW_HTTP_HOSTS.name
            )));
        }
        Ok(())
    }

    fn listed(&self, host: &Host<&str>, port: Option<u16>) -> bool {
        let name = bare(&host.to_string());
        self.hosts
            .as_ref()
            .is_none_or(|list| list.iter().any(|entry| entry.fits(&name, port)))
    }
}

impl Pattern {
    fn parse(entry: &str) -> Result<Self> {
        let bad = || {
            Error::invalid(format!(
                "expected `host`, `*.domain` or either with `:port`, found `{entry}`"
            ))
        };
        let (below, rest) = match entry.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, entry),
        };
        let url = Url::parse(&format!("http://{rest}/")).map_err(|_| bad())?;
        let plain = !rest.contains(['/', '@', '?', '#', '*', '\\']);
        let host = url.host_str().filter(|_| plain).ok_or_else(bad)?;
        // `Url` drops the scheme's own port, so that `:80` has to be read from the text.
        let port = url.port().or_else(|| rest.ends_with(":80").then_some(80));
        Ok(Self {
            host: bare(host),
            below,
            port,
        })
    }

    fn fits(&self, name: &str, port: Option<u16>) -> bool {
        let host = if self.below {
            name.strip_suffix(&*self.host)
                .is_some_and(|rest| rest.ends_with('.'))
        } else {
            name == self.host
        };
        host && (self.port.is_none() || self.port == port)
    }
}

/// A name without the dot that may stand at its end.
fn bare(host: &str) -> String {
    host.trim_end_matches('.').to_ascii_lowercase()
}

fn address_admitted(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => !METADATA_NAMES.contains(&&*bare(name)),
        Host::Ipv4(ip) => address::admitted(IpAddr::V4(*ip)),
        Host::Ipv6(ip) => address::admitted(IpAddr::V6(*ip)),
    }
}

/// A name that resolves to an address that is never fetched from.
#[derive(Debug)]
pub(crate) struct RefusedAddress;

impl fmt::Display for RefusedAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the host's name leads to a link-local or metadata address")
    }
}

impl std::error::Error for RefusedAddress {}

/// All addresses of a name, or a refusal if one of them is never fetched from.
pub(crate) fn admit_addresses<A>(addresses: Vec<A>) -> Result<Vec<A>, RefusedAddress>
where
    A: Copy + Into<std::net::SocketAddr>,
{
    let all = addresses
        .iter()
        .all(|&address| address::admitted(address.into().ip()));
    if all {
        Ok(addresses)
    } else {
        Err(RefusedAddress)
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    fn admits(policy: &Policy, url: &str) -> bool {
        policy.admit(&Url::parse(url).unwrap()).is_ok()
    }

    #[test]
    fn without_a_list_any_host_will_do_but_metadata() {
        let policy = Policy::default();
        for url in [
            "http://127.0.0.1:1/x",
            "https://example.com/x",
            "http://[::1]/x",
        ] {
            assert!(admits(&policy, url), "{url}");
        }
        for url in [
            "http://169.254.169.254/latest/",
            "http://0xa9fea9fe/",
            "http://2852039166/",
            "http://[::ffff:169.254.169.254]/",
            "http://metadata.google.internal/",
            "http://METADATA.google.internal./",
            "http://0.0.0.0/",
        ] {
            assert!(!admits(&policy, url), "{url}");
        }
    }

    #[test]
    fn a_list_admits_what_it_names_and_nothing_else() {
        let policy = Policy::hosts("a.example, *.b.example:8443,127.0.0.1,c.example:80").unwrap();
        for url in [
            "http://a.example/",
            "https://A.example:99/",
            "https://x.b.example:8443/",
            "http://127.0.0.1:5/",
            "http://c.example/",
        ] {
            assert!(admits(&policy, url), "{url}");
        }
        for url in [
            "http://xa.example/",
            "http://x.a.example/",
            "https://b.example:8443/",
            "https://xb.example:8443/",
            "https://x.b.example/",
            "https://c.example/",
        ] {
            assert!(!admits(&policy, url), "{url}");
        }
    }

    #[test]
    fn a_list_cannot_allow_metadata() {
        let policy = Policy::hosts("169.254.169.254,metadata").unwrap();
        assert!(!admits(&policy, "http://169.254.169.254/"));
        assert!(!admits(&policy, "http://metadata/"));
    }

    #[test]
    fn an_entry_that_is_no_host_is_named() {
        for entry in ["http://x", "a/b", "u@h", "*", "a b", "x:99999"] {
            let error = Policy::hosts(entry).unwrap_err();
            assert!(error.message().contains(&format!("`{entry}`")), "{error}");
        }
        assert!(!admits(&Policy::hosts("").unwrap(), "http://a.example/"));
    }

    #[test]
    fn one_bad_address_refuses_the_name() {
        let good: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let bad: SocketAddr = "169.254.169.254:0".parse().unwrap();
        assert_eq!(admit_addresses(vec![good]).unwrap(), [good]);
        assert!(admit_addresses(vec![good, bad]).is_err());
    }
}
