//! Stacking: an estimator over what others say.

use hari_error::Result;
use hari_pickle::Cursor;

use crate::delegate::delegate;
use crate::estimator::{Accepts, Estimator, Form, Method};
use crate::input::Kind;
use crate::pipeline;
use crate::reader::{Node, Reader};
use crate::table::{Matrix, Table};
use crate::values::Values;

/// Estimators, and the one that is asked about their answers.
#[derive(Debug)]
struct Stack {
    layer: Vec<Member>,
    /// Whether the rows themselves stand behind the answers.
    passthrough: bool,
    last: Node,
}

/// An estimator, and what it is asked.
#[derive(Debug)]
struct Member {
    node: Node,
    method: Method,
    /// Whether the first column is left out: of two probabilities one says all.
    from_second: bool,
}

impl Stack {
    fn read(cursor: &Cursor<'_>, reader: &Reader, classes: usize) -> Result<Self> {
        let nodes = reader.read_all(&cursor.attribute("estimators_")?)?;
        let methods = cursor.attribute("stack_method_")?.strings()?;
        if nodes.len() != methods.len() || nodes.is_empty() {
            let (nodes, methods) = (nodes.len(), methods.len());
            return Err(cursor.refuse(format_args!("{nodes} estimators have {methods} methods")));
        }
        let members = nodes.into_iter().zip(methods).map(|(node, name)| {
            let method = Method::named(&name).filter(|&method| node.has(method));
            let method = method.ok_or_else(|| {
                let class = node.class();
                cursor.refuse(format_args!("`stack_method_`: `{class}` has no `{name}`"))
            })?;
            Ok(Member {
                node,
                method,
                from_second: method == Method::PredictProba && classes == 2,
            })
        });
        Ok(Self {
            layer: members.collect::<Result<_>>()?,
            passthrough: cursor.attribute("passthrough")?.boolean()?,
            last: reader.read(&cursor.attribute("final_estimator_")?)?,
        })
    }

    fn first(&self) -> Option<&Node> {
        self.layer.first().map(|member| &member.node)
    }

    fn form(&self) -> Form {
        if self.passthrough {
            return Form {
                width: crate::estimator::Width::Unknown,
                ..Form::NUMBER
            };
        }
        pipeline::beside(self.layer.iter().map(|member| {
            let form = member.node.form(member.method)?;
            let columns = super::columns_of(&form);
            Some(Form::numbers(
                columns.saturating_sub(usize::from(member.from_second)),
            ))
        }))
    }

    /// Answers of the layer, side by side.
    fn transform(&self, rows: &Table) -> Result<Table> {
        let answers = self.layer.iter().map(|member| member.answer(rows));
        let mut tables: Vec<_> = answers.collect::<Result<_>>()?;
        if self.passthrough {
            tables.push(rows.clone());
        }
        let sparse = self.passthrough && matches!(rows, Table::Sparse(_));
        Table::beside(tables, sparse)
    }

    fn takes(&self, column: usize) -> Kind {
        let kinds = self.layer.iter().map(|member| member.node.takes(column));
        kinds
            .max_by_key(|&kind| kind == Kind::Text)
            .unwrap_or(Kind::Number)
    }

    fn width(&self) -> Option<usize> {
        self.first().and_then(Estimator::width)
    }

    fn names(&self) -> &[String] {
        self.first().map_or(&[], Estimator::names)
    }

    fn memory_bytes(&self) -> usize {
        let layer = self.layer.iter().map(|member| member.node.memory_bytes());
        layer.sum::<usize>() + self.last.memory_bytes()
    }
}

impl Member {
    fn answer(&self, rows: &Table) -> Result<Table> {
        let node = &self.node;
        let found = match self.method {
            Method::PredictProba => node.predict_proba(rows)?,
            Method::DecisionFunction => node.decision_function(rows)?,
            Method::Transform => return node.transform(rows),
            Method::ScoreSamples => Matrix::column_of(node.score_samples(rows)?),
            Method::Predict => {
                let values = node.predict(rows)?.floats()?;
                let columns = values.len().checked_div(rows.rows()).unwrap_or(1);
                Matrix::new(rows.rows(), columns, values)
            }
        };
        let columns: Vec<_> = (1..found.columns).collect();
        Ok(match self.from_second {
            true => found.select(&columns).into(),
            false => found.into(),
        })
    }
}

/// `StackingRegressor`.
#[derive(Debug)]
pub(super) struct Regressor(Stack);

impl Regressor {
    pub(super) fn read(cursor: &Cursor<'_>, reader: &Reader) -> Result<Box<dyn Estimator>> {
        Ok(Box::new(Self(Stack::read(cursor, reader, 0)?)))
    }
}

impl Estimator for Regressor {
    delegate!(self => &self.0; takes width names memory_bytes);

    fn form(&self, method: Method) -> Option<Form> {
        match method {
            Method::Predict => self.0.last.form(method),
            Method::Transform => Some(self.0.form()),
            _ => None,
        }
    }

    fn predict(&self, rows: &Table) -> Result<Values> {
        self.0.last.predict(&self.0.transform(rows)?)
    }

    fn transform(&self, rows: &Table) -> Result<Table> {
        self.0.transform(rows)
    }
}

/// `StackingClassifier`: its estimators know classes by their numbers.
#[derive(Debug)]
pub(super) struct Classifier {
    stack: Stack,
    classes: [Values; 1],
}

impl Classifier {
    pub(super) fn read(cursor: &Cursor<'_>, reader: &Reader) -> Result<Box<dyn Estimator>> {
        let labels = cursor.attribute("classes_")?;
        let classes = Values::read(&labels).map_err(|_| {
            labels.refuse("expected labels of one output: stacking over several is not supported")
        })?;
        let stack = Stack::read(cursor, reader, classes.len())?;
        let fits = matches!(stack.last.classes(), [one] if one.len() == classes.len());
        if !fits {
            return Err(cursor.refuse(format_args!(
                "`final_estimator_`: expected a classifier of {} classes",
                classes.len()
            )));
        }
        Ok(Box::new(Self {
            stack,
            classes: [classes],
        }))
    }
}

impl Estimator for Classifier {
    fn form(&self, method: Method) -> Option<Form> {
        let [classes] = &self.classes;
        match method {
            Method::Predict => Some(Form::label(classes)),
            Method::Transform => Some(self.stack.form()),
            _ => self.stack.last.form(method),
        }
    }

    fn accepts(&self) -> Accepts {
        Accepts::Anything
    }

    fn takes(&self, column: usize) -> Kind {
        self.stack.takes(column)
    }

    fn width(&self) -> Option<usize> {
        self.stack.width()
    }

    fn names(&self) -> &[String] {
        self.stack.names()
    }

    fn classes(&self) -> &[Values] {
        &self.classes
    }

    fn predict(&self, rows: &Table) -> Result<Values> {
        let [classes] = &self.classes;
        let last = &self.stack.last;
        let found = last.predict(&self.stack.transform(rows)?)?;
        let known = last.classes().first().unwrap_or(classes);
        let places = super::places_of(&found, known).into_iter().flatten();
        Ok(classes.at(&places.collect::<Vec<_>>()))
    }

    fn predict_proba(&self, rows: &Table) -> Result<Matrix> {
        self.stack.last.predict_proba(&self.stack.transform(rows)?)
    }

    fn decision_function(&self, rows: &Table) -> Result<Matrix> {
        self.stack
            .last
            .decision_function(&self.stack.transform(rows)?)
    }

    fn transform(&self, rows: &Table) -> Result<Table> {
        self.stack.transform(rows)
    }

    fn memory_bytes(&self) -> usize {
        self.stack.memory_bytes()
    }
}
