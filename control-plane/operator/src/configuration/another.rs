//! The configuration of another operator, as this one would understand it.

use hari_settings::Setting;

use super::config_map::{Good, Texts};
use super::environment::Environment;
use super::{Base, Configuration};

/// What is set by these variables and this ConfigMap, and what of them cannot be read.
pub(crate) fn of_another(variables: &Texts, texts: &Texts) -> (Configuration, Vec<String>) {
    let lookup = |setting: &Setting| variables.get(setting.name).cloned();
    let (base, error) = match Environment(&lookup).read() {
        Ok((configuration, images)) => {
            let base = Base {
                configuration,
                images,
            };
            (base, None)
        }
        Err(error) => (Base::default(), Some(error.message().to_owned())),
    };
    let (configuration, problems) = Good::default().take(&base, texts);
    let problems = problems.into_iter().map(|problem| problem.message);
    (configuration, error.into_iter().chain(problems).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(pairs: &[(&str, &str)]) -> Texts {
        let owned = |(key, text): &(&str, &str)| ((*key).to_owned(), (*text).to_owned());
        pairs.iter().map(owned).collect()
    }

    #[test]
    fn the_originals_own_installation_is_understood() {
        let variables = texts(&[("ISTIO_ENABLED", "true"), ("KEDA_ENABLED", "true")]);
        let list = r#"{"MINE": {"protocols": {"seldon": {"image": "acme/mine:1"}}}}"#;
        let (read, problems) = of_another(&variables, &texts(&[("predictor_servers", list)]));
        assert_eq!(problems, [""; 0]);
        assert!(read.render.keda && read.render.istio.is_some());
        assert!(read.installation.knows("MINE"));
    }

    #[test]
    fn what_cannot_be_read_is_said_and_the_rest_holds() {
        let variables = texts(&[("AMBASSADOR_ENABLED", "true"), ("AMBASSADOR_VERSION", "v9")]);
        let (read, problems) = of_another(&variables, &texts(&[("predictor_servers", "{")]));
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems[0].contains("AMBASSADOR_VERSION"), "{problems:?}");
        assert_eq!(read, Configuration::default());
    }
}
