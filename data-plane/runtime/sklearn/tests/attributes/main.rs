//! Attributes that do not fit each other are refused at load, with their names.

mod pickles;

use anyhow::{Context as _, Result, ensure};
use hari_core::{Call, Model as _, Tensor};
use hari_sklearn::{Method, Options, SklearnModel, load_bytes};
use pickles::Given::{Integer, Object};
use pickles::pickle;
use pickles::subjects::subjects;

fn load(file: &[u8]) -> hari_error::Result<SklearnModel> {
    let options = Options {
        methods: Method::ALL.to_vec(),
        ..Options::default()
    };
    load_bytes(file, &options)
}

#[test]
fn attributes_that_do_not_fit_are_refused() -> Result<()> {
    for subject in subjects() {
        load(&subject.file(None)).with_context(|| format!("{:?}", subject.class))?;
        for broken in &subject.broken {
            let found = load(&subject.file(Some(broken)));
            ensure!(
                found.is_err(),
                "{:?} with another `{}`",
                subject.class,
                broken.0
            );
        }
    }
    Ok(())
}

#[test]
fn an_attribute_that_is_missing_is_named() -> Result<()> {
    // What a class does without, because some version or parameter has no such attribute.
    let optional = [
        "binarize",
        "offset_",
        "outputs_2d_",
        "n_features_in_",
        "n_samples_fit_",
        "gamma",
        "coef0",
        "kernel_",
        "novelty",
        "n_neighbors",
    ];
    for subject in subjects() {
        for (name, _) in &subject.attributes {
            let rest = subject.attributes.iter().filter(|(known, _)| known != name);
            let file = pickle(&Object(subject.class, rest.cloned().collect()));
            let Err(error) = load(&file) else {
                ensure!(
                    optional.contains(name),
                    "{:?} without `{name}`",
                    subject.class
                );
                continue;
            };
            let said = error.to_string();
            let named = said.contains(name) || optional.contains(name);
            ensure!(named, "{:?} without `{name}`: {said}", subject.class);
        }
    }
    Ok(())
}

#[test]
fn a_width_that_lies_is_refused_and_any_count_of_rows_is_answered() -> Result<()> {
    for subject in subjects() {
        let mut widths = Vec::new();
        for width in 1..=4_usize {
            let said = ("n_features_in_", Integer(width as i64));
            let Ok(model) = load(&subject.file(Some(&said))) else {
                continue;
            };
            widths.push(width);
            for rows in [0, 1, 3] {
                let outputs = ask(&model, rows, width)?;
                let counts = outputs.iter().map(|output| output.shape().first().copied());
                let right = counts.clone().all(|count| count == Some(rows));
                ensure!(
                    right,
                    "{:?}: {:?}",
                    subject.class,
                    counts.collect::<Vec<_>>()
                );
            }
        }
        let sampler = subject.class.1 == "AdditiveChi2Sampler";
        ensure!(
            widths.len() == 1 || sampler,
            "{:?}: {widths:?}",
            subject.class
        );
    }
    Ok(())
}

/// No byte that is another one makes the reader panic, or the estimator that it leads to; what is
/// refused or answered is as it may be.
#[test]
fn a_byte_that_flips_does_no_harm() -> Result<()> {
    let (mut read, mut refused) = (0, 0);
    for subject in subjects() {
        let file = subject.file(None);
        for at in 0..file.len() {
            let mut flipped = file.clone();
            flipped[at] ^= [0x01, 0x80, 0x04, 0xff, 0x20][at % 5];
            let Ok(model) = load(&flipped) else {
                refused += 1;
                continue;
            };
            read += 1;
            for width in [2, 3] {
                let answered = ask(&model, 2, width).map(|outputs| outputs.len());
                ensure!(answered.unwrap_or(1) > 0, "{:?} at {at}", subject.class);
            }
        }
    }
    ensure!(
        read > 100 && refused > 100,
        "{read} read, {refused} refused"
    );
    Ok(())
}

fn ask(model: &SklearnModel, rows: usize, width: usize) -> Result<Vec<Tensor>> {
    let call = Call {
        signature: model.signatures().len() - 1,
        inputs: vec![Tensor::from_vec([rows, width], vec![0.5; rows * width])?],
        outputs: Vec::new(),
    };
    Ok(model.run(call)?)
}
