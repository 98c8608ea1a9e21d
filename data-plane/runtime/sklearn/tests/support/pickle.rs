//! Writes pickles of fitted objects whose attributes are made up.

use hari_sklearn::{Options, SklearnModel, load_bytes};

/// A value of Python.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(&'static str),
    List(Vec<Value>),
    /// An array of numpy: shape and values.
    Floats(Vec<usize>, Vec<f64>),
    Ints(Vec<usize>, Vec<i64>),
    /// Class and attributes.
    Object(&'static str, Vec<(&'static str, Value)>),
}

/// One row of numbers.
pub(crate) fn floats(values: &[f64]) -> Value {
    Value::Floats(vec![values.len()], values.to_vec())
}

/// Rows of one length.
pub(crate) fn rows(values: &[&[f64]]) -> Value {
    let columns = values.first().map_or(0, |row| row.len());
    Value::Floats(vec![values.len(), columns], values.concat())
}

pub(crate) fn ints(values: &[i64]) -> Value {
    Value::Ints(vec![values.len()], values.to_vec())
}

/// `scipy.sparse.csr_matrix`.
pub(crate) fn csr(shape: [i64; 2], starts: &[i64], columns: &[i64], values: &[f64]) -> Value {
    let shape = Value::List(shape.into_iter().map(Value::Int).collect());
    let attributes = vec![
        ("_shape", shape),
        ("indptr", ints(starts)),
        ("indices", ints(columns)),
        ("data", floats(values)),
    ];
    Value::Object("scipy.sparse._csr csr_matrix", attributes)
}

impl Value {
    /// The same object with one attribute changed, or one more.
    pub(crate) fn with(&self, name: &'static str, value: Value) -> Self {
        let Self::Object(class, attributes) = self else {
            return value;
        };
        let mut attributes = attributes.clone();
        attributes.retain(|(known, _)| *known != name);
        attributes.push((name, value));
        Self::Object(class, attributes)
    }

    /// The same object without one attribute.
    pub(crate) fn without(&self, name: &str) -> Self {
        let Self::Object(class, attributes) = self else {
            return self.clone();
        };
        let mut attributes = attributes.clone();
        attributes.retain(|(known, _)| *known != name);
        Self::Object(class, attributes)
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::None => out.push(b'N'),
            Self::Bool(value) => out.push(if *value { 0x88 } else { 0x89 }),
            Self::Int(value) => {
                out.extend([0x8a, 8]);
                out.extend(value.to_le_bytes());
            }
            Self::Float(value) => {
                out.push(b'G');
                out.extend(value.to_be_bytes());
            }
            Self::Text(text) => {
                out.push(b'X');
                out.extend((text.len() as u32).to_le_bytes());
                out.extend(text.as_bytes());
            }
            Self::List(items) => {
                out.extend(b"](");
                items.iter().for_each(|item| item.write(out));
                out.push(b'e');
            }
            Self::Floats(shape, values) => {
                let bytes = values.iter().flat_map(|value| value.to_le_bytes());
                array(out, "f8", shape, &bytes.collect::<Vec<_>>());
            }
            Self::Ints(shape, values) => {
                let bytes = values.iter().flat_map(|value| value.to_le_bytes());
                array(out, "i8", shape, &bytes.collect::<Vec<_>>());
            }
            Self::Object(class, attributes) => {
                global(out, class);
                out.extend(b")\x81}(");
                for (name, value) in attributes {
                    Self::Text(name).write(out);
                    value.write(out);
                }
                out.extend(b"ub");
            }
        }
    }

    /// The pickle.
    pub(crate) fn pickle(&self) -> Vec<u8> {
        let mut out = vec![0x80, 3];
        self.write(&mut out);
        out.push(b'.');
        out
    }

    /// The model that is read from the pickle.
    pub(crate) fn load(&self) -> hari_error::Result<SklearnModel> {
        load_bytes(&self.pickle(), &Options::default())
    }

    /// What is said of it when it is not read.
    pub(crate) fn refusal(&self) -> String {
        match self.load() {
            Ok(model) => format!("it is read: {:?}", model.summary()),
            Err(error) => error.to_string(),
        }
    }
}

/// Module and name, divided by a space.
fn global(out: &mut Vec<u8>, name: &str) {
    out.push(b'c');
    out.extend(name.replace(' ', "\n").as_bytes());
    out.push(b'\n');
}

fn bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'B');
    out.extend((bytes.len() as u32).to_le_bytes());
    out.extend(bytes);
}

fn array(out: &mut Vec<u8>, dtype: &'static str, shape: &[usize], values: &[u8]) {
    global(out, "numpy.core.multiarray _reconstruct");
    out.push(b'(');
    global(out, "numpy ndarray");
    out.extend(b"K\x00\x85");
    bytes(out, b"b");
    out.extend(b"tR(K\x01(");
    for &length in shape {
        Value::Int(length as i64).write(out);
    }
    out.push(b't');
    global(out, "numpy dtype");
    out.push(b'(');
    Value::Text(dtype).write(out);
    out.extend(b"\x89\x88tR(K\x03");
    Value::Text("<").write(out);
    out.extend(b"NNN");
    Value::Int(-1).write(out);
    Value::Int(-1).write(out);
    out.extend(b"K\x00tb\x89");
    bytes(out, values);
    out.extend(b"tb");
}
