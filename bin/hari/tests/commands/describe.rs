//! `hari crd`, `hari completions`, `--help`.

use crate::hari;

#[test]
fn the_crd_is_yaml_or_json() {
    let yaml = hari(&["crd"]).ok();
    assert!(yaml.contains("kind: CustomResourceDefinition"), "{yaml}");
    assert!(
        yaml.contains("name: seldondeployments.machinelearning.seldon.io"),
        "{yaml}"
    );
    let json = hari(&["crd", "--json"]).json();
    assert_eq!(
        json["metadata"]["name"],
        "seldondeployments.machinelearning.seldon.io"
    );
    assert_eq!(json["spec"]["versions"].as_array().unwrap().len(), 3);
}

#[test]
fn a_printed_crd_is_read_back_as_yaml() {
    let documents = hari_api::read_documents(&hari(&["crd"]).ok(), "crd");
    assert_eq!((documents.len(), documents[0].issues.len()), (1, 0));
    assert_eq!(documents[0].kind(), "CustomResourceDefinition");
}

#[test]
fn completions_name_every_command() {
    for shell in ["bash", "zsh", "fish"] {
        let script = hari(&["completions", shell]).ok();
        for command in [
            "run", "serve", "validate", "inspect", "predict", "fetch", "crd",
        ] {
            assert!(script.contains(command), "{shell}: {command}");
        }
    }
    assert_eq!(hari(&["completions", "csh"]).code, 2);
}

#[test]
fn help_shows_examples_and_a_slip_is_a_usage_error() {
    for command in ["validate", "inspect", "predict", "fetch", "completions"] {
        let help = hari(&[command, "--help"]).ok();
        assert!(help.contains("Examples:\n  "), "{command}: {help}");
    }
    let slip = hari(&["predcit"]);
    assert!(
        slip.code == 2 && slip.err.contains("predict"),
        "{}",
        slip.err
    );
}
