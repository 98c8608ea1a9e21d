//! Meta-estimators that answer with what another estimator answers.

/// Methods of [`crate::estimator::Estimator`] that ask another estimator, by their names. An
/// estimator that delegates leaves checks of values to the one that it asks.
macro_rules! delegate {
    ($this:ident => $inner:expr; $($method:ident)*) => {
        fn accepts(&self) -> $crate::estimator::Accepts {
            $crate::estimator::Accepts::Anything
        }
        $(delegate!(@ $method, $this, $inner);)*
    };
    (@ form, $this:ident, $inner:expr) => {
        fn form(&$this, method: Method) -> Option<Form> { ($inner).form(method) }
    };
    (@ takes, $this:ident, $inner:expr) => {
        fn takes(&$this, column: usize) -> $crate::input::Kind { ($inner).takes(column) }
    };
    (@ width, $this:ident, $inner:expr) => {
        fn width(&$this) -> Option<usize> { ($inner).width() }
    };
    (@ names, $this:ident, $inner:expr) => {
        fn names(&$this) -> &[String] { ($inner).names() }
    };
    (@ classes, $this:ident, $inner:expr) => {
        fn classes(&$this) -> &[Values] { ($inner).classes() }
    };
    (@ predict, $this:ident, $inner:expr) => {
        fn predict(&$this, rows: &Table) -> Result<Values> { ($inner).predict(rows) }
    };
    (@ predict_proba, $this:ident, $inner:expr) => {
        fn predict_proba(&$this, rows: &Table) -> Result<Matrix> { ($inner).predict_proba(rows) }
    };
    (@ predict_probas, $this:ident, $inner:expr) => {
        fn predict_probas(&$this, rows: &Table) -> Result<Vec<Matrix>> {
            ($inner).predict_probas(rows)
        }
    };
    (@ decision_function, $this:ident, $inner:expr) => {
        fn decision_function(&$this, rows: &Table) -> Result<Matrix> {
            ($inner).decision_function(rows)
        }
    };
    (@ transform, $this:ident, $inner:expr) => {
        fn transform(&$this, rows: &Table) -> Result<Table> { ($inner).transform(rows) }
    };
    (@ inverse_transform, $this:ident, $inner:expr) => {
        fn inverse_transform(&$this, rows: &Table) -> Result<Table> {
            ($inner).inverse_transform(rows)
        }
    };
    (@ score_samples, $this:ident, $inner:expr) => {
        fn score_samples(&$this, rows: &Table) -> Result<Vec<f64>> { ($inner).score_samples(rows) }
    };
    (@ memory_bytes, $this:ident, $inner:expr) => {
        fn memory_bytes(&$this) -> usize { ($inner).memory_bytes() }
    };
}

pub(crate) use delegate;
