//! From a decoded request to its unit: predictor, permit, deadline, and a copy for the shadow.

use std::sync::Arc;
use std::time::Duration;

use hari_core::{Context, Input, Message, Method};
use hari_error::{Error, Kind, Result};
use hari_telemetry::metric::{Held, rejected};

use crate::app::App;
use crate::directory::{Deployment, Predictor};
use crate::select::Selector;

/// The predictor that answers this request, which may name it or a model.
///
/// # Errors
/// `Unavailable` if the deployment has none, or none of this name now.
pub(crate) fn choose(
    deployment: &Deployment,
    selector: &Selector,
    model: Option<&str>,
) -> Result<Arc<Predictor>> {
    if let Some(name) = &selector.predictor {
        let mut all = deployment.predictors.iter();
        let named = all.find(|predictor| &predictor.name == name).cloned();
        return named.ok_or_else(|| {
            let message = format!("deployment `{}` has no predictor `{name}`", deployment.name);
            Error::unavailable(message)
        });
    }
    deployment.choose(model).cloned().ok_or_else(|| {
        Error::unavailable(format!("deployment `{}` has no predictor", deployment.name))
    })
}

/// Calls the graph of `predictor`, and its copy goes to the shadow, if there is one.
///
/// # Errors
/// `Overloaded` beyond the requests in flight, `DeadlineExceeded` when the time is up, else what
/// the unit says.
pub(crate) async fn call(
    app: &App,
    (deployment, predictor): (&Deployment, &Predictor),
    method: Method,
    input: Input,
    context: &Context,
) -> Result<Message> {
    let _permit = app.gate().try_acquire().map_err(|_| full())?;
    let _held = Held::request();
    mirror(app, deployment, method, &input, context);
    let answer = predictor.unit.call(method, input, context);
    match tokio::time::timeout_at(context.deadline.into(), answer).await {
        Ok(Ok(mut answer)) => {
            if !app.settings().reply_metrics {
                answer.meta.metrics.clear();
            }
            Ok(answer)
        }
        Ok(failure) => failure,
        Err(_) => Err(Error::new(
            Kind::DeadlineExceeded,
            format!(
                "predictor `{}` did not answer before the deadline",
                predictor.name
            ),
        )),
    }
}

fn full() -> Error {
    rejected("in_flight");
    Error::new(
        Kind::Overloaded,
        "too many requests are being answered; try again later",
    )
    .with_retry_after(Duration::from_secs(1))
}

/// A copy that finds no room is dropped: a shadow never costs the caller anything.
fn mirror(app: &App, deployment: &Deployment, method: Method, input: &Input, context: &Context) {
    let Some(shadow) = deployment.mirror().cloned() else {
        return;
    };
    let Ok(permit) = app.mirrors().clone().try_acquire_owned() else {
        rejected("shadow");
        return;
    };
    let (input, context) = (input.clone(), context.clone());
    app.background().spawn(async move {
        let answer = shadow.unit.call(method, input, &context);
        if let Ok(Err(error)) = tokio::time::timeout_at(context.deadline.into(), answer).await {
            tracing::debug!(predictor = shadow.name, %error, "shadow failed");
        }
        drop(permit);
    });
}
