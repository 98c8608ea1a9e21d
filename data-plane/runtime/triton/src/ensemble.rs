//! `ensemble_scheduling`: models of the repository put together to one.

use std::collections::{BTreeMap, BTreeSet};

use hari_error::{Error, Result};
use hari_proto::inference::model_ensembling;
use hari_proto::inference::{ModelConfig, ModelEnsembling};

/// More steps than this are refused.
const MOST_STEPS: usize = 256;

/// One call of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The model's name.
    pub model: String,
    /// Its version; the newest if none.
    pub version: Option<u64>,
    /// Inputs of the model, each with the tensor of the ensemble that it is.
    pub inputs: BTreeMap<String, String>,
    /// Outputs of the model, each with the tensor of the ensemble that it becomes.
    pub outputs: BTreeMap<String, String>,
}

/// The calls of an ensemble, in stages: a call needs what stages before its own made, and calls of
/// one stage may run side by side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wiring {
    /// None of them is empty.
    pub stages: Vec<Vec<Step>>,
}

impl Wiring {
    /// Puts the steps of `config` in order.
    ///
    /// # Errors
    /// `Model` if a tensor is made twice or by no one, if the steps go in a circle, or if there are
    /// none.
    pub(crate) fn of(config: &ModelConfig, scheduling: &ModelEnsembling) -> Result<Self> {
        if scheduling.step.is_empty() || scheduling.step.len() > MOST_STEPS {
            return Err(Error::model(format!(
                "ensemble_scheduling: expected 1 to {MOST_STEPS} steps, found {}",
                scheduling.step.len()
            )));
        }
        let steps: Vec<_> = scheduling.step.iter().map(step).collect::<Result<_>>()?;
        let mut made: BTreeSet<&str> = config.input.iter().map(|input| &*input.name).collect();
        let tensors = steps.iter().flat_map(|step| step.outputs.values());
        let mut all = made.clone();
        if let Some(twice) = tensors.clone().find(|tensor| !all.insert(tensor)) {
            return Err(Error::model(format!(
                "ensemble_scheduling: tensor `{twice}` is made twice"
            )));
        }
        if let Some(output) = config
            .output
            .iter()
            .find(|output| !all.contains(&*output.name))
        {
            return Err(Error::model(format!(
                "ensemble_scheduling: no step makes the output `{}`",
                output.name
            )));
        }
        let stages = stages(&steps, &mut made)?;
        Ok(Self { stages })
    }

    /// Every call.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.stages.iter().flatten()
    }
}

fn step(given: &model_ensembling::Step) -> Result<Step> {
    let version = match given.model_version {
        newest if newest <= 0 => None,
        number => u64::try_from(number).ok(),
    };
    if given.model_name.is_empty() || given.input_map.is_empty() || given.output_map.is_empty() {
        return Err(Error::model(format!(
            "ensemble_scheduling: step `{}` needs model_name, input_map and output_map",
            given.model_name
        )));
    }
    Ok(Step {
        model: given.model_name.clone(),
        version,
        inputs: given.input_map.clone(),
        outputs: given.output_map.clone(),
    })
}

fn stages<'a>(steps: &'a [Step], made: &mut BTreeSet<&'a str>) -> Result<Vec<Vec<Step>>> {
    let mut left: Vec<&Step> = steps.iter().collect();
    let mut stages = Vec::new();
    while !left.is_empty() {
        let can = |step: &&Step| step.inputs.values().all(|tensor| made.contains(&**tensor));
        let (stage, rest): (Vec<_>, Vec<_>) = left.into_iter().partition(can);
        if stage.is_empty() {
            return Err(stuck(&rest, made));
        }
        made.extend(
            stage
                .iter()
                .flat_map(|step| step.outputs.values().map(|name| &**name)),
        );
        stages.push(stage.into_iter().cloned().collect());
        left = rest;
    }
    Ok(stages)
}

/// Steps that can never run: what the first of them waits for.
fn stuck(rest: &[&Step], made: &BTreeSet<&str>) -> Error {
    let waits = rest.iter().find_map(|step| {
        let mut inputs = step.inputs.values();
        let tensor = inputs.find(|tensor| !made.contains(&***tensor))?;
        Some((&step.model, tensor))
    });
    let (model, tensor) = waits.map_or(("", ""), |(model, tensor)| (&**model, &**tensor));
    let by_one = rest
        .iter()
        .any(|step| step.outputs.values().any(|name| name == tensor));
    let why = if by_one {
        "which only a later step makes: the steps go in a circle"
    } else {
        "which nothing makes"
    };
    Error::model(format!(
        "ensemble_scheduling: step `{model}` needs tensor `{tensor}`, {why}"
    ))
}

#[cfg(test)]
mod tests {
    use hari_proto::inference::model_config::SchedulingChoice;

    use super::*;

    const ENDS: &str = "input { name: 'x' } output { name: 'y' } ensemble_scheduling {";

    fn wiring(steps: &str) -> Result<Wiring> {
        let config = crate::parse(&format!("{ENDS} {steps} }}")).unwrap();
        match &config.scheduling_choice {
            Some(SchedulingChoice::EnsembleScheduling(steps)) => Wiring::of(&config, steps),
            _ => panic!("no ensemble"),
        }
    }

    fn one(model: &str, input: &str, output: &str) -> String {
        format!(
            "step {{ model_name: '{model}' model_version: -1 \
             input_map {{ key: 'in' value: '{input}' }} \
             output_map {{ key: 'out' value: '{output}' }} }} "
        )
    }

    fn refused(steps: &str) -> String {
        wiring(steps).unwrap_err().message().to_owned()
    }

    #[test]
    fn steps_run_after_those_they_need_and_beside_the_others() {
        let steps = one("last", "b", "y") + &one("a", "x", "b") + &one("c", "x", "d");
        let wiring = wiring(&steps).unwrap();
        let names = |stage: &Vec<Step>| stage.iter().map(|step| step.model.clone()).collect();
        let stages: Vec<Vec<String>> = wiring.stages.iter().map(names).collect();
        assert_eq!(stages, [vec!["a", "c"], vec!["last"]]);
    }

    #[test]
    fn wrong_wiring_is_named() {
        let circle = refused(&(one("a", "q", "p") + &one("b", "p", "q") + &one("c", "x", "y")));
        assert!(circle.contains("circle"), "{circle}");
        let nothing = refused(&one("a", "z", "y"));
        assert!(
            nothing.contains("step `a` needs tensor `z`, which nothing makes"),
            "{nothing}"
        );
        let twice = refused(&(one("a", "x", "y") + &one("b", "x", "y")));
        assert!(twice.contains("`y` is made twice"), "{twice}");
        let output = refused(&one("a", "x", "z"));
        assert!(output.contains("no step makes the output `y`"), "{output}");
        assert!(refused("").contains("found 0"));
        assert!(refused("step { model_name: 'a' }").contains("needs model_name"));
    }
}
