//! Drawings, letter by letter.

use hari_api::read_documents;

use super::*;
use crate::plan::Plan;

const GRAPH: &str = r#"
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: prices}
spec:
  annotations: {hari.dev/on-failure: "two=continue"}
  predictors:
  - name: main
    traffic: 90
    graph:
      name: ab
      implementation: RANDOM_ABTEST
      children:
      - name: clean
        type: TRANSFORMER
        endpoint: {service_host: cleaner.local, service_port: 9000}
        children:
        - {name: model, implementation: ONNX_SERVER, modelUri: ./m.onnx}
      - name: mean
        implementation: AVERAGE_COMBINER
        children:
        - {name: one, implementation: SKLEARN_SERVER, modelUri: ./one}
        - {name: two, implementation: SKLEARN_SERVER, modelUri: ./two}
  - name: next
    traffic: 10
    componentSpecs:
    - spec: {containers: [{name: own, image: "registry/own:1"}]}
    graph: {name: own, type: MODEL}
  - name: dark
    shadow: true
    traffic: 5
    graph: {name: constant, implementation: SIMPLE_MODEL}
"#;

fn plans() -> Vec<Plan> {
    let planned = crate::plan(&read_documents(GRAPH, "prices.yaml"));
    assert!(!planned.has_errors(), "{:?}", planned.issues);
    planned.deployments
}

#[test]
fn a_tree_has_names_kinds_shares_and_branches() {
    let expected = "\
prices
├── main · 90 %
│   └── ab · ROUTER · RANDOM_ABTEST
│       ├── 0: clean · TRANSFORMER · cleaner.local
│       │   └── model · MODEL · ONNX_SERVER
│       └── 1: mean · COMBINER · AVERAGE_COMBINER
│           ├── 0: one · MODEL · SKLEARN_SERVER
│           └── 1: two · MODEL · SKLEARN_SERVER · optional
├── next · 10 %
│   └── own · MODEL · registry/own:1
└── dark · shadow, 5 %
    └── constant · MODEL · SIMPLE_MODEL
";
    assert_eq!(tree(&plans()), expected);
}

#[test]
fn a_flowchart_says_the_same() {
    let expected = r#"flowchart TD
  d0(("prices"))
  subgraph d0p0["main"]
    d0p0n0{"ab<br/>ROUTER<br/>RANDOM_ABTEST"}
    d0p0n1(["clean<br/>TRANSFORMER<br/>cleaner.local"])
    d0p0n2["model<br/>MODEL<br/>ONNX_SERVER"]
    d0p0n1 --> d0p0n2
    d0p0n0 -->|0| d0p0n1
    d0p0n3[/"mean<br/>COMBINER<br/>AVERAGE_COMBINER"\]
    d0p0n4["one<br/>MODEL<br/>SKLEARN_SERVER"]
    d0p0n3 -->|0| d0p0n4
    d0p0n5["two<br/>MODEL<br/>SKLEARN_SERVER<br/>optional"]
    d0p0n3 -.->|1| d0p0n5
    d0p0n0 -->|1| d0p0n3
  end
  d0 -->|"90 %"| d0p0n0
  subgraph d0p1["next"]
    d0p1n0["own<br/>MODEL<br/>registry/own:1"]
  end
  d0 -->|"10 %"| d0p1n0
  subgraph d0p2["dark"]
    d0p2n0["constant<br/>MODEL<br/>SIMPLE_MODEL"]
  end
  d0 -.->|"shadow, 5 %"| d0p2n0
"#;
    assert_eq!(mermaid(&plans()), expected);
}

#[test]
fn words_of_users_end_no_label() {
    let mut plans = plans();
    plans[0].name = "a\"]<b>#".to_owned();
    let text = mermaid(&plans);
    assert!(text.contains("d0((\"a#quot;]#lt;b#gt;#35;\"))"), "{text}");
}

#[test]
fn kinds_are_put_together() {
    let calls = Calls {
        transform_input: true,
        transform_output: true,
        predict: true,
        ..Calls::default()
    };
    assert_eq!(kind(calls), "TRANSFORMER+OUTPUT_TRANSFORMER");
    assert_eq!(kind(Calls::default()), "PASS_THROUGH");
}
