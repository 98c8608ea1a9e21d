//! Ambassador: mappings as an annotation of the Service, or as objects.

use hari_api::Issue;
use hari_api::path::field;
use hari_plan::Plan;
use serde_json::{Map as Fields, Value, json};

use crate::explainer::Explained;
use crate::labels::{self, Map};
use crate::object::Object;
use crate::predictor::Predictor;
use crate::refused;
use crate::service;
use crate::settings::{Ambassador, AmbassadorVersion, Settings};

const GRPC_METHODS: &str = "/(seldon.protos.*|tensorflow.serving.*|inference.*)/.*";
/// Milliseconds where no annotation says more.
const TIMEOUT: u64 = 3000;
/// Ambassador closes a connection that was silent for so long.
const IDLE: u64 = 300_000;
const HEADER: &str = "seldon.io/ambassador-header";
const REGEX_HEADER: &str = "seldon.io/ambassador-regex-header";

/// What a mapping routes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Rest,
    Grpc,
    Explainer,
}

/// The way to an explainer, which speaks HTTP alone.
const TO_EXPLAINER: &[Kind] = &[Kind::Explainer];
const TO_PREDICTOR: &[Kind] = &[Kind::Rest, Kind::Grpc];

impl Kind {
    /// The predictor's part of a mapping's name.
    fn subject(self, predictor: &Predictor<'_>) -> String {
        let name = &predictor.planned.name;
        match self {
            Self::Rest | Self::Grpc => name.clone(),
            Self::Explainer => format!("{name}-explainer"),
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Rest | Self::Explainer => "rest",
            Self::Grpc => "grpc",
        }
    }

    /// The certificate is the orchestrator's.
    fn has_tls(self, predictor: &Predictor<'_>) -> bool {
        self != Self::Explainer && crate::tls::is_on(predictor)
    }
}

/// The annotation of a predictor's Service, in the first form.
pub(crate) fn annotation(predictor: &Predictor<'_>) -> Option<(String, String)> {
    annotated(predictor, TO_PREDICTOR)
}

/// The annotation of an explainer's Service, in the first form.
pub(crate) fn of_explainer(explained: &Explained<'_>) -> Option<(String, String)> {
    let by_hand = "seldon.io/ambassador-config";
    let annotations = &explained.predictor.plan.annotations;
    annotated(&explained.predictor, TO_EXPLAINER).filter(|_| !annotations.contains_key(by_hand))
}

fn annotated(predictor: &Predictor<'_>, kinds: &[Kind]) -> Option<(String, String)> {
    let ambassador = predictor.settings.ambassador.as_ref()?;
    if ambassador.version != AmbassadorVersion::V1 {
        return None;
    }
    let written = predictor
        .plan
        .annotations
        .get("seldon.io/ambassador-config");
    let text = match written {
        Some(text) => text.clone(),
        None => documents(predictor, ambassador, kinds),
    };
    Some(("getambassador.io/config".to_owned(), text))
}

fn documents(predictor: &Predictor<'_>, ambassador: &Ambassador, kinds: &[Kind]) -> String {
    let mut text = String::new();
    for (kind, namespaced) in wanted(ambassador, kinds) {
        let end = format!("{}_mapping", kind.word());
        let name = name_v1(
            predictor,
            namespaced,
            &format!("{}_{end}", kind.subject(predictor)),
        );
        let mut fields = json!({"apiVersion": "ambassador/v1", "kind": "Mapping", "name": name});
        if let (Some(fields), Value::Object(rest)) =
            (fields.as_object_mut(), mapping(predictor, kind, namespaced))
        {
            fields.extend(rest);
        }
        if kind.has_tls(predictor) {
            fields["tls"] = json!(context_v1(predictor, namespaced));
        }
        text.push_str("---\n");
        text.push_str(&hari_api::to_yaml(&fields));
    }
    let contexts = contexts(predictor, ambassador);
    for namespaced in contexts.into_iter().filter(|_| kinds == TO_PREDICTOR) {
        text.push_str("---\n");
        text.push_str(&hari_api::to_yaml(&json!({
            "apiVersion": "ambassador/v1",
            "kind": "TLSContext",
            "name": context_v1(predictor, namespaced),
            "secret": crate::tls::secret(predictor),
        })));
    }
    text
}

/// The objects of a deployment, in the second form.
pub(crate) fn mappings(
    plan: &Plan,
    settings: &Settings,
    predictors: &[Predictor<'_>],
) -> Vec<Object> {
    let by_hand = plan.annotations.contains_key("seldon.io/ambassador-config");
    let ambassador = settings.ambassador.as_ref();
    let wanted = ambassador.filter(|found| found.version == AmbassadorVersion::V2 && !by_hand);
    let Some(ambassador) = wanted else {
        return Vec::new();
    };
    let each = predictors.iter().flat_map(|predictor| {
        let mut all = objects(predictor, ambassador, TO_PREDICTOR);
        if Explained::of(predictor).is_some() {
            all.extend(objects(predictor, ambassador, TO_EXPLAINER));
        }
        all
    });
    each.collect()
}

fn objects(predictor: &Predictor<'_>, ambassador: &Ambassador, kinds: &[Kind]) -> Vec<Object> {
    let object = |kind: &str, name: String, spec: Value| {
        let own = labels::common(predictor);
        Object::of(&json!({
            "apiVersion": "getambassador.io/v2",
            "kind": kind,
            "metadata": labels::metadata(predictor, name, own, Map::new()),
            "spec": spec,
        }))
    };
    let mut all = Vec::new();
    for (kind, namespaced) in wanted(ambassador, kinds) {
        let mut spec = mapping(predictor, kind, namespaced);
        spec["cluster_tag"] = json!(match kind {
            Kind::Rest | Kind::Explainer => "seldon_http",
            Kind::Grpc => "seldon_grpc",
        });
        if kind.has_tls(predictor) {
            spec["tls"] = json!(context_v2(predictor, namespaced));
        }
        let end = format!("{}-{}", kind.subject(predictor), kind.word());
        all.push(object(
            "Mapping",
            name_v2(predictor, namespaced, &end),
            spec,
        ));
    }
    let contexts = contexts(predictor, ambassador);
    for namespaced in contexts.into_iter().filter(|_| kinds == TO_PREDICTOR) {
        let name = context_v2(predictor, namespaced);
        let secret = crate::tls::secret(predictor);
        all.push(object("TLSContext", name, json!({"secret": secret})));
    }
    all
}

/// Which mappings there are: of what, and whether the namespace is part of the path.
fn wanted(ambassador: &Ambassador, kinds: &[Kind]) -> Vec<(Kind, bool)> {
    let each = |namespaced: bool| kinds.iter().map(move |kind| (*kind, namespaced));
    let mut all: Vec<(Kind, bool)> = each(true).collect();
    if ambassador.single_namespace {
        all.extend(each(false));
    }
    all
}

fn contexts(predictor: &Predictor<'_>, ambassador: &Ambassador) -> Vec<bool> {
    match (crate::tls::is_on(predictor), ambassador.single_namespace) {
        (false, _) => Vec::new(),
        (true, false) => vec![true],
        (true, true) => vec![true, false],
    }
}

/// Names in the first form have underscores.
fn name_v1(predictor: &Predictor<'_>, namespaced: bool, end: &str) -> String {
    let namespace = predictor.plan.namespace.clone() + "_";
    let namespace = if namespaced { namespace } else { String::new() };
    format!("seldon_{namespace}{}_{end}", predictor.plan.name)
}

fn context_v1(predictor: &Predictor<'_>, namespaced: bool) -> String {
    let end = format!("{}_tls_config", predictor.planned.name);
    name_v1(predictor, namespaced, &end)
}

/// Names in the second form are those of objects.
fn name_v2(predictor: &Predictor<'_>, namespaced: bool, end: &str) -> String {
    let namespace = predictor.plan.namespace.clone() + "-";
    let namespace = if namespaced { namespace } else { String::new() };
    format!("seldon-{namespace}{}-{end}", predictor.plan.name)
}

fn context_v2(predictor: &Predictor<'_>, namespaced: bool) -> String {
    let end = format!("{}-tls-config", predictor.planned.name);
    name_v2(predictor, namespaced, &end)
}

/// What a mapping says, in either form.
fn mapping(predictor: &Predictor<'_>, kind: Kind, namespaced: bool) -> Value {
    let plan = predictor.plan;
    let annotation = |key: &str| plan.annotations.get(key);
    let external = annotation("seldon.io/ambassador-service-name").unwrap_or(&plan.name);
    let (http, grpc) = service::ports(predictor);
    let address = format!("{}.{}", predictor.service(), plan.namespace);
    let mut headers = headers(annotation(HEADER));
    let mut fields = match kind {
        Kind::Explainer => {
            let namespace = format!("{}/", plan.namespace);
            let namespace = if namespaced { &*namespace } else { "" };
            let explained = Explained::of(predictor);
            let port = explained.as_ref().map_or(0, Explained::port);
            let name = &predictor.planned.name;
            json!({
                "prefix": format!("/seldon/{namespace}{external}-explainer/{name}/"),
                "rewrite": "/",
                "service": format!("{}.{}:{port}", predictor.explainer(), plan.namespace),
            })
        }
        Kind::Rest => {
            let namespace = format!("{}/", plan.namespace);
            let namespace = if namespaced { &*namespace } else { "" };
            json!({
                "prefix": format!("/seldon/{namespace}{external}/"),
                "rewrite": "/",
                "service": format!("{address}:{http}"),
            })
        }
        Kind::Grpc => {
            headers.insert("seldon".to_owned(), json!(external));
            if namespaced {
                headers.insert("namespace".to_owned(), json!(plan.namespace));
            }
            json!({
                "grpc": true,
                "prefix": GRPC_METHODS,
                "prefix_regex": true,
                "rewrite": "",
                "service": format!("{address}:{grpc}"),
            })
        }
    };
    add("headers", &mut fields, headers);
    add(
        "regex_headers",
        &mut fields,
        self::headers(annotation(REGEX_HEADER)),
    );
    if kind != Kind::Explainer {
        share(predictor, &mut fields);
    }
    add_limits(plan, kind, &mut fields);
    fields
}

fn add(name: &str, fields: &mut Value, map: Fields<String, Value>) {
    if !map.is_empty() {
        fields[name] = Value::Object(map);
    }
}

/// The weight, and whether it is a copy that goes there. The first predictor gets what is left.
fn share(predictor: &Predictor<'_>, fields: &mut Value) {
    let planned = predictor.planned;
    let first = predictor.plan.predictors.first();
    let is_first = first.is_some_and(|first| first.name == planned.name);
    if planned.shadow {
        fields["shadow"] = json!(true);
    }
    if !is_first || planned.shadow {
        fields["weight"] = json!(planned.traffic);
    }
}

fn add_limits(plan: &Plan, kind: Kind, fields: &mut Value) {
    let number = |key: &str| plan.annotations.get(key)?.parse::<u64>().ok();
    let timeout = number(match kind {
        Kind::Rest | Kind::Explainer => hari_plan::contract::annotation::REST_TIMEOUT,
        Kind::Grpc => hari_plan::contract::annotation::GRPC_TIMEOUT,
    });
    let timeout = timeout.unwrap_or(TIMEOUT);
    fields["timeout_ms"] = json!(timeout);
    if timeout > IDLE {
        fields["idle_timeout_ms"] = json!(timeout);
    }
    if let Some(retries) = number("seldon.io/ambassador-retries").filter(|retries| *retries > 0) {
        fields["retry_policy"] = json!({"retry_on": "gateway-error", "num_retries": retries});
    }
    if let Some(id) = plan.annotations.get("seldon.io/ambassador-id") {
        fields["ambassador_id"] = json!(id);
    }
    let breaker = breaker(number);
    if !breaker.is_empty() {
        fields["circuit_breakers"] = json!([breaker]);
    }
}

fn breaker(number: impl Fn(&str) -> Option<u64>) -> Fields<String, Value> {
    let limits = ["connections", "pending-requests", "requests", "retries"];
    let written = limits.into_iter().filter_map(|limit| {
        let found = number(&format!(
            "seldon.io/ambassador-circuit-breakers-max-{limit}"
        ))?;
        Some((format!("max_{}", limit.replace('-', "_")), json!(found)))
    });
    written.collect()
}

/// `name` is there, `name: value` is exactly so.
fn headers(text: Option<&String>) -> Fields<String, Value> {
    let Some(text) = text.map(|text| text.trim()).filter(|text| !text.is_empty()) else {
        return Fields::new();
    };
    let mut parts = text.split(':').map(str::trim);
    let mut all = Fields::new();
    while let Some(name) = parts.next() {
        let value = parts.next().map_or(json!(true), |value| json!(value));
        all.insert(name.to_owned(), value);
    }
    all
}

/// Headers that cannot be read, and names that are too long for an object.
pub(crate) fn issues(plan: &Plan, settings: &Settings) -> Vec<Issue> {
    if settings.ambassador.is_none() {
        return Vec::new();
    }
    let unclear = |name: &&str| {
        let text = plan.annotations.get(*name).map_or("", String::as_str);
        let colons = text.matches(':').count();
        let named = text
            .split(':')
            .step_by(2)
            .all(|name| !name.trim().is_empty());
        !text.is_empty() && (!named || (colons != 0 && colons.is_multiple_of(2)))
    };
    let found = [HEADER, REGEX_HEADER].into_iter().filter(unclear);
    let issue = |name: &str| {
        let path = field("spec.annotations", name);
        let message = "expected `name`, `name: value` or pairs of these with colons between";
        let value = plan.annotations.get(name).map_or("", String::as_str);
        Issue::error(refused::AMBASSADOR_HEADER, path, message).with_value(value)
    };
    found.map(issue).collect()
}
