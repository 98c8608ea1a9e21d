//! Metrics of `autoscaling/v2beta1` -> `autoscaling/v2`.

use k8s_openapi::api::autoscaling::v2;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use super::v2beta1;

impl From<v2beta1::MetricSpec> for v2::MetricSpec {
    fn from(metric: v2beta1::MetricSpec) -> Self {
        Self {
            container_resource: metric.container_resource.map(Into::into),
            external: metric.external.map(Into::into),
            object: metric.object.map(Into::into),
            pods: metric.pods.map(Into::into),
            resource: metric.resource.map(Into::into),
            type_: metric.type_,
        }
    }
}

impl From<v2beta1::ContainerResourceMetricSource> for v2::ContainerResourceMetricSource {
    fn from(source: v2beta1::ContainerResourceMetricSource) -> Self {
        Self {
            container: source.container,
            name: source.name,
            target: average_or_share(
                source.target_average_value,
                source.target_average_utilization,
            ),
        }
    }
}

impl From<v2beta1::ResourceMetricSource> for v2::ResourceMetricSource {
    fn from(source: v2beta1::ResourceMetricSource) -> Self {
        Self {
            name: source.name,
            target: average_or_share(
                source.target_average_value,
                source.target_average_utilization,
            ),
        }
    }
}

impl From<v2beta1::ExternalMetricSource> for v2::ExternalMetricSource {
    fn from(source: v2beta1::ExternalMetricSource) -> Self {
        let type_ = match source.target_value {
            Some(_) => "Value",
            None => "AverageValue",
        };
        Self {
            metric: identifier(source.metric_name, source.metric_selector),
            target: target(type_, source.target_value, source.target_average_value),
        }
    }
}

impl From<v2beta1::ObjectMetricSource> for v2::ObjectMetricSource {
    fn from(source: v2beta1::ObjectMetricSource) -> Self {
        let type_ = match source.average_value {
            Some(_) => "AverageValue",
            None => "Value",
        };
        Self {
            described_object: source.target,
            metric: identifier(source.metric_name, source.selector),
            target: target(type_, Some(source.target_value), source.average_value),
        }
    }
}

impl From<v2beta1::PodsMetricSource> for v2::PodsMetricSource {
    fn from(source: v2beta1::PodsMetricSource) -> Self {
        Self {
            metric: identifier(source.metric_name, source.selector),
            target: target("AverageValue", None, Some(source.target_average_value)),
        }
    }
}

fn identifier(name: String, selector: Option<LabelSelector>) -> v2::MetricIdentifier {
    v2::MetricIdentifier { name, selector }
}

fn target(type_: &str, value: Option<Quantity>, average: Option<Quantity>) -> v2::MetricTarget {
    v2::MetricTarget {
        average_utilization: None,
        average_value: average,
        type_: type_.to_owned(),
        value,
    }
}

/// A target for resources: the average where one is given, else the share of what is requested.
fn average_or_share(average: Option<Quantity>, share: Option<i32>) -> v2::MetricTarget {
    let type_ = match average {
        Some(_) => "AverageValue",
        None => "Utilization",
    };
    v2::MetricTarget {
        average_utilization: share,
        ..target(type_, None, average)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::SeldonHpaSpec;
    use super::*;

    fn converted(metric: Value) -> Value {
        let metric: v2beta1::MetricSpec = serde_json::from_value(metric).unwrap();
        serde_json::to_value(v2::MetricSpec::from(metric)).unwrap()
    }

    #[test]
    fn resources() {
        let metric = json!({"type": "Resource", "resource": {"name": "cpu", "targetAverageUtilization": 70}});
        let target = json!({"type": "Utilization", "averageUtilization": 70});
        assert_eq!(
            converted(metric),
            json!({"type": "Resource", "resource": {"name": "cpu", "target": target}})
        );

        let source = json!({"container": "m", "name": "memory", "targetAverageValue": "1Gi"});
        let metric = json!({"type": "ContainerResource", "containerResource": source});
        let target = json!({"type": "AverageValue", "averageValue": "1Gi"});
        let expected = json!({"container": "m", "name": "memory", "target": target});
        assert_eq!(converted(metric)["containerResource"], expected);
    }

    #[test]
    fn metrics_from_outside() {
        let selector = json!({"matchLabels": {"topic": "a"}});
        let source =
            json!({"metricName": "queue", "metricSelector": selector, "targetValue": "30"});
        let expected = json!({
            "metric": {"name": "queue", "selector": selector},
            "target": {"type": "Value", "value": "30"},
        });
        assert_eq!(
            converted(json!({"type": "External", "external": source}))["external"],
            expected
        );

        let source = json!({"metricName": "queue", "targetAverageValue": "3"});
        let target = json!({"type": "AverageValue", "averageValue": "3"});
        assert_eq!(
            converted(json!({"type": "External", "external": source}))["external"]["target"],
            target
        );
    }

    #[test]
    fn metrics_of_objects_and_pods() {
        let object = json!({"kind": "Service", "name": "s"});
        let source = json!({"metricName": "hits", "target": object, "targetValue": "10"});
        let value = converted(json!({"type": "Object", "object": source}));
        assert_eq!(value["object"]["describedObject"], object);
        assert_eq!(
            value["object"]["target"],
            json!({"type": "Value", "value": "10"})
        );

        let source = json!({"metricName": "hits", "targetAverageValue": 10});
        let value = converted(json!({"type": "Pods", "pods": source}));
        assert_eq!(
            value["pods"]["target"],
            json!({"type": "AverageValue", "averageValue": "10"})
        );
    }

    #[test]
    fn the_older_form_wins() {
        let older = json!([{"type": "Resource", "resource": {"name": "cpu", "targetAverageUtilization": 1}}]);
        let newer = json!([{"type": "Resource", "resource": {"name": "memory", "target": {"type": "Utilization"}}}]);
        let both: SeldonHpaSpec =
            serde_json::from_value(json!({"maxReplicas": 2, "metrics": older, "metricsv2": newer}))
                .unwrap();
        let name = |spec: &SeldonHpaSpec| spec.metrics()[0].resource.clone().unwrap().name;
        assert_eq!(name(&both), "cpu");
        assert_eq!(
            name(&SeldonHpaSpec {
                metrics: Vec::new(),
                ..both
            }),
            "memory"
        );
    }
}
