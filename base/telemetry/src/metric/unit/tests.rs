//! What units say is exposed as users' dashboards query it, and within bounds.

use super::*;

const FIXED: &str = "deployment_name=\"d\",predictor_name=\"p\",predictor_version=\"v\",\
                     model_name=\"m\",model_image=\"iris\",model_version=\"1\",\
                     seldon_deployment_name=\"d\",image_name=\"iris\",image_version=\"1\"";

fn unit() -> UnitMetrics {
    let node = NodeLabels {
        deployment: "d".to_owned(),
        predictor: "p".to_owned(),
        version: "v".to_owned(),
        model: "m".to_owned(),
        ..NodeLabels::default()
    };
    UnitMetrics::new(&node.of_image("iris:1"))
}

fn say(all: &Registry, kind: CustomKind, key: &str, value: f32) {
    let tags = BTreeMap::new();
    let custom = Custom {
        key,
        kind,
        value,
        tags: &tags,
    };
    unit().record_in(all, "predict", &custom);
}

fn value(text: &str, series: &str) -> Option<f64> {
    let line = text.lines().find(|line| line.starts_with(series))?;
    line.strip_prefix(series)?.trim().parse().ok()
}

fn series(name: &str, method: &str) -> String {
    format!("{name}{{method=\"{method}\",{FIXED}}}")
}

fn dropped(all: &Registry, reason: &str) -> Option<f64> {
    let series = format!("{DROPPED}{{deployment_name=\"d\",reason=\"{reason}\"}}");
    value(&all.render(), &series)
}

#[test]
fn counters_add_up_and_gauges_keep_the_last() {
    let all = Registry::default();
    for one in [0.1, 0.2, 1.5] {
        say(&all, CustomKind::Counter, "seen", one);
        say(&all, CustomKind::Gauge, "level", one);
    }
    let text = all.render();
    let seen = value(&text, &series("seen_total", "predict")).unwrap();
    assert!((seen - 1.8).abs() < 1e-12, "{seen}");
    assert_eq!(value(&text, &series("level", "predict")), Some(1.5));
    assert!(text.contains("# TYPE seen_total counter\n"), "{text}");
    assert!(text.contains("# TYPE level gauge\n"), "{text}");
}

#[test]
fn timers_are_histograms_of_seconds() {
    let all = Registry::default();
    for milliseconds in [1.0, 20.2, 60_000.0] {
        say(&all, CustomKind::Timer, "took", milliseconds);
    }
    let text = all.render();
    let bucket = |le: &str| {
        let labels = format!("method=\"predict\",{FIXED},le=\"{le}\"");
        value(&text, &format!("took_bucket{{{labels}}}"))
    };
    assert_eq!(bucket("0.001"), Some(1.0));
    assert_eq!(bucket("30"), Some(2.0));
    assert_eq!(bucket("+Inf"), Some(3.0));
    assert_eq!(text.matches("took_bucket{").count(), 51);
    let sum = value(&text, &series("took_sum", "predict")).unwrap();
    assert!((sum - 60.0212).abs() < 1e-9, "{sum}");
    assert_eq!(value(&text, &series("took_count", "predict")), Some(3.0));
}

#[test]
fn feedback_without_a_reward_counts_and_a_negative_one_lowers_the_sum() {
    let all = Registry::default();
    for reward in [1.0, 0.0, -0.5, f32::NAN] {
        unit().feedback_in(&all, reward);
    }
    let text = all.render();
    assert_eq!(value(&text, &series(FEEDBACK, "feedback")), Some(4.0));
    assert_eq!(value(&text, &series(REWARD, "feedback")), Some(0.5));
    assert!(
        text.contains(&format!("# HELP {FEEDBACK} Feedback")),
        "{text}"
    );
}

#[test]
fn tags_are_labels_and_reserved_labels_win() {
    let all = Registry::default();
    let tags = [("city", "Bern"), ("model_name", "mine"), ("method", "x")];
    let tags = tags.map(|(tag, value)| (tag.to_owned(), value.to_owned()));
    let custom = Custom {
        key: "level",
        kind: CustomKind::Gauge,
        value: 2.0,
        tags: &BTreeMap::from(tags),
    };
    unit().record_in(&all, "router", &custom);
    let expected = format!("level{{city=\"Bern\",method=\"router\",{FIXED}}} 2\n");
    assert!(all.render().contains(&expected), "{}", all.render());
}

#[test]
fn what_cannot_be_exposed_is_dropped_and_counted() {
    let all = Registry::default();
    say(&all, CustomKind::Counter, "seen", -1.0);
    say(&all, CustomKind::Counter, "seen", f32::INFINITY);
    assert_eq!(dropped(&all, "value"), Some(2.0));
    say(&all, CustomKind::Gauge, "hari_connections", 1.0);
    assert_eq!(dropped(&all, "name"), Some(1.0));
    say(&all, CustomKind::Gauge, "took", 1.0);
    say(&all, CustomKind::Timer, "took", 1.0);
    assert_eq!(dropped(&all, "kind"), Some(1.0));
    assert!(!all.render().contains("seen_total"), "{}", all.render());
}

#[test]
fn a_deployment_has_only_so_many_series() {
    let all = Registry::default();
    for at in 0..1100 {
        say(&all, CustomKind::Gauge, &format!("level_{at}"), 1.0);
    }
    assert_eq!(dropped(&all, "limit"), Some(100.0));
    say(&all, CustomKind::Gauge, "level_0", 7.0);
    let text = all.render();
    assert_eq!(value(&text, &series("level_0", "predict")), Some(7.0));
    assert_eq!(text.matches("# TYPE level_").count(), 1000);
}
