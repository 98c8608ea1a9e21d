//! Transformers whose attributes do not fit each other, or ask for too much, are refused by name.

use std::fmt::Write as _;

use anyhow::{Context as _, Result, ensure};
use hari_sklearn::{Options, load_bytes};

/// A fitted object in the first protocol of pickle, which is text: its class, and the attributes as
/// opcodes.
fn object(module: &str, class: &str, attributes: &[(&str, &str)]) -> Vec<u8> {
    let mut text =
        format!("ccopy_reg\n_reconstructor\n(c{module}\n{class}\nc__builtin__\nobject\nNtR(d");
    for (name, value) in attributes {
        let _ = write!(text, "S'{name}'\n{value}s");
    }
    text.push_str("b.");
    text.into_bytes()
}

/// What is said of the object; an error if it is taken.
fn refusal(module: &str, class: &str, attributes: &[(&str, &str)]) -> Result<String> {
    let file = object(module, class, attributes);
    let error = load_bytes(&file, &Options::default()).err();
    Ok(error.context("it was taken")?.to_string())
}

/// The attributes with one of them changed.
fn changed<'a>(
    attributes: &[(&'a str, &'a str)],
    name: &str,
    value: &'a str,
) -> Vec<(&'a str, &'a str)> {
    let change =
        |&(known, old): &(&'a str, &'a str)| (known, if known == name { value } else { old });
    attributes.iter().map(change).collect()
}

const TEXT: &str = "sklearn.feature_extraction.text";
const COUNT: &[(&str, &str)] = &[
    ("preprocessor", "N"),
    ("tokenizer", "N"),
    ("input", "S'content'\n"),
    ("ngram_range", "(I1\nI2\nt"),
    ("lowercase", "I01\n"),
    ("strip_accents", "N"),
    ("analyzer", "S'word'\n"),
    ("token_pattern", "S'(?u)\\\\b\\\\w\\\\w+\\\\b'\n"),
    ("stop_words", "N"),
    ("binary", "I00\n"),
    ("dtype", "cnumpy\nint64\n"),
    ("vocabulary_", "(dS'fox'\nI0\nsS'dog'\nI1\ns"),
];

#[test]
fn a_vectoriser_of_a_dozen_attributes_is_read() -> Result<()> {
    let model = load_bytes(&object(TEXT, "CountVectorizer", COUNT), &Options::default())?;
    ensure!(model.summary().class == "CountVectorizer");
    Ok(())
}

#[test]
fn vectorisers_are_refused_where_they_cannot_be_what_python_made() -> Result<()> {
    for (name, value, said) in [
        (
            "vocabulary_",
            "(dS'fox'\nI0\nsS'dog'\nI2\ns",
            "numbered from 0",
        ),
        ("vocabulary_", "(dS'fox'\nI-1\ns", "numbered from 0"),
        ("vocabulary_", "I7\n", "vocabulary_"),
        ("ngram_range", "(I0\nI1\nt", "at least 1"),
        ("ngram_range", "(I1\nt", "ngram_range"),
        ("tokenizer", "cnumpy\nlog\n", "code of Python"),
        ("preprocessor", "cnumpy\nlog\n", "code of Python"),
        ("analyzer", "cnumpy\nlog\n", "code of Python"),
        ("analyzer", "S'sentence'\n", "`char_wb`"),
        ("input", "S'filename'\n", "files are not read"),
        ("token_pattern", "S'(?=a)b'\n", "no regular expression"),
        ("token_pattern", "S'(a)(b)'\n", "more than one group"),
        (
            "token_pattern",
            "S'a{1000}{1000}{1000}'\n",
            "no regular expression",
        ),
        ("token_pattern", "S'a$'\n", "means something else"),
        ("stop_words", "S'klingon'\n", "`english`"),
        ("strip_accents", "S'all'\n", "`ascii`"),
    ] {
        let found = refusal(TEXT, "CountVectorizer", &changed(COUNT, name, value))
            .with_context(|| format!("{name}: {value}"))?;
        ensure!(found.contains(said), "{name}: {found}");
    }
    Ok(())
}

#[test]
fn hashes_are_bounded() -> Result<()> {
    let mut all = COUNT.to_vec();
    all.extend([
        ("n_features", "I16\n"),
        ("alternate_sign", "I01\n"),
        ("norm", "S'l2'\n"),
    ]);
    load_bytes(
        &object(TEXT, "HashingVectorizer", &all),
        &Options::default(),
    )?;
    for (name, value, said) in [
        ("n_features", "I0\n", "number of columns"),
        ("n_features", "I-5\n", "number of columns"),
        ("n_features", "L1099511627776L\n", "number of columns"),
        ("ngram_range", "(I1\nI1000000000\nt", "expected at most"),
        ("norm", "S'l7'\n", "`l1`, `l2` or `max`"),
    ] {
        let found = refusal(TEXT, "HashingVectorizer", &changed(&all, name, value))
            .with_context(|| format!("{name}: {value}"))?;
        ensure!(found.contains(said), "{name}: {found}");
    }
    Ok(())
}

#[test]
fn products_are_counted_before_they_are_made() -> Result<()> {
    let module = "sklearn.preprocessing._polynomial";
    for (width, degree, said) in [
        ("I100000\n", "I3\n", "more than"),
        ("L1000000000000000L\n", "I1\n", "more than"),
        ("I10\n", "I1000000000\n", "more than"),
        ("I-1\n", "I2\n", "no negative number"),
        ("I3\n", "(I1\nI-2\nt", "no negative number"),
        ("I3\n", "S'two'\n", "degree"),
    ] {
        let attributes = [
            ("n_features_in_", width),
            ("degree", degree),
            ("interaction_only", "I00\n"),
            ("include_bias", "I01\n"),
        ];
        let found = refusal(module, "PolynomialFeatures", &attributes)
            .with_context(|| format!("{width} {degree}"))?;
        ensure!(found.contains(said), "{found}");
    }
    Ok(())
}

#[test]
fn functions_are_known_by_name_or_refused() -> Result<()> {
    let module = "sklearn.preprocessing._function_transformer";
    let attributes = |func, arguments| {
        [
            ("func", func),
            ("inverse_func", "N"),
            ("kw_args", arguments),
            ("inv_kw_args", "N"),
            ("validate", "I00\n"),
        ]
    };
    let file = object(
        module,
        "FunctionTransformer",
        &attributes("cnumpy\nlog1p\n", "N"),
    );
    load_bytes(&file, &Options::default())?;
    for (func, arguments, said) in [
        ("cnumpy\nmatmul\n", "N", "no function that is computed here"),
        ("cnumpy\nlog\n", "(dS'where'\nI0\ns", "arguments"),
        (
            "cnumpy\nclip\n",
            "(dS'a_min'\nS'low'\ns",
            "expected a number",
        ),
        ("I7\n", "N", "no function"),
        ("cos\nsystem\n", "N", "os.system"),
    ] {
        let found = refusal(module, "FunctionTransformer", &attributes(func, arguments))?;
        ensure!(found.contains(said), "{found}");
    }
    Ok(())
}

#[test]
fn a_scaler_without_numbers_is_refused() -> Result<()> {
    let module = "sklearn.preprocessing._data";
    let found = refusal(module, "StandardScaler", &[("with_mean", "I01\n")])?;
    ensure!(found.contains("`n_features_in_`"), "{found}");
    let given = [
        ("n_features_in_", "I2\n"),
        ("with_mean", "I01\n"),
        ("mean_", "(lF1.0\na"),
    ];
    let found = refusal(module, "StandardScaler", &given)?;
    ensure!(found.contains("mean_: expected an array"), "{found}");
    Ok(())
}
