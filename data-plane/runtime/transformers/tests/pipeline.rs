//! Pipelines of the folders in `models/`, beyond what `parity` compares: refusals, mixed rows, variants.

#![expect(clippy::unwrap_used, reason = "values that the tests make")]

use std::fs;
use std::path::{Path, PathBuf};

use hari_core::{Call, DataType, Model as _, Tensor};
use hari_error::{Kind, Result};
use hari_transformers::{Options, Pipeline, Task, inspect};
use serde_json::{Value, json};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/models")
        .join(name)
}

fn load(name: &str, options: &Options) -> Result<Pipeline> {
    Pipeline::load(&folder(name), options)
}

fn plain(name: &str) -> Pipeline {
    load(name, &Options::default()).unwrap()
}

fn strings(texts: &[&str]) -> Tensor {
    let bytes = texts.iter().map(|text| text.as_bytes().to_vec().into());
    Tensor::from_strings([texts.len()], bytes.collect()).unwrap()
}

/// Rows of one run; the last column is the parameters.
fn ask(pipeline: &Pipeline, columns: &[&[&str]]) -> Result<Vec<Value>> {
    let inputs = columns.iter().map(|column| strings(column)).collect();
    let output = pipeline.signatures()[0].outputs.len() - 1;
    let answer = pipeline.run(Call {
        signature: 0,
        inputs,
        outputs: vec![output],
    })?;
    let texts = answer[0].strings().unwrap().iter();
    Ok(texts
        .map(|text| serde_json::from_slice(text).unwrap())
        .collect())
}

fn refusal(pipeline: &Pipeline, columns: &[&[&str]]) -> String {
    let error = ask(pipeline, columns).unwrap_err();
    assert_eq!(error.kind(), Kind::InvalidInput, "{error}");
    error.message().to_owned()
}

#[test]
fn rows_of_a_run_may_have_parameters_of_their_own() {
    let pipeline = plain("bert-text-classification");
    let rows = ask(
        &pipeline,
        &[
            &["hi", "hi", "hi"],
            &["", r#"{"top_k": 2}"#, r#"{"function_to_apply": "none"}"#],
        ],
    );
    let rows = rows.unwrap();
    assert!(rows[0].is_object());
    assert_eq!(rows[1].as_array().unwrap().len(), 2);
    assert_ne!(rows[0]["score"], rows[2]["score"]);
}

#[test]
fn no_rows_are_no_answers() {
    for name in [
        "bert-text-classification",
        "bert-token-classification",
        "sentences-mean",
        "bert-fill-mask",
    ] {
        assert!(ask(&plain(name), &[&[], &[]]).unwrap().is_empty(), "{name}");
    }
    assert!(
        ask(&plain("bert-question-answering"), &[&[], &[], &[]])
            .unwrap()
            .is_empty()
    );
}

#[test]
fn an_empty_text_is_a_text() {
    assert!(
        ask(&plain("bert-text-classification"), &[&[""], &[""]]).unwrap()[0]["label"].is_string()
    );
    assert_eq!(
        ask(&plain("bert-token-classification"), &[&[""], &[""]]).unwrap()[0],
        json!([])
    );
    assert_eq!(
        ask(&plain("sentences-max"), &[&[""], &[""]]).unwrap()[0]
            .as_array()
            .unwrap()
            .len(),
        32
    );
}

#[test]
fn a_text_that_is_too_long_is_refused_unless_it_may_be_cut() {
    let long = "word ".repeat(100);
    let pipeline = plain("bert-text-classification");
    let message = refusal(&pipeline, &[&[&long], &[""]]);
    assert!(
        message.contains("the model takes 48") && message.contains("`truncation`"),
        "{message}"
    );
    for parameters in [
        r#"{"truncation": true}"#,
        r#"{"max_length": 9}"#,
        r#"{"truncation": "only_first"}"#,
    ] {
        assert!(
            ask(&pipeline, &[&[&long], &[parameters]]).is_ok(),
            "{parameters}"
        );
    }
    assert!(ask(&plain("bert-token-classification"), &[&[&long], &[""]]).is_ok());
    assert!(ask(&plain("sentences-mean"), &[&[&long], &[""]]).is_ok());
}

#[test]
fn what_a_task_cannot_do_is_said() {
    let mask = plain("bert-fill-mask");
    assert!(refusal(&mask, &[&["no mask here"], &[""]]).contains("[MASK]"));
    assert!(refusal(&mask, &[&["a [MASK]"], &[r#"{"targets": []}"#]]).contains("`targets`"));
    let tokens = plain("bert-token-classification");
    assert!(
        refusal(
            &tokens,
            &[&["a"], &[r#"{"aggregation_strategy": "median"}"#]]
        )
        .contains("median")
    );
    assert!(refusal(&tokens, &[&["a"], &[r#"{"stride": 4}"#]]).contains("`stride`"));
    let question = plain("bert-question-answering");
    assert!(refusal(&question, &[&["who?"], &[""], &[""]]).contains("neither may be empty"));
    let wide = r#"{"doc_stride": 100}"#;
    assert!(refusal(&question, &[&["who?"], &["me"], &[wide]]).contains("`doc_stride`"));
    let long = "why ".repeat(60);
    assert!(refusal(&question, &[&[&long], &["me me"], &[""]]).contains("leaves no room"));
    let options = Options {
        task: Some(Task::ZeroShotClassification),
        ..Options::default()
    };
    let free = load("bert-zero-shot-classification", &options).unwrap();
    assert!(refusal(&free, &[&["a"], &[""]]).contains("`candidate_labels`"));
    let template = r#"{"candidate_labels": "a", "hypothesis_template": "no place"}"#;
    assert!(refusal(&free, &[&["a"], &[template]]).contains("no place"));
}

#[test]
fn sentences_are_near_themselves() {
    let options = Options {
        task: Some(Task::SentenceSimilarity),
        ..Options::default()
    };
    let pipeline = load("sentences-mean", &options).unwrap();
    let sentences = r#"["I love this movie!", "Seldon serves models"]"#;
    let rows = ask(&pipeline, &[&["I love this movie!"], &[sentences], &[""]]).unwrap();
    let near: Vec<f64> = rows[0]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one.as_f64().unwrap())
        .collect();
    assert!((near[0] - 1.0).abs() < 1e-5 && near[1] < 0.999, "{near:?}");
    assert!(refusal(&pipeline, &[&["a"], &["b"], &[""]]).contains("`sentences`"));
}

#[test]
fn embeddings_are_numbers_and_text_alike() {
    let pipeline = plain("sentences-cls-dense");
    assert_eq!(pipeline.task(), Task::SentenceEmbeddings);
    let inputs = vec![
        strings(&["a", "b"]),
        strings(&["", r#"{"normalize": true}"#]),
    ];
    let both = pipeline
        .run(Call {
            signature: 0,
            inputs,
            outputs: vec![],
        })
        .unwrap();
    assert_eq!(
        (both[0].dtype(), both[0].shape()),
        (DataType::Fp32, &[2, 16][..])
    );
    let values = both[0].to_vec::<f32>().unwrap();
    let text: Vec<f32> = serde_json::from_slice(&both[1].strings().unwrap()[1]).unwrap();
    assert_eq!(values[16..], text);
    assert!((text.iter().map(|value| value * value).sum::<f32>() - 1.0).abs() < 1e-5);
}

#[test]
fn any_model_has_vectors_of_texts() {
    let Value::Object(parameters) = json!({"pooling": "cls", "normalize": true}) else {
        panic!()
    };
    let options = Options {
        task: Some(Task::SentenceEmbeddings),
        parameters,
        ..Options::default()
    };
    let pipeline = load("mpnet-feature-extraction", &options).unwrap();
    let row = ask(&pipeline, &[&["a dog"], &[""]]).unwrap().remove(0);
    let length: f64 = row
        .as_array()
        .unwrap()
        .iter()
        .map(|value| value.as_f64().unwrap().powi(2))
        .sum();
    assert!((length - 1.0).abs() < 1e-5);
}

#[test]
fn a_quantised_variant_computes_as_onnx_runtime_does() {
    let options = Options {
        file: Some("model_quantized.onnx".into()),
        ..Options::default()
    };
    let pipeline = load("bert-text-classification", &options).unwrap();
    let text =
        fs::read_to_string(folder("bert-text-classification").join("quantized.json")).unwrap();
    let expected: Value = serde_json::from_str(&text).unwrap();
    for (text, scores) in expected.as_object().unwrap() {
        let row = ask(&pipeline, &[&[text], &[r#"{"top_k": null}"#]])
            .unwrap()
            .remove(0);
        for one in row.as_array().unwrap() {
            let label = pipeline
                .labels()
                .iter()
                .position(|label| one["label"] == **label)
                .unwrap();
            let far = (one["score"].as_f64().unwrap() - scores[label].as_f64().unwrap()).abs();
            // One step of an 8-bit activation, rounded the other way, moves a score this much.
            assert!(far < 5e-3, "{text}: {far}");
        }
    }
}

#[test]
fn a_folder_that_cannot_be_served_says_why() {
    let message =
        |name: &str, options: &Options| load(name, options).err().unwrap().message().to_owned();
    let file = Options {
        file: Some("model_q4.onnx".into()),
        ..Options::default()
    };
    assert!(message("bert-fill-mask", &file).contains("`model_q4.onnx`"));
    let other = Options {
        task: Some(Task::FillMask),
        file: Some("model.safetensors".into()),
        ..Options::default()
    };
    assert!(message("bert-text-classification", &other).contains("no weight `cls.predictions"));
    let Value::Object(parameters) = json!({"stride": 1}) else {
        panic!()
    };
    let foreign = Options {
        parameters,
        ..Options::default()
    };
    assert!(message("bert-fill-mask", &foreign).contains("`stride` is neither"));
    let root = tempfile::tempdir().unwrap();
    let empty = Pipeline::load(root.path(), &Options::default())
        .err()
        .unwrap();
    assert!(
        empty.message().contains("`config.json` is not in"),
        "{empty}"
    );
}

#[test]
fn a_damaged_checkpoint_is_refused() {
    let root = tempfile::tempdir().unwrap();
    for name in [
        "config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "model.safetensors",
    ] {
        fs::copy(
            folder("bert-text-classification").join(name),
            root.path().join(name),
        )
        .unwrap();
    }
    assert!(Pipeline::load(root.path(), &Options::default()).is_ok());
    let whole = fs::read(root.path().join("model.safetensors")).unwrap();
    for end in [0, 7, 100, whole.len() / 2, whole.len() - 1] {
        fs::write(root.path().join("model.safetensors"), &whole[..end]).unwrap();
        let error = Pipeline::load(root.path(), &Options::default())
            .err()
            .unwrap();
        assert!(error.message().contains("model.safetensors"), "{error}");
    }
    fs::write(root.path().join("model.safetensors"), &whole).unwrap();
    let config = fs::read_to_string(root.path().join("config.json")).unwrap();
    for (from, to, words) in [
        (
            "\"num_hidden_layers\": 2",
            "\"num_hidden_layers\": 3",
            "encoder.layer.2",
        ),
        (
            "\"num_attention_heads\": 4",
            "\"num_attention_heads\": 5",
            "not a multiple",
        ),
        ("\"bert\"", "\"mamba\"", "`mamba`"),
        ("\"gelu\"", "\"mish\"", "`mish`"),
        (
            "BertForSequenceClassification",
            "BertLMHeadModel",
            "BertLMHeadModel",
        ),
    ] {
        fs::write(root.path().join("config.json"), config.replace(from, to)).unwrap();
        let error = Pipeline::load(root.path(), &Options::default())
            .err()
            .unwrap();
        assert!(error.message().contains(words), "{error}");
    }
}

#[test]
fn a_folder_is_described_without_its_network() {
    let found = inspect(&folder("bert-token-classification")).unwrap();
    assert_eq!(
        (found.task, &*found.architecture),
        (Task::TokenClassification, "BertForTokenClassification")
    );
    assert_eq!((&*found.file, found.labels.len()), ("onnx/model.onnx", 5));
    let found = inspect(&folder("sentences-cls-dense")).unwrap();
    assert_eq!(
        (found.task, &*found.version),
        (Task::SentenceEmbeddings, "4.57.6")
    );
    assert_eq!(found.operators["LayerNormalization"], 5);
    assert!(found.problems.is_empty() && found.bytes > 50_000);
    assert_eq!(found.signatures[0].outputs[0].wire_shape(), [-1, 16]);
}
