//! PodDisruptionBudgets, each for the pods of one Deployment.

use hari_api::k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};

use crate::labels::{self, Map};
use crate::object::Object;
use crate::predictor::Predictor;

/// One for each component spec that asks for it.
pub(crate) fn budgets(predictor: &Predictor<'_>) -> Vec<Object> {
    let pods = predictor.pods();
    let each = pods.filter_map(|(number, pod)| {
        let written = pod.pdb_spec.as_ref()?;
        let name = predictor.deployment(number, pod);
        let selecting = labels::selecting(predictor, number, pod);
        Some(Object::of(&PodDisruptionBudget {
            metadata: labels::metadata(predictor, name, labels::common(predictor), Map::new()),
            spec: Some(PodDisruptionBudgetSpec {
                min_available: written.min_available.clone(),
                max_unavailable: written.max_unavailable.clone(),
                selector: Some(labels::selector(selecting)),
                ..PodDisruptionBudgetSpec::default()
            }),
            status: None,
        }))
    });
    each.collect()
}
