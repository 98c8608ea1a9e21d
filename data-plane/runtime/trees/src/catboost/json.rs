//! The form in JSON: the same parts under names.

use std::collections::HashMap;

use hari_error::{Error, Result};

use super::parts::{
    CatFeature, Counts, CtrFeature, FloatFeature, Kind, Parts, Projection, Shape, Step,
};
use super::{about, trees};
use crate::document::{Value, read_dense_json};

/// Reads the parts of a model.
///
/// # Errors
/// `Model` with the place or the field that is wrong.
pub(super) fn read(bytes: &[u8]) -> Result<Parts> {
    let document = read_dense_json(bytes)?;
    let features = document.get("features_info").map_err(|_| {
        Error::model("`features_info` is missing: this is no CatBoost model in JSON")
    })?;
    let (shape, targets) = shape(&document)?;
    let (scale, bias) = scale_and_bias(&document, targets)?;
    Ok(Parts {
        floats: each(features, "float_features", float)?,
        categories: each(features, "categorical_features", category)?,
        counters: each(features, "ctrs", counter)?,
        tables: tables(&document)?,
        shape,
        targets,
        scale,
        bias,
        foreign: foreign(features)?,
        about: about::of_document(document.find("model_info"))?,
    })
}

fn each<T>(
    value: &Value<'_>,
    name: &str,
    read: impl Fn(&Value<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    let list = value.list(name)?.iter().enumerate();
    list.map(|(at, one)| read(one).map_err(|error| error.context(format!("`{name}` {at}"))))
        .collect()
}

fn float(value: &Value<'_>) -> Result<FloatFeature> {
    let has_nans = value.int_or("has_nans", 0)? != 0;
    Ok(FloatFeature {
        index: value.int_or("feature_index", -1)?,
        flat: value.int_or("flat_feature_index", -1)?,
        name: name(value)?,
        missing_high: has_nans && treatment(value) == "AsTrue",
        borders: borders(value)?,
    })
}

fn treatment<'a>(value: &'a Value<'_>) -> &'a str {
    value.text("nan_value_treatment").unwrap_or_default()
}

fn borders(value: &Value<'_>) -> Result<Vec<f32>> {
    match value.find("borders") {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(_) => value.floats("borders"),
    }
}

fn name(value: &Value<'_>) -> Result<String> {
    let names = ["feature_name", "feature_id"];
    let name = names.iter().find(|name| value.find(name).is_some());
    let name = name.map(|name| value.text(name)).transpose()?;
    Ok(name.unwrap_or_default().to_owned())
}

fn category(value: &Value<'_>) -> Result<CatFeature> {
    let exact = match value.find("values") {
        None | Some(Value::Null) => Vec::new(),
        Some(_) => value.ints("values")?,
    };
    Ok(CatFeature {
        index: value.int_or("feature_index", -1)?,
        flat: value.int_or("flat_feature_index", -1)?,
        name: name(value)?,
        exact: exact.into_iter().map(|hash| hash as i32).collect(),
    })
}

fn foreign(features: &Value<'_>) -> Result<Vec<String>> {
    let mut foreign = Vec::new();
    for (list, what) in [
        ("text_features", "text"),
        ("embedding_features", "embedding"),
    ] {
        for one in features.list(list)? {
            let place = one.int_or("flat_feature_index", -1)?;
            foreign.push(match &*name(one)? {
                "" => format!("{what} column {place}"),
                name => format!("{what} column `{name}`"),
            });
        }
    }
    Ok(foreign)
}

fn counter(value: &Value<'_>) -> Result<CtrFeature> {
    let kind = value.text("ctr_type")?;
    let kind = Kind::named(kind)
        .ok_or_else(|| Error::model(format!("`ctr_type`: `{kind}` is not known")))?;
    Ok(CtrFeature {
        projection: projection(value)?,
        kind,
        table: value.text("identifier")?.to_owned(),
        target_border: value.int_or("target_border_idx", 0)?,
        prior: [
            value.float_or("prior_numerator", 0.0)?,
            value.float_or("prior_denomerator", 1.0)?,
        ],
        shift: value.float_or("shift", 0.0)?,
        scale: value.float_or("scale", 1.0)?,
        borders: borders(value)?,
    })
}

fn projection(value: &Value<'_>) -> Result<Projection> {
    let mut projection = Projection::default();
    for element in value.list("elements")? {
        let column = element.int_or("cat_feature_index", -1)?;
        match element.text("combination_element")? {
            "cat_feature_value" => projection.categories.push(column),
            "float_feature" => projection.above.push((
                element.int_or("float_feature_index", -1)?,
                element.float_or("border", 0.0)?,
            )),
            "cat_feature_exact_value" => projection
                .equal
                .push((column, element.int_or("value", 0)? as i32)),
            other => {
                return Err(Error::model(format!(
                    "`combination_element`: `{other}` is not known"
                )));
            }
        }
    }
    Ok(projection)
}

fn tables(document: &Value<'_>) -> Result<HashMap<String, Counts>> {
    let Some(Value::Object(members)) = document.find("ctr_data") else {
        return Ok(HashMap::new());
    };
    let tables = members.iter().map(|(name, table)| {
        let counts = counts(name, table);
        let counts = counts.map_err(|error| error.context("`ctr_data`"))?;
        Ok((name.clone().into_owned(), counts))
    });
    tables.collect()
}

/// Counts, of the kind that their name ends with.
fn counts(name: &str, table: &Value<'_>) -> Result<Counts> {
    let kind = name.rsplit_once("\"type\":\"").map_or("", |(_, kind)| kind);
    let kind = kind.split('"').next().and_then(Kind::named);
    let kind = kind.ok_or_else(|| Error::model("counts of a kind that is not known"))?;
    let stride = table.count_or("hash_stride", 0)?;
    if stride < 2 {
        return Err(Error::model(format!(
            "`hash_stride`: expected at least 2, found {stride}"
        )));
    }
    let mut counts = Counts {
        classes: stride - 1,
        denominator: table.int_or("counter_denominator", 0)? as i32,
        ..Counts::default()
    };
    let words = match table.get("hash_map")? {
        Value::Hashed(words) => *words,
        other if other.is_empty() => return Ok(counts),
        _ => {
            return Err(Error::model(
                "`hash_map`: expected hashes in quotes, each with its counts behind it",
            ));
        }
    };
    let mut words = words.split(',').map(str::trim_ascii);
    let mut place = 0;
    while let Some(hash) = words.next() {
        let hash = hash.trim_matches('"').parse();
        let hash: u64 = hash.map_err(|_| Error::model("`hash_map`: a hash is no number"))?;
        if hash != u64::MAX {
            counts.places.push((hash, place));
        }
        counts.push(kind, words.by_ref().take(stride - 1))?;
        place += 1;
    }
    Ok(counts)
}

impl Counts {
    /// What is counted at one place.
    fn push<'a>(&mut self, kind: Kind, mut words: impl Iterator<Item = &'a str>) -> Result<()> {
        if kind != Kind::Mean {
            for word in words {
                self.counts.push(number::<i64>(word)? as i32);
            }
            return Ok(());
        }
        let (sum, count) = (words.next(), words.next());
        let pair = sum.zip(count);
        let (sum, count) = pair.ok_or_else(|| Error::model("`hash_map`: a mean is cut"))?;
        self.means
            .push((number(sum)?, number::<i64>(count)? as i32));
        Ok(())
    }
}

fn number<T: std::str::FromStr>(word: &str) -> Result<T> {
    let number = word.parse();
    number.map_err(|_| Error::model(format!("`hash_map`: `{word}` is no number that fits here")))
}

/// The scale of sums, and what is added to each: one number or one for each sum.
fn scale_and_bias(document: &Value<'_>, targets: usize) -> Result<(f64, Vec<f64>)> {
    let wrong = || Error::model("`scale_and_bias`: expected a number and a list of numbers");
    let list = match document.find("scale_and_bias") {
        None => return Ok((1.0, vec![0.0; targets])),
        Some(Value::Numbers(numbers)) => match *numbers.doubles()? {
            [scale, bias] => return Ok((scale, vec![bias; targets])),
            _ => return Err(wrong()),
        },
        Some(Value::List(list)) => list,
        Some(_) => return Err(wrong()),
    };
    let [Value::Number(scale), Value::Numbers(bias)] = list.as_slice() else {
        return Err(wrong());
    };
    let scale = scale.doubles()?.first().copied().ok_or_else(wrong)?;
    Ok((scale, bias.doubles()?))
}

fn shape(document: &Value<'_>) -> Result<(Shape, usize)> {
    if document.find("trees").is_some() {
        let mut targets = 0;
        let mut free = Vec::new();
        for (at, tree) in document.list("trees")?.iter().enumerate() {
            let nodes = nodes(tree, &mut targets);
            free.push(nodes.map_err(|error| error.context(format!("tree {at}")))?);
        }
        return Ok((Shape::Free(free), trees::targets(targets as i64)?));
    }
    let list = document.list("oblivious_trees")?;
    let (mut splits, mut leaves) = (Vec::new(), Vec::new());
    let mut targets = 1;
    for (at, tree) in list.iter().enumerate() {
        let levels = tree.list("splits")?.iter().map(|split| {
            let index = split.int_or("split_index", -1)?;
            Ok(usize::try_from(index).unwrap_or(usize::MAX))
        });
        let levels = levels.collect::<Result<Vec<_>>>();
        let levels = levels.map_err(|error| error.context(format!("tree {at}")))?;
        let values = tree.doubles("leaf_values")?;
        targets = values.len() >> levels.len().min(63);
        splits.push(levels);
        leaves.extend(values);
    }
    Ok((
        Shape::Symmetric(splits, leaves),
        trees::targets(targets as i64)?,
    ))
}

/// The nodes of a tree whose nodes lie in each other, the root first.
fn nodes(tree: &Value<'_>, targets: &mut usize) -> Result<Vec<Step>> {
    let mut nodes = Vec::new();
    let mut open = vec![(tree, 0)];
    nodes.push(Step::Leaf(Vec::new()));
    while let Some((node, at)) = open.pop() {
        let step = match node.find("split") {
            None => {
                let values = values(node)?;
                *targets = values.len();
                Step::Leaf(values)
            }
            Some(split) => {
                let index = split.int_or("split_index", -1)?;
                let left = nodes.len();
                nodes.resize(left + 2, Step::Leaf(Vec::new()));
                open.push((node.get("right")?, left + 1));
                open.push((node.get("left")?, left));
                Step::Split(usize::try_from(index).unwrap_or(usize::MAX), left, left + 1)
            }
        };
        if let Some(slot) = nodes.get_mut(at) {
            *slot = step;
        }
    }
    Ok(nodes)
}

/// The values of a leaf: one number or a list.
fn values(node: &Value<'_>) -> Result<Vec<f64>> {
    match node.get("value")? {
        Value::Number(number) => number.doubles(),
        _ => node.doubles("value"),
    }
}
