//! Flags of the webhook.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use hari_operator::WebhookOptions;
use hari_settings as settings;

use super::or_default;

/// The webhook that admits deployments.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Webhook")]
pub(super) struct Webhook {
    /// Port of the webhook; 0 for none
    #[arg(
        long,
        alias = "webhook_port",
        default_value_t = 443,
        value_name = "PORT"
    )]
    webhook_port: u16,
    /// Address of the webhook
    #[arg(
        long,
        alias = "webhook_host",
        default_value = "0.0.0.0",
        value_name = "IP"
    )]
    webhook_host: IpAddr,
    /// Folder of tls.crt and tls.key; without them the operator makes a certificate of its own
    /// [default: HARI_WEBHOOK_CERT_DIR, else /tmp/k8s-webhook-server/serving-certs]
    #[arg(long, alias = "webhook_cert_dir", value_name = "FOLDER")]
    webhook_cert_dir: Option<PathBuf>,
}

impl Webhook {
    /// The webhook of an operator in `namespace`; none if it was not asked for.
    pub(super) fn options(&self, namespace: &str) -> Option<WebhookOptions> {
        let folder = || PathBuf::from(or_default(&settings::WEBHOOK_CERTIFICATES));
        let configuration = || format!("seldon-validating-webhook-configuration-{namespace}");
        (self.webhook_port > 0).then(|| WebhookOptions {
            address: SocketAddr::new(self.webhook_host, self.webhook_port),
            certificates: self.webhook_cert_dir.clone().unwrap_or_else(folder),
            service: or_default(&settings::WEBHOOK_SERVICE),
            hosts: hosts(),
            secret: or_default(&settings::WEBHOOK_SECRET),
            configuration: settings::WEBHOOK_CONFIGURATION
                .get()
                .unwrap_or_else(configuration),
        })
    }
}

fn hosts() -> Vec<String> {
    let text = settings::WEBHOOK_HOSTS.get().unwrap_or_default();
    let names = text
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}
