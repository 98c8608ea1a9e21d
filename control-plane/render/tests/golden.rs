//! Documents in, objects out. Each `tests/golden/CASE.yaml` is planned and rendered, and the objects
//! are compared with `CASE.objects.yaml`. The first line of a document names what the installation
//! has: `# with: istio, keda`. Where objects differ on purpose, copy the new ones from the folder
//! that the failure names.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, in its helpers too"
)]

#[path = "golden/with.rs"]
mod with;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hari_api::{Issue, PredictorSpec, read_documents, to_yaml};
use hari_plan::contract::annotation;
use hari_plan::{Installation, plan_with};
use hari_render::{Object, Surroundings, render};
use serde_json::{Value, json};
use with::{installation, settings, surroundings};

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let entries = folder.read_dir().unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| {
        let name = path.to_str().unwrap();
        name.ends_with(".yaml") && !name.ends_with(".objects.yaml")
    });
    paths.sort();
    paths
}

fn said(issues: &[Issue]) -> String {
    issues.iter().map(|issue| format!("{issue}\n")).collect()
}

fn objects(path: &Path) -> Result<Vec<Object>, String> {
    let text = std::fs::read_to_string(path).unwrap();
    let name = path.file_name().unwrap().to_str().unwrap();
    let planned = plan_with(&read_documents(&text, name), &installation(&text));
    if planned.has_errors() {
        return Err(said(&planned.issues));
    }
    let plan = planned.deployments.first().unwrap();
    let rendered = render(plan, &settings(&text), &surroundings(&text));
    rendered.map_err(|issues| said(&issues))
}

/// Objects as a reader likes them: the graph of an orchestrator as itself, not as base64.
fn readable(object: &Object) -> Value {
    let mut value = object.value().clone();
    let containers = value.pointer_mut("/spec/template/spec/containers");
    let containers = containers
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten();
    for container in containers {
        let variables = container.get_mut("env").and_then(Value::as_array_mut);
        for variable in variables.into_iter().flatten() {
            if variable["name"] == "ENGINE_PREDICTOR" {
                let decoded = STANDARD
                    .decode(variable["value"].as_str().unwrap())
                    .unwrap();
                variable["value"] =
                    json!({"decoded": serde_json::from_slice::<Value>(&decoded).unwrap()});
            }
        }
    }
    value
}

fn outcome(path: &Path) -> String {
    match objects(path) {
        Ok(objects) => {
            let documents = objects.iter().map(|object| to_yaml(&readable(object)));
            documents.collect::<Vec<_>>().join("---\n")
        }
        Err(issues) => issues,
    }
}

#[test]
fn every_case_gives_the_objects_it_gave_before() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("render-golden");
    std::fs::create_dir_all(&folder).unwrap();
    let mut changed = Vec::new();
    let paths = cases();
    assert!(paths.len() >= 50, "{}", paths.len());
    for path in paths {
        let name = path.with_extension("objects.yaml");
        let actual = outcome(&path);
        if actual != std::fs::read_to_string(&name).unwrap_or_default() {
            let name = name.file_name().unwrap();
            std::fs::write(folder.join(name), actual).unwrap();
            changed.push(name.to_owned());
        }
    }
    assert!(changed.is_empty(), "{changed:?}: see {}", folder.display());
}

/// What the API server asks of any objects.
#[test]
fn objects_have_names_that_kubernetes_takes_once_each() {
    for path in cases() {
        let mut seen = BTreeSet::new();
        for object in objects(&path).unwrap_or_default() {
            let key = format!("{}/{}", object.kind(), object.name());
            assert!(hari_plan::names::is_name(object.name()), "{key}");
            assert!(!object.api_version().is_empty(), "{key}");
            assert!(seen.insert(key.clone()), "{key} twice");
            let labels = object.value()["metadata"]["labels"].as_object().unwrap();
            assert_eq!(
                labels["app.kubernetes.io/managed-by"], "seldon-core",
                "{key}"
            );
        }
    }
}

/// Every Service and Deployment finds its pods.
#[test]
fn selectors_select() {
    for path in cases() {
        let objects = objects(&path).unwrap_or_default();
        let pods: Vec<&Value> = objects
            .iter()
            .filter(|object| object.kind() == "Deployment")
            .map(|object| &object.value()["spec"]["template"]["metadata"]["labels"])
            .collect();
        for object in &objects {
            let spec = &object.value()["spec"];
            let (selector, most) = match object.kind() {
                "Service" => (&spec["selector"], 1),
                "Deployment" | "PodDisruptionBudget" => (&spec["selector"]["matchLabels"], 1),
                _ => continue,
            };
            let wanted = selector.as_object().unwrap();
            let fits = |labels: &&&Value| wanted.iter().all(|(name, value)| &labels[name] == value);
            assert_eq!(
                pods.iter().filter(fits).count(),
                most,
                "{path:?} {}",
                object.name()
            );
        }
    }
}

/// What is mounted is there; no two mounts of a container are at one place; ports are named once.
#[test]
fn pods_fit_together() {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    for path in cases() {
        for object in objects(&path).unwrap_or_default() {
            let pod = &object.value()["spec"]["template"]["spec"];
            let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
            let volumes: BTreeSet<String> = list(&pod["volumes"])
                .iter()
                .map(|volume| text(&volume["name"]))
                .collect();
            for container in [list(&pod["containers"]), list(&pod["initContainers"])].concat() {
                let (mut places, mut names) = (BTreeSet::new(), BTreeSet::new());
                for mount in list(&container["volumeMounts"]) {
                    assert!(volumes.contains(&text(&mount["name"])), "{path:?} {mount}");
                    assert!(places.insert(text(&mount["mountPath"])), "{path:?} {mount}");
                }
                let mut numbers = BTreeSet::new();
                for port in list(&container["ports"]) {
                    let name = text(&port["name"]);
                    assert!(name.len() <= 15 && names.insert(name), "{path:?} {port}");
                    let number = port["containerPort"].as_i64().unwrap();
                    assert!(numbers.insert(number), "{path:?} {port}");
                }
                let mut variables = BTreeSet::new();
                for variable in list(&container["env"]) {
                    assert!(
                        variables.insert(text(&variable["name"])),
                        "{path:?} {variable}"
                    );
                }
                assert!(!text(&container["image"]).is_empty());
            }
        }
    }
}

/// What an orchestrator is told is a predictor that keeps every rule.
#[test]
fn orchestrators_are_told_what_they_can_plan() {
    for path in cases() {
        for object in objects(&path).unwrap_or_default() {
            let value = readable(&object);
            let containers = value.pointer("/spec/template/spec/containers");
            let containers = containers.and_then(Value::as_array).into_iter().flatten();
            for variable in
                containers.flat_map(|found| found["env"].as_array().into_iter().flatten())
            {
                let told = &variable["value"]["decoded"];
                if told.is_null() {
                    continue;
                }
                let mut spec: PredictorSpec = serde_json::from_value(told.clone()).unwrap();
                (spec.traffic, spec.shadow) = (None, None);
                let resource = serde_json::from_value(json!({
                    "apiVersion": "machinelearning.seldon.io/v1",
                    "kind": "SeldonDeployment",
                    "metadata": {"name": "told"},
                    "spec": {"predictors": [spec]},
                }));
                let (plan, issues) =
                    hari_plan::plan_resource(&resource.unwrap(), &Installation::default());
                let policy = hari_plan::PlacementPolicy::Pod;
                let bound = hari_plan::bind(&plan.unwrap_or_else(|| panic!("{issues:?}")), &policy);
                assert!(bound.is_ok(), "{path:?} {bound:?}");
            }
        }
    }
}

/// A new share of the requests, another number of pods, or another way for a canary changes no pod.
#[test]
fn shares_restart_nothing() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let text = std::fs::read_to_string(folder.join("canary-istio.yaml")).unwrap();
    let planned = plan_with(&read_documents(&text, ""), &Installation::default());
    let before = planned.deployments.first().unwrap().clone();
    let mut after = before.clone();
    after.predictors[0].traffic = 100;
    after.predictors[1].traffic = 0;
    after.resource.spec.predictors[0].traffic = Some(100);
    after.resource.spec.predictors[0].replicas = Some(7);
    let rollout = (annotation::ROLLOUT.to_owned(), "5,50,100".to_owned());
    after.predictors[1].annotations.extend([rollout]);
    let rendered = |plan| render(plan, &settings(&text), &Surroundings::default()).unwrap();
    let (before, after) = (rendered(&before), rendered(&after));
    let changed: Vec<&str> = before
        .iter()
        .zip(&after)
        .filter(|(before, after)| before != after)
        .map(|(before, _)| before.kind())
        .collect();
    assert_eq!(changed, ["Deployment", "VirtualService"]);
    for (before, after) in before.iter().zip(&after) {
        let template = |object: &Object| object.value()["spec"]["template"].clone();
        assert_eq!(template(before), template(after), "{}", before.name());
    }
    let weights: Vec<i64> = after
        .iter()
        .filter(|object| object.kind() == "VirtualService")
        .flat_map(|object| {
            object.value()["spec"]["http"][0]["route"]
                .as_array()
                .unwrap()
        })
        .map(|route| route["weight"].as_i64().unwrap())
        .collect();
    assert_eq!(weights, [100, 0]);
}

/// Who renders in a cluster has to know which accounts to look up.
#[test]
fn accounts_are_asked_for() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let wanted = |name: &str| {
        let text = std::fs::read_to_string(folder.join(name)).unwrap();
        let planned = plan_with(&read_documents(&text, ""), &Installation::default());
        hari_render::wanted_service_accounts(planned.deployments.first().unwrap())
    };
    let names =
        |all: &[&str]| -> BTreeSet<String> { all.iter().map(|name| (*name).to_owned()).collect() };
    assert_eq!(wanted("accounts.yaml"), names(&["default", "minio"]));
    assert_eq!(
        wanted("explainer-istio.yaml"),
        names(&["default", "explains"])
    );
    assert_eq!(wanted("elsewhere.yaml"), names(&[]));
}

/// Every container of Hari's image keeps what Kubernetes calls restricted, on a root that cannot be
/// written; the user's own are left as they are.
#[test]
fn containers_of_ours_are_confined() {
    let mut seen = 0;
    for path in cases() {
        for object in objects(&path).unwrap_or_default() {
            let pod = &object.value()["spec"]["template"]["spec"];
            let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
            for container in [list(&pod["containers"]), list(&pod["initContainers"])].concat() {
                let context = &container["securityContext"];
                let ours = container["image"].as_str().unwrap().starts_with("hari:");
                if !ours {
                    assert!(context["readOnlyRootFilesystem"].is_null(), "{path:?}");
                    continue;
                }
                seen += 1;
                let expected = json!({
                    "allowPrivilegeEscalation": false,
                    "capabilities": {"drop": ["ALL"]},
                    "readOnlyRootFilesystem": true,
                    "runAsNonRoot": true,
                    "runAsUser": 8888,
                    "seccompProfile": {"type": "RuntimeDefault"},
                });
                assert_eq!(context, &expected, "{path:?} {}", container["name"]);
                let mounts = list(&container["volumeMounts"]);
                let writable = mounts.iter().filter(|mount| mount["readOnly"].is_null());
                let places: Vec<&str> = writable
                    .filter_map(|mount| mount["mountPath"].as_str())
                    .collect();
                assert!(places.contains(&"/tmp"), "{path:?} {places:?}");
                assert_eq!(
                    container["terminationMessagePolicy"],
                    "FallbackToLogsOnError"
                );
            }
        }
    }
    assert!(seen > 80, "{seen}");
}

/// All that an orchestrator does at its end, it does before it is killed.
#[test]
fn containers_end_before_they_are_ended() {
    let seconds = |args: &[Value], flag: &str| -> i64 {
        let place = args.iter().position(|arg| arg == flag).unwrap();
        let text = args[place + 1].as_str().unwrap();
        text.strip_suffix('s').unwrap().parse().unwrap()
    };
    let mut graces = BTreeSet::new();
    for path in cases() {
        for object in objects(&path).unwrap_or_default() {
            let pod = &object.value()["spec"]["template"]["spec"];
            let grace = pod["terminationGracePeriodSeconds"].as_i64().unwrap_or(0);
            for container in pod["containers"].as_array().into_iter().flatten() {
                let args = container["args"].as_array().cloned().unwrap_or_default();
                if args.first().is_none_or(|first| first != "engine") {
                    continue;
                }
                let delay = seconds(&args, "--shutdown_delay");
                let graceful = seconds(&args, "--graceful_timeout");
                assert!(delay >= 0 && graceful >= 1, "{path:?}");
                // A second is too little for anything.
                assert!(
                    delay + graceful < grace.max(2),
                    "{path:?} {delay} {graceful}"
                );
                graces.insert(grace);
            }
        }
    }
    assert!(
        graces.contains(&20) && graces.contains(&120) && graces.contains(&1),
        "{graces:?}"
    );
}
