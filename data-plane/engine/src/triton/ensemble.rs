//! An ensemble: models of the repository that hand tensors on to each other.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::try_join_all;
use hari_core::{
    BoxFuture, Context, DataType, Dim, Input, Message, Meta, Method, ModelMetadata, NamedTensor,
    Payload, Signature, SignatureMethod, Target, TensorSpec, Unit,
};
use hari_error::{Error, Result};
use hari_proto::inference::ModelConfig;
use hari_triton::{Step, Wiring, agree};

/// Models wired together.
pub(super) struct Ensemble {
    stages: Vec<Vec<(Step, Arc<dyn Unit>)>>,
    metadata: Arc<ModelMetadata>,
}

/// The tensors that are there so far, by the ensemble's names.
type Pool = BTreeMap<String, NamedTensor>;

impl Ensemble {
    /// Wires `units` together. Types and shapes of the ensemble's ends are those of the models.
    ///
    /// # Errors
    /// `Model` if a step names an input or output that its model does not have, if two ends of a
    /// wire have different element types, or if the configuration's ends are not those of the steps.
    pub(super) fn of(
        name: &str,
        config: &ModelConfig,
        wiring: &Wiring,
        units: &BTreeMap<String, Arc<dyn Unit>>,
    ) -> Result<Self> {
        let mut wires = Wires::default();
        let mut stages = Vec::new();
        for stage in &wiring.stages {
            let mut calls = Vec::new();
            for step in stage {
                let unit = units.get(&step.model).cloned().ok_or_else(|| {
                    Error::internal(format!("no model `{}` was loaded", step.model))
                })?;
                wires.connect(step, &*unit)?;
                calls.push((step.clone(), unit));
            }
            stages.push(calls);
        }
        let inputs = config.input.iter().map(|input| wires.end(&input.name));
        let outputs = config.output.iter().map(|output| wires.end(&output.name));
        let signature = Signature {
            name: Signature::DEFAULT.to_owned(),
            method: SignatureMethod::Predict,
            inputs: inputs.collect::<Result<_>>()?,
            outputs: outputs.collect::<Result<_>>()?,
        };
        agree(config, &signature)?;
        let metadata = Arc::new(ModelMetadata {
            name: name.to_owned(),
            versions: vec!["1".to_owned()],
            platform: "ensemble".to_owned(),
            signatures: vec![signature],
            ..ModelMetadata::default()
        });
        Ok(Self { stages, metadata })
    }

    async fn predict(&self, message: Message, context: &Context) -> Result<Message> {
        let signature = self.metadata.signatures.first();
        let signature = signature.ok_or_else(|| Error::internal("an ensemble without ends"))?;
        let Message {
            payload,
            meta,
            representation,
        } = message;
        let mut pool = given(payload, signature)?;
        for stage in &self.stages {
            let calls = stage
                .iter()
                .map(|(step, unit)| call(step, &**unit, &pool, context));
            for made in try_join_all(calls).await? {
                pool.extend(made);
            }
        }
        let wanted = &context.target.outputs;
        let outputs: Vec<_> = if wanted.is_empty() {
            signature
                .outputs
                .iter()
                .map(|spec| spec.name.clone())
                .collect()
        } else {
            wanted.clone()
        };
        let take = |name: String| {
            pool.get(&name)
                .cloned()
                .filter(|_| signature.outputs.iter().any(|spec| spec.name == name))
                .ok_or_else(|| Error::invalid(format!("no output `{name}` in the ensemble")))
        };
        let tensors = outputs.into_iter().map(take).collect::<Result<_>>()?;
        Ok(Message {
            payload: Payload::Tensors(tensors),
            meta,
            representation,
        })
    }
}

/// The caller's tensors by the ensemble's names; a single one may come without a name.
fn given(payload: Payload, signature: &Signature) -> Result<Pool> {
    let Payload::Tensors(mut tensors) = payload else {
        return Err(Error::invalid(format!(
            "expected tensors for the ensemble, found {}",
            payload.kind()
        )));
    };
    if let ([tensor], [spec]) = (tensors.as_mut_slice(), signature.inputs.as_slice())
        && tensor.name.is_empty()
    {
        tensor.name.clone_from(&spec.name);
    }
    if let Some(missing) = signature
        .inputs
        .iter()
        .find(|spec| !tensors.iter().any(|tensor| tensor.name == spec.name))
    {
        return Err(Error::invalid(format!("input {missing} is missing")));
    }
    let known = |tensor: &NamedTensor| signature.inputs.iter().any(|spec| spec.name == tensor.name);
    if let Some(unknown) = tensors.iter().find(|tensor| !known(tensor)) {
        let names: Vec<_> = signature
            .inputs
            .iter()
            .map(|spec| format!("`{}`", spec.name))
            .collect();
        return Err(Error::invalid(format!(
            "no input `{}`: the ensemble has {}",
            unknown.name,
            names.join(", ")
        )));
    }
    Ok(tensors
        .into_iter()
        .map(|tensor| (tensor.name.clone(), tensor))
        .collect())
}

/// One step: the tensors it makes, by the ensemble's names.
async fn call(
    step: &Step,
    unit: &dyn Unit,
    pool: &Pool,
    context: &Context,
) -> Result<Vec<(String, NamedTensor)>> {
    let mut inputs = Vec::new();
    for (input, tensor) in &step.inputs {
        let found = pool.get(tensor).ok_or_else(|| {
            Error::internal(format!("tensor `{tensor}` of the ensemble is not there"))
        })?;
        inputs.push(NamedTensor {
            name: input.clone(),
            ..found.clone()
        });
    }
    let target = Target {
        version: step.version.map(|version| version.to_string()),
        outputs: step.outputs.keys().cloned().collect(),
        ..Target::default()
    };
    let context = context.clone().aimed(target);
    let message = Message {
        payload: Payload::Tensors(inputs),
        meta: Meta::default(),
        ..Message::default()
    };
    let answer = unit
        .call(Method::Predict, Input::One(message), &context)
        .await;
    let answer = answer.map_err(|error| error.at_node(&step.model))?;
    let Payload::Tensors(tensors) = answer.payload else {
        return Err(Error::model(format!(
            "model `{}` answered no tensors",
            step.model
        )));
    };
    let renamed = tensors.into_iter().filter_map(|tensor| {
        let name = step.outputs.get(&tensor.name)?.clone();
        let tensor = NamedTensor {
            name: name.clone(),
            ..tensor
        };
        Some((name, tensor))
    });
    Ok(renamed.collect())
}

/// What is known of the ensemble's tensors.
#[derive(Default)]
struct Wires(BTreeMap<String, (DataType, Option<Vec<Dim>>)>);

impl Wires {
    fn connect(&mut self, step: &Step, unit: &dyn Unit) -> Result<()> {
        let metadata = unit.metadata();
        let signature = metadata.signature(None);
        let (inputs, outputs) =
            signature.map_or((&[][..], &[][..]), |one| (&one.inputs, &one.outputs));
        for (input, tensor) in &step.inputs {
            self.join(
                &step.model,
                "input",
                find(&step.model, "input", inputs, input)?,
                tensor,
            )?;
        }
        for (output, tensor) in &step.outputs {
            let spec = find(&step.model, "output", outputs, output)?;
            self.join(&step.model, "output", spec, tensor)?;
        }
        let fed = |spec: &&TensorSpec| !step.inputs.contains_key(&spec.name);
        match inputs.iter().find(fed) {
            Some(missing) => Err(Error::model(format!(
                "ensemble_scheduling: step `{}` leaves out input {missing}",
                step.model
            ))),
            None => Ok(()),
        }
    }

    fn join(&mut self, model: &str, what: &str, spec: &TensorSpec, tensor: &str) -> Result<()> {
        match self.0.get(tensor) {
            Some((dtype, _)) if *dtype != spec.dtype => Err(Error::model(format!(
                "ensemble_scheduling: tensor `{tensor}` is {dtype}, {what} {spec} of model \
                 `{model}` is not"
            ))),
            Some(_) => Ok(()),
            None => {
                let known = (spec.dtype, spec.shape.clone());
                self.0.insert(tensor.to_owned(), known);
                Ok(())
            }
        }
    }

    fn end(&self, name: &str) -> Result<TensorSpec> {
        let (dtype, shape) = self.0.get(name).cloned().ok_or_else(|| {
            Error::model(format!(
                "ensemble_scheduling: no step takes the input `{name}`"
            ))
        })?;
        Ok(TensorSpec {
            name: name.to_owned(),
            dtype,
            shape,
        })
    }
}

fn find<'a>(
    model: &str,
    what: &str,
    specs: &'a [TensorSpec],
    name: &str,
) -> Result<&'a TensorSpec> {
    specs.iter().find(|spec| spec.name == name).ok_or_else(|| {
        let there: Vec<_> = specs
            .iter()
            .map(|spec| format!("`{}`", spec.name))
            .collect();
        Error::model(format!(
            "ensemble_scheduling: model `{model}` has no {what} `{name}`; it has {}",
            there.join(", ")
        ))
    })
}

impl Unit for Ensemble {
    fn call<'a>(
        &'a self,
        method: Method,
        input: Input,
        context: &'a Context,
    ) -> BoxFuture<'a, Result<Message>> {
        Box::pin(async move {
            match (method, input) {
                (
                    Method::Predict | Method::TransformInput | Method::TransformOutput,
                    Input::One(message),
                ) => self.predict(message, context).await,
                (method, _) => Err(Error::unimplemented(format!(
                    "`{}` is an ensemble of models: it has no `{}`",
                    self.metadata.name,
                    method.path()
                ))),
            }
        })
    }

    fn ready(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async {
            for (_, unit) in self.stages.iter().flatten() {
                unit.ready().await?;
            }
            Ok(())
        })
    }

    fn metadata(&self) -> Arc<ModelMetadata> {
        self.metadata.clone()
    }
}
