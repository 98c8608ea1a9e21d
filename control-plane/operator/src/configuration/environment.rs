//! What the environment says of the installation.

use std::str::FromStr;

use hari_error::{Error, Result};
use hari_plan::Installation;
use hari_render::{
    Ambassador, AmbassadorVersion, Gateway, Ingress, Istio, Resources, Settings, Storage,
};
use hari_settings as settings;
use hari_settings::Setting;

use super::Configuration;
use super::images::{self, Images};

/// Looks a setting up; set to nothing is `Some("")`.
pub(super) type Lookup<'a> = &'a dyn Fn(&Setting) -> Option<String>;

/// The environment, as far as an installation sets it.
#[derive(Clone, Copy)]
pub(super) struct Environment<'a>(pub(super) Lookup<'a>);

impl Environment<'_> {
    /// What holds without a ConfigMap, and the images that win over its.
    ///
    /// # Errors
    /// Names the first setting that cannot be read.
    pub(super) fn read(self) -> Result<(Configuration, Images)> {
        let images = Images::read(self.0);
        let configuration = Configuration {
            installation: self.installation()?,
            render: self.settings()?,
        };
        Ok((configuration, images))
    }

    fn installation(self) -> Result<Installation> {
        let usual = Installation::default();
        Ok(Installation {
            http_port: self.port(&settings::UNIT_HTTP_PORT, usual.http_port)?,
            grpc_port: self.port(&settings::UNIT_GRPC_PORT, usual.grpc_port)?,
            metrics_port: self.port(&settings::UNIT_METRICS_PORT, usual.metrics_port)?,
            metrics_port_name: self.or(&settings::METRICS_PORT_NAME, usual.metrics_port_name),
            ..usual
        })
    }

    fn settings(self) -> Result<Settings> {
        let usual = Settings::default();
        let number = |setting, or: u64| Ok::<u64, Error>(self.parse(setting)?.unwrap_or(or));
        Ok(Settings {
            image: self.image().unwrap_or(usual.image),
            python_image: self.text(&settings::PYTHON_IMAGE),
            image_pull_policy: self.pull_policy(usual.image_pull_policy)?,
            http_port: self.either_port(&settings::EXECUTOR_PORT, &settings::ENGINE_PORT)?,
            grpc_port: self
                .either_port(&settings::EXECUTOR_GRPC_PORT, &settings::ENGINE_GRPC_PORT)?,
            metrics_port_name: self.or(
                &settings::EXECUTOR_METRICS_PORT_NAME,
                usual.metrics_port_name,
            ),
            prometheus_path: self.or(&settings::EXECUTOR_PROMETHEUS_PATH, usual.prometheus_path),
            pod_user: self.user(&settings::DEFAULT_USER_ID, usual.pod_user)?,
            engine_user: self.user(&settings::EXECUTOR_USER, usual.engine_user)?,
            engine_resources: self.resources(usual.engine_resources),
            engine_service_account: self.or(
                &settings::EXECUTOR_SERVICE_ACCOUNT,
                usual.engine_service_account,
            ),
            logger_endpoint: self.or(&settings::EXECUTOR_LOGGER_ENDPOINT, usual.logger_endpoint),
            logger_queue: number(&settings::EXECUTOR_LOGGER_QUEUE, usual.logger_queue)?,
            logger_timeout_ms: number(&settings::EXECUTOR_LOGGER_TIMEOUT, usual.logger_timeout_ms)?,
            full_health_checks: self.truth(&settings::EXECUTOR_FULL_HEALTH_CHECKS)?,
            certificates: self.or(&settings::DEFAULT_CERT_MOUNT_PATH, usual.certificates),
            storage: Storage {
                env_secret: self.text(&settings::DEFAULT_ENV_SECRET),
                ..usual.storage
            },
            name_as_prefix: self.truth(&settings::DEPLOYMENT_NAME_AS_PREFIX)?,
            keda: self.truth(&settings::KEDA_ENABLED)?,
            istio: self.istio()?,
            ambassador: self.ambassador()?,
            gateway: self.gateway()?,
            ingress: self.ingress()?,
            ..usual
        })
    }

    /// Hari's image. That of the original's executor is a leaving of an earlier installation.
    fn image(self) -> Option<String> {
        let named = [
            &settings::OPERATOR_IMAGE,
            &settings::IMAGE_EXECUTOR,
            &settings::EXECUTOR_IMAGE,
        ];
        let mut images = named.into_iter().filter_map(|setting| self.text(setting));
        images.find(|image| {
            let ours = !images::is_of(image, "seldonio/seldon-core-executor");
            if !ours {
                tracing::warn!(image, "this is the original's executor: it is not taken");
            }
            ours
        })
    }

    fn pull_policy(self, usual: String) -> Result<String> {
        let setting = &settings::EXECUTOR_PULL_POLICY;
        let policy = self.or(setting, usual);
        match policy.as_str() {
            "Always" | "IfNotPresent" | "Never" => Ok(policy),
            _ => Err(refused(setting, &policy)),
        }
    }

    fn resources(self, usual: Resources) -> Resources {
        Resources {
            cpu_request: self.or(&settings::EXECUTOR_CPU_REQUEST, usual.cpu_request),
            cpu_limit: self.or(&settings::EXECUTOR_CPU_LIMIT, usual.cpu_limit),
            memory_request: self.or(&settings::EXECUTOR_MEMORY_REQUEST, usual.memory_request),
            memory_limit: self.or(&settings::EXECUTOR_MEMORY_LIMIT, usual.memory_limit),
        }
    }

    fn istio(self) -> Result<Option<Istio>> {
        Ok(self.truth(&settings::ISTIO_ENABLED)?.then(|| Istio {
            gateway: self.or(
                &settings::ISTIO_GATEWAY,
                settings::ISTIO_GATEWAY.default.to_owned(),
            ),
            tls_mode: self.text(&settings::ISTIO_TLS_MODE),
        }))
    }

    fn ambassador(self) -> Result<Option<Ambassador>> {
        if !self.truth(&settings::AMBASSADOR_ENABLED)? {
            return Ok(None);
        }
        let setting = &settings::AMBASSADOR_VERSION;
        let version = match &*self.or(setting, setting.default.to_owned()) {
            "v1" => AmbassadorVersion::V1,
            "v2" => AmbassadorVersion::V2,
            other => return Err(refused(setting, other)),
        };
        Ok(Some(Ambassador {
            version,
            single_namespace: self.truth(&settings::AMBASSADOR_SINGLE_NAMESPACE)?,
        }))
    }

    fn gateway(self) -> Result<Option<Gateway>> {
        let Some(text) = self.text(&settings::GATEWAY) else {
            return Ok(None);
        };
        let (namespace, name) = match text.split_once('/') {
            Some((namespace, name)) => (Some(namespace.to_owned()), name),
            None => (None, &*text),
        };
        let sound = !name.is_empty() && !name.contains('/') && namespace.as_deref() != Some("");
        let gateway = sound.then(|| Gateway {
            name: name.to_owned(),
            namespace,
        });
        gateway
            .map(Some)
            .ok_or_else(|| refused(&settings::GATEWAY, &text))
    }

    fn ingress(self) -> Result<Option<Ingress>> {
        let class = self.text(&settings::INGRESS_CLASS);
        let wanted = self.truth(&settings::INGRESS_ENABLED)? || class.is_some();
        Ok(wanted.then_some(Ingress { class }))
    }

    /// The value, unless it is set to nothing.
    fn text(self, setting: &Setting) -> Option<String> {
        (self.0)(setting).filter(|value| !value.is_empty())
    }

    fn or(self, setting: &Setting, usual: String) -> String {
        self.text(setting).unwrap_or(usual)
    }

    fn parse<T: FromStr>(self, setting: &Setting) -> Result<Option<T>> {
        let text = self.text(setting);
        text.map(|value| setting.read(&value)).transpose()
    }

    fn truth(self, setting: &Setting) -> Result<bool> {
        let text = self.text(setting).unwrap_or_default();
        truth(&text).ok_or_else(|| refused(setting, &text))
    }

    fn port(self, setting: &Setting, usual: i32) -> Result<i32> {
        let port: Option<u16> = self.parse(setting)?;
        Ok(port.filter(|port| *port > 0).map_or(usual, i32::from))
    }

    /// The port of either name, which the original kept apart.
    fn either_port(self, first: &Setting, second: &Setting) -> Result<i32> {
        let usual = self.port(second, first.default.parse().unwrap_or_default())?;
        self.port(first, usual)
    }

    /// A user's number; none if it is set to nothing.
    fn user(self, setting: &Setting, usual: Option<i64>) -> Result<Option<i64>> {
        match (self.0)(setting) {
            None => Ok(usual),
            Some(text) if text.is_empty() => Ok(None),
            Some(text) => setting.read(&text).map(Some),
        }
    }
}

/// `true` and `false` as Go's flags and Helm's templates write them.
fn truth(text: &str) -> Option<bool> {
    match &*text.to_ascii_lowercase() {
        "true" | "1" | "t" => Some(true),
        "false" | "0" | "f" | "" => Some(false),
        _ => None,
    }
}

fn refused(setting: &Setting, found: &str) -> Error {
    let Setting { name, help, .. } = setting;
    Error::invalid(format!(
        "environment variable {name}: cannot take `{found}` ({help})"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Configuration> {
        let lookup = |setting: &Setting| {
            let mut found = variables.iter().filter(|(name, _)| *name == setting.name);
            found.next().map(|(_, value)| (*value).to_owned())
        };
        Environment(&lookup).read().map(|(read, _)| read)
    }

    #[test]
    fn nothing_set_is_the_defaults() {
        assert_eq!(read(&[]).unwrap(), Configuration::default());
    }

    #[test]
    fn what_the_original_chart_sets_is_understood() {
        let read = read(&[
            ("AMBASSADOR_ENABLED", "true"),
            ("AMBASSADOR_SINGLE_NAMESPACE", "false"),
            ("AMBASSADOR_VERSION", "v1"),
            ("ISTIO_ENABLED", "true"),
            ("ISTIO_GATEWAY", "istio-system/seldon-gateway"),
            ("ISTIO_TLS_MODE", ""),
            ("KEDA_ENABLED", "false"),
            ("EXECUTOR_SERVER_PORT", "8100"),
            ("EXECUTOR_CONTAINER_USER", "1000"),
            ("EXECUTOR_REQUEST_LOGGER_WORK_QUEUE_SIZE", "5"),
            ("EXECUTOR_DEFAULT_MEMORY_LIMIT", "1Gi"),
            ("DEFAULT_USER_ID", ""),
            ("PREDICTIVE_UNIT_HTTP_SERVICE_PORT", "9100"),
            ("PREDICTIVE_UNIT_DEFAULT_ENV_SECRET_REF_NAME", "bucket"),
        ]);
        let Configuration {
            installation,
            render,
        } = read.unwrap();
        assert_eq!(installation.http_port, 9100);
        assert_eq!((render.http_port, render.grpc_port), (8100, 5001));
        assert_eq!((render.pod_user, render.engine_user), (None, Some(1000)));
        assert_eq!(render.engine_resources.memory_limit, "1Gi");
        assert_eq!(render.engine_resources.cpu_limit, "500m");
        assert_eq!(render.storage.env_secret.as_deref(), Some("bucket"));
        assert_eq!(render.logger_queue, 5);
        let istio = render.istio.unwrap();
        assert_eq!(istio.tls_mode, None);
        assert_eq!(istio.gateway, "istio-system/seldon-gateway");
        assert_eq!(render.ambassador.unwrap().version, AmbassadorVersion::V1);
    }

    #[test]
    fn one_port_under_two_names() {
        let port = |variables: &[_]| read(variables).unwrap().render.http_port;
        assert_eq!(port(&[("ENGINE_SERVER_PORT", "8200")]), 8200);
        let both = [("ENGINE_SERVER_PORT", "1"), ("EXECUTOR_SERVER_PORT", "2")];
        assert_eq!(port(&both), 2);
    }

    #[test]
    fn the_image_is_ours_wherever_it_is_named() {
        let image = |variables: &[_]| read(variables).unwrap().render.image;
        let usual = Settings::default().image;
        let original = "docker.io/seldonio/seldon-core-executor:1.19.0-dev";
        assert_eq!(
            image(&[("EXECUTOR_CONTAINER_IMAGE_AND_VERSION", original)]),
            usual
        );
        let both = [
            ("RELATED_IMAGE_EXECUTOR", "acme/hari:2"),
            ("EXECUTOR_CONTAINER_IMAGE_AND_VERSION", "acme/hari:1"),
        ];
        assert_eq!(image(&both), "acme/hari:2");
        assert_eq!(image(&[("HARI_IMAGE", "hari:9"), both[0]]), "hari:9");
    }

    #[test]
    fn new_ingresses() {
        let read = read(&[
            ("HARI_GATEWAY", "infra/public"),
            ("HARI_INGRESS_CLASS", "n"),
        ])
        .unwrap();
        let gateway = read.render.gateway.unwrap();
        assert_eq!(gateway.namespace.as_deref(), Some("infra"));
        assert_eq!(gateway.name, "public");
        assert_eq!(read.render.ingress.unwrap().class.as_deref(), Some("n"));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for (name, value) in [
            ("AMBASSADOR_VERSION", "v3"),
            ("ISTIO_ENABLED", "yes please"),
            ("EXECUTOR_SERVER_PORT", "80000"),
            ("DEFAULT_USER_ID", "root"),
            ("HARI_GATEWAY", "a/b/c"),
            ("EXECUTOR_CONTAINER_IMAGE_PULL_POLICY", "Sometimes"),
        ] {
            let error = read(&[(name, value), ("AMBASSADOR_ENABLED", "1")]).unwrap_err();
            let message = error.message();
            assert!(
                message.contains(name) && message.contains(value),
                "{message}"
            );
        }
    }
}
