//! Licences of everything that is linked: those of `deny.toml`, and no crate from elsewhere than
//! the registry.

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::workspace;

/// Every package whose licence is not accepted, or that does not come from the registry.
pub(super) fn check(metadata: &Value) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(workspace::root().join("deny.toml"))?;
    let allowed = allowed(&text)?;
    let packages = metadata["packages"]
        .as_array()
        .context("cargo metadata lists no packages")?;
    Ok(packages
        .iter()
        .filter_map(|package| complaint(package, &allowed))
        .collect())
}

/// The list `allow` of the table `licenses`.
fn allowed(deny: &str) -> Result<Vec<String>> {
    let table = deny.split_once("[licenses]").map(|(_, table)| table);
    let list = table.and_then(|table| table.split_once("allow = [")?.1.split_once(']'));
    let Some((list, _)) = list else {
        bail!("deny.toml: expected `allow = [...]` below `[licenses]`");
    };
    let words = list
        .lines()
        .flat_map(|line| line.split('#').next().unwrap_or("").split(','));
    let words = words.map(|word| word.trim().trim_matches('"').to_owned());
    Ok(words.filter(|word| !word.is_empty()).collect())
}

fn complaint(package: &Value, allowed: &[String]) -> Option<String> {
    let name = package["name"].as_str().unwrap_or("?");
    let source = package["source"].as_str();
    if source.is_some_and(|source| !source.starts_with("registry+")) {
        return Some(format!("{name} does not come from the registry"));
    }
    match package["license"].as_str() {
        Some(licence) if accepted(licence, allowed) => None,
        Some(licence) => Some(format!(
            "{name} has the licence {licence}: not one of deny.toml"
        )),
        None => Some(format!("{name} names no licence")),
    }
}

/// Whether an SPDX expression can be kept with the allowed licences. `/` is the old way to say OR.
fn accepted(expression: &str, allowed: &[String]) -> bool {
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let tokens: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = tokens.as_slice();
    either(&mut rest, allowed) && rest.is_empty()
}

fn either(rest: &mut &[&str], allowed: &[String]) -> bool {
    let mut ok = both(rest, allowed);
    while let ["OR", after @ ..] = *rest {
        *rest = after;
        ok |= both(rest, allowed);
    }
    ok
}

fn both(rest: &mut &[&str], allowed: &[String]) -> bool {
    let mut ok = one(rest, allowed);
    while let ["AND", after @ ..] = *rest {
        *rest = after;
        ok &= one(rest, allowed);
    }
    ok
}

fn one(rest: &mut &[&str], allowed: &[String]) -> bool {
    match *rest {
        ["(", after @ ..] => {
            *rest = after;
            let ok = either(rest, allowed);
            *rest = rest.strip_prefix(&[")"]).unwrap_or(&["unclosed"]);
            ok
        }
        [name, "WITH", exception, after @ ..] => {
            *rest = after;
            allowed.contains(&format!("{name} WITH {exception}"))
        }
        [name, after @ ..] => {
            *rest = after;
            allowed.iter().any(|one| one == name)
        }
        [] => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(expression: &str) -> bool {
        accepted(expression, &["MIT".to_owned(), "Unicode-3.0".to_owned()])
    }

    #[test]
    fn expressions_are_read_as_spdx_says() {
        for good in [
            "MIT",
            "GPL-3.0 OR MIT",
            "MIT/Apache-2.0",
            "Apache-2.0 / MIT",
            "(MIT OR Apache-2.0) AND Unicode-3.0",
            "Apache-2.0 WITH LLVM-exception OR MIT",
        ] {
            assert!(of(good), "{good}");
        }
        for bad in [
            "GPL-3.0",
            "MIT AND GPL-3.0",
            "(MIT OR X) AND Y",
            "Apache-2.0 WITH Z",
            "",
            "(MIT",
        ] {
            assert!(!of(bad), "{bad}");
        }
    }

    #[test]
    fn packages_are_named_with_what_is_wrong() {
        let allowed = ["MIT".to_owned()];
        let good = json!({"name": "a", "license": "MIT", "source": "registry+https://x"});
        assert_eq!(complaint(&good, &allowed), None);
        let git = json!({"name": "b", "license": "MIT", "source": "git+https://x"});
        assert_eq!(
            complaint(&git, &allowed).unwrap(),
            "b does not come from the registry"
        );
        let none = json!({"name": "c", "license": null, "source": null});
        assert_eq!(complaint(&none, &allowed).unwrap(), "c names no licence");
    }

    #[test]
    fn the_list_is_the_one_of_cargo_deny() {
        let text = "[licenses]\n# which\nallow = [\n  \"MIT\", # most\n  \"ISC\",\n]\n";
        assert_eq!(allowed(text).unwrap(), ["MIT", "ISC"]);
        assert!(allowed("[bans]\n").is_err());
    }
}
