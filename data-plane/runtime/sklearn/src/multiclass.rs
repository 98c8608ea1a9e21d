//! `sklearn.multiclass`: classifiers of two classes for several.

use hari_core::DataType;
use hari_error::Result;
use hari_pickle::Cursor;

use crate::attributes::{classes, matrix, numbers_of, places_of, text};
use crate::estimator::{Accepts, Estimator, Form, Method};
use crate::input::Kind;
use crate::linear_model::with_complement;
use crate::math::{argmax_rows, dot};
use crate::reader::{Node, Reader};
use crate::registry::Entry;
use crate::svm::pairs_of;
use crate::table::{Matrix, Table};
use crate::values::Values;

pub(crate) const CLASSES: &[Entry] = &[
    ("sklearn.multiclass.OneVsOneClassifier", OneVsOne::read),
    ("sklearn.multiclass.OneVsRestClassifier", OneVsRest::read),
    ("sklearn.multiclass.OutputCodeClassifier", OutputCode::read),
    ("sklearn.multiclass._ConstantPredictor", Constant::read),
];

/// `estimators_`: classifiers of two classes, or regressors; at least one.
#[derive(Debug)]
struct Team(Vec<Node>);

impl Team {
    fn read(cursor: &Cursor<'_>, reader: &Reader, count: Option<usize>) -> Result<Self> {
        let at = cursor.attribute("estimators_")?;
        let found = reader.read_all(&at)?;
        if found.is_empty() || count.is_some_and(|count| count != found.len()) {
            return Err(at.refuse(format_args!(
                "expected {} estimators, found {}",
                count.unwrap_or(1),
                found.len()
            )));
        }
        match found.iter().position(|node| !one_number(node)) {
            None => Ok(Self(found)),
            Some(place) => Err(at.refuse(format_args!(
                "estimator {place}, `{}`, gives more than one number for a row",
                found.get(place).map_or("", Node::class)
            ))),
        }
    }

    fn takes(&self, column: usize) -> Kind {
        let first = self.0.first();
        first.map_or(Kind::Number, |node| node.takes(column))
    }

    fn names(&self) -> &[String] {
        self.0.first().map_or(&[], Estimator::names)
    }

    fn all_have(&self, method: Method) -> bool {
        self.0.iter().all(|node| node.has(method))
    }

    /// Above this the second class is meant; the first estimator tells.
    fn threshold(&self) -> f64 {
        let decides =
            |node: &Node| node.has(Method::DecisionFunction) && node.class() != Constant::NAME;
        if self.0.first().is_some_and(decides) {
            0.0
        } else {
            0.5
        }
    }

    /// [`score`] of each: `[rows, estimators]`.
    fn scores(&self, rows: &Table) -> Result<Matrix> {
        let columns: Vec<_> = self
            .0
            .iter()
            .map(|node| score(node, rows))
            .collect::<Result<_>>()?;
        Ok(beside(rows.rows(), &columns))
    }

    fn memory_bytes(&self) -> usize {
        self.0.iter().map(Estimator::memory_bytes).sum()
    }
}

/// Columns of numbers as a matrix.
fn beside(rows: usize, columns: &[Vec<f64>]) -> Matrix {
    let mut found = Matrix::zeros(rows, columns.len());
    for (at, column) in columns.iter().enumerate() {
        for (row, &value) in column.iter().enumerate() {
            if let Some(to) = found.row_mut(row).get_mut(at) {
                *to = value;
            }
        }
    }
    found
}

/// Whether [`score`] has one number for a row.
fn one_number(node: &Node) -> bool {
    let width = |method| node.form(method).map(|form| form.width);
    match width(Method::DecisionFunction) {
        Some(decision) => decision == Form::NUMBER.width,
        None => match width(Method::PredictProba) {
            Some(chances) => chances == Form::numbers(2).width,
            None => width(Method::Predict) == Some(Form::NUMBER.width),
        },
    }
}

/// How sure an estimator is of its second class: its decision, its probability, or what a
/// regressor predicts.
fn score(node: &Node, rows: &Table) -> Result<Vec<f64>> {
    if node.has(Method::DecisionFunction) {
        return Ok(node.decision_function(rows)?.values);
    }
    if node.has(Method::PredictProba) {
        return Ok(node.predict_proba(rows)?.column(1));
    }
    node.predict(rows)?.floats()
}

/// Votes of pairs with what their confidences add, so that no class is even with another:
/// `[rows, classes]` of `[rows, pairs]`. A prediction of 1 is the second class of a pair.
pub(crate) fn one_versus_rest(
    predictions: &Matrix,
    confidences: &Matrix,
    classes: usize,
) -> Matrix {
    let mut found = Matrix::zeros(confidences.rows, classes);
    let mut sums = vec![0.0; classes];
    for row in 0..confidences.rows {
        sums.fill(0.0);
        let votes = found.row_mut(row);
        let decided = predictions.row(row).iter().zip(confidences.row(row));
        for ((first, second), (&prediction, &confidence)) in pairs_of(classes).zip(decided) {
            add(&mut sums, first, -confidence);
            add(&mut sums, second, confidence);
            if prediction == 0.0 {
                add(votes, first, 1.0);
            } else if prediction == 1.0 {
                add(votes, second, 1.0);
            }
        }
        for (vote, sum) in votes.iter_mut().zip(&sums) {
            *vote += sum / (3.0 * (sum.abs() + 1.0));
        }
    }
    found
}

fn add(to: &mut [f64], at: usize, value: f64) {
    if let Some(to) = to.get_mut(at) {
        *to += value;
    }
}

/// `OneVsRestClassifier`: an estimator for each class.
#[derive(Debug)]
struct OneVsRest {
    classes: [Values; 1],
    team: Team,
    kind: Target,
    /// Of classes that are as sure the last one counts, as until 1.7.
    last: bool,
    /// Where every class is impossible, probabilities are NaN rather than 0, as until 1.6.
    undefined: bool,
}

/// What was fitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Two,
    Several,
    /// Each label is there or not.
    Labels,
}

impl OneVsRest {
    fn read(cursor: &Cursor<'_>, reader: &Reader) -> Result<Box<dyn Estimator>> {
        let binarizer = cursor.attribute("label_binarizer_")?;
        let classes = classes(&binarizer)?;
        let kind = match text(&binarizer, "y_type_")?.as_str() {
            "binary" => Target::Two,
            "multiclass" => Target::Several,
            name if name.starts_with("multilabel") => Target::Labels,
            other => {
                let what = format_args!("`{other}` is no kind of classes that is supported");
                return Err(binarizer.refuse(what));
            }
        };
        let count = if kind == Target::Two {
            1
        } else {
            classes.len()
        };
        Ok(Box::new(Self {
            team: Team::read(cursor, reader, Some(count))?,
            classes: [classes],
            kind,
            last: crate::version::of(cursor) < (1, 8),
            undefined: crate::version::of(cursor) < (1, 7),
        }))
    }
}

/// The place of the largest value of each row, the last of several.
fn last_argmax_rows(matrix: &Matrix) -> Vec<usize> {
    let last = |row: &[f64]| {
        let top = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        row.iter().rposition(|&value| value == top).unwrap_or(0)
    };
    matrix.iter_rows().map(last).collect()
}

impl Estimator for OneVsRest {
    fn form(&self, method: Method) -> Option<Form> {
        let [classes] = &self.classes;
        match method {
            Method::Predict if self.kind == Target::Labels => Some(Form {
                dtype: DataType::Int64,
                ..Form::numbers(classes.len())
            }),
            Method::Predict => Some(Form::label(classes)),
            Method::PredictProba if self.team.all_have(method) => {
                Some(Form::numbers(self.team.0.len().max(2)))
            }
            Method::DecisionFunction if self.team.all_have(method) => match self.team.0.len() {
                1 => Some(Form::NUMBER),
                several => Some(Form::numbers(several)),
            },
            _ => None,
        }
    }

    fn accepts(&self) -> Accepts {
        Accepts::Anything
    }

    fn takes(&self, column: usize) -> Kind {
        self.team.takes(column)
    }

    fn names(&self) -> &[String] {
        self.team.names()
    }

    fn width(&self) -> Option<usize> {
        self.team.0.iter().find_map(Estimator::width)
    }

    fn classes(&self) -> &[Values] {
        &self.classes
    }

    fn predict(&self, rows: &Table) -> Result<Values> {
        let [classes] = &self.classes;
        let scores = self.team.scores(rows)?;
        let above = |score: &f64| *score > self.team.threshold();
        Ok(match self.kind {
            Target::Labels => {
                Values::Integers(scores.values.iter().map(above).map(i64::from).collect())
            }
            Target::Several if self.last => classes.at(&last_argmax_rows(&scores)),
            Target::Several => classes.at(&argmax_rows(&scores)),
            Target::Two => {
                // A single class is the answer to everything.
                let last = classes.len().saturating_sub(1);
                let place = |score| usize::from(above(score)).min(last);
                classes.at(&scores.values.iter().map(place).collect::<Vec<_>>())
            }
        })
    }

    fn predict_proba(&self, rows: &Table) -> Result<Matrix> {
        let second = |node: &Node| Ok(node.predict_proba(rows)?.column(1));
        let columns: Vec<_> = self.team.0.iter().map(second).collect::<Result<_>>()?;
        let mut found = match columns.as_slice() {
            [only] => with_complement(only),
            each => beside(rows.rows(), each),
        };
        if self.kind != Target::Labels {
            for row in 0..found.rows {
                let row = found.row_mut(row);
                let sum: f64 = row.iter().sum();
                if sum != 0.0 || self.undefined {
                    row.iter_mut().for_each(|value| *value /= sum);
                }
            }
        }
        Ok(found)
    }

    fn decision_function(&self, rows: &Table) -> Result<Matrix> {
        self.team.scores(rows)
    }

    fn memory_bytes(&self) -> usize {
        self.team.memory_bytes()
    }
}

/// `OneVsOneClassifier`: an estimator for each pair of classes.
#[derive(Debug)]
struct OneVsOne {
    classes: [Values; 1],
    team: Team,
    /// For kernels that are given: which of the fitted rows each estimator was fitted with.
    columns: Vec<Vec<usize>>,
    width: Option<usize>,
    /// Of two classes, the second one is predicted above this.
    threshold: f64,
}

impl OneVsOne {
    fn read(cursor: &Cursor<'_>, reader: &Reader) -> Result<Box<dyn Estimator>> {
        let classes = classes(cursor)?;
        let pairs = pairs_of(classes.len()).count();
        let team = Team::read(cursor, reader, Some(pairs))?;
        let (columns, width) = pairwise(cursor, &team)?;
        Ok(Box::new(Self {
            // Until 1.0 votes alone counted, whatever the estimators give.
            threshold: match crate::version::of(cursor) < (1, 1) {
                true => 0.0,
                false => team.threshold(),
            },
            classes: [classes],
            team,
            columns,
            width,
        }))
    }

    fn decisions(&self, rows: &Table) -> Result<Matrix> {
        let count = self.team.0.len();
        let (mut predictions, mut scores) = (Vec::with_capacity(count), Vec::with_capacity(count));
        for (at, node) in self.team.0.iter().enumerate() {
            let selected = self.columns.get(at).map(|columns| rows.select(columns));
            let rows = selected.as_ref().unwrap_or(rows);
            predictions.push(node.predict(rows)?.floats()?);
            scores.push(score(node, rows)?);
        }
        let [classes] = &self.classes;
        Ok(one_versus_rest(
            &beside(rows.rows(), &predictions),
            &beside(rows.rows(), &scores),
            classes.len(),
        ))
    }
}

/// `pairwise_indices_`, checked against the width of the rows; nothing where all columns count.
fn pairwise(cursor: &Cursor<'_>, team: &Team) -> Result<(Vec<Vec<usize>>, Option<usize>)> {
    let indices = cursor
        .find_attribute("pairwise_indices_")?
        .and_then(Cursor::optional);
    let Some(indices) = indices else {
        return Ok((Vec::new(), team.0.iter().find_map(Estimator::width)));
    };
    let width = crate::attributes::count(cursor, "n_features_in_")?;
    let items = indices.items()?;
    if items.len() != team.0.len() {
        return Err(indices.refuse("expected places for each estimator"));
    }
    let places = items.iter().map(|item| places_of(item, None, width));
    Ok((places.collect::<Result<_>>()?, Some(width)))
}

impl Estimator for OneVsOne {
    fn form(&self, method: Method) -> Option<Form> {
        let [classes] = &self.classes;
        match method {
            Method::Predict => Some(Form::label(classes)),
            Method::DecisionFunction => Some(Form::decision(classes.len())),
            _ => None,
        }
    }

    fn accepts(&self) -> Accepts {
        Accepts::Anything
    }

    fn takes(&self, column: usize) -> Kind {
        self.team.takes(column)
    }

    fn names(&self) -> &[String] {
        self.team.names()
    }

    fn width(&self) -> Option<usize> {
        self.width
    }

    fn classes(&self) -> &[Values] {
        &self.classes
    }

    fn predict(&self, rows: &Table) -> Result<Values> {
        let [classes] = &self.classes;
        let decisions = self.decisions(rows)?;
        if classes.len() != 2 {
            return Ok(classes.at(&argmax_rows(&decisions)));
        }
        let second = decisions.column(1);
        let place = |value: &f64| usize::from(*value > self.threshold);
        Ok(classes.at(&second.iter().map(place).collect::<Vec<_>>()))
    }

    fn decision_function(&self, rows: &Table) -> Result<Matrix> {
        let [classes] = &self.classes;
        let decisions = self.decisions(rows)?;
        match classes.len() {
            2 => Ok(Matrix::column_of(decisions.column(1))),
            _ => Ok(decisions),
        }
    }

    fn memory_bytes(&self) -> usize {
        self.team.memory_bytes()
    }
}

/// `OutputCodeClassifier`: the class whose code is nearest to what the estimators say.
#[derive(Debug)]
struct OutputCode {
    classes: [Values; 1],
    team: Team,
    /// `[classes, estimators]`.
    codes: Matrix,
}

impl OutputCode {
    fn read(cursor: &Cursor<'_>, reader: &Reader) -> Result<Box<dyn Estimator>> {
        let classes = classes(cursor)?;
        let codes = matrix(cursor, "code_book_")?;
        if codes.rows != classes.len() {
            return Err(cursor.refuse("expected a row in `code_book_` for each class"));
        }
        Ok(Box::new(Self {
            team: Team::read(cursor, reader, Some(codes.columns))?,
            classes: [classes],
            codes,
        }))
    }
}

impl Estimator for OutputCode {
    fn form(&self, method: Method) -> Option<Form> {
        let [classes] = &self.classes;
        (method == Method::Predict).then(|| Form::label(classes))
    }

    fn accepts(&self) -> Accepts {
        Accepts::Anything
    }

    fn takes(&self, column: usize) -> Kind {
        self.team.takes(column)
    }

    fn names(&self) -> &[String] {
        self.team.names()
    }

    fn width(&self) -> Option<usize> {
        self.team.0.iter().find_map(Estimator::width)
    }

    fn classes(&self) -> &[Values] {
        &self.classes
    }

    fn predict(&self, rows: &Table) -> Result<Values> {
        let [classes] = &self.classes;
        let scores = self.team.scores(rows)?;
        // The row's own square is the same for every code.
        let near = scores.map_rows(self.codes.rows, |row, found| {
            for (to, code) in found.iter_mut().zip(self.codes.iter_rows()) {
                *to = 2.0 * dot(row, code) - dot(code, code);
            }
        });
        Ok(classes.at(&argmax_rows(&near)))
    }

    fn memory_bytes(&self) -> usize {
        self.team.memory_bytes() + size_of_val(self.codes.values.as_slice())
    }
}

/// What stands for an estimator where all rows had one class.
#[derive(Debug)]
struct Constant(f64);

impl Constant {
    const NAME: &'static str = "_ConstantPredictor";

    fn read(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
        let found = numbers_of(cursor, "y_", 1)?;
        Ok(Box::new(Self(found.first().copied().unwrap_or_default())))
    }
}

impl Estimator for Constant {
    fn form(&self, method: Method) -> Option<Form> {
        match method {
            Method::Predict | Method::DecisionFunction => Some(Form::NUMBER),
            Method::PredictProba => Some(Form::numbers(2)),
            Method::Transform | Method::ScoreSamples => None,
        }
    }

    fn accepts(&self) -> Accepts {
        Accepts::Anything
    }

    fn predict(&self, rows: &Table) -> Result<Values> {
        Ok(Values::Floats(vec![self.0; rows.rows()]))
    }

    fn predict_proba(&self, rows: &Table) -> Result<Matrix> {
        Ok(with_complement(&vec![self.0; rows.rows()]))
    }

    fn decision_function(&self, rows: &Table) -> Result<Matrix> {
        Ok(Matrix::column_of(vec![self.0; rows.rows()]))
    }
}
