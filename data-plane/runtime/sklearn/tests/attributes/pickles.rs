//! Pickles of fitted objects, written opcode by opcode, so that any attribute can be made wrong.

pub(crate) mod subjects;

/// What a pickle holds.
#[derive(Clone)]
pub(crate) enum Given {
    None,
    Flag(bool),
    Integer(i64),
    Float(f64),
    Text(&'static str),
    /// Of this shape.
    Floats(Vec<usize>, Vec<f64>),
    Integers(Vec<usize>, Vec<i64>),
    List(Vec<Given>),
    /// A class or a function.
    Name(&'static str, &'static str),
    /// An object with these attributes.
    Object(Class, Vec<(&'static str, Given)>),
    /// The object of this class that is being written, so that it holds itself.
    Itself,
}

/// Module and name.
pub(crate) type Class = (&'static str, &'static str);

/// Numbers of rank 1.
pub(crate) fn row(values: &[f64]) -> Given {
    Given::Floats(vec![values.len()], values.to_vec())
}

/// Numbers from 1 to 1.5 by turns, of any shape.
pub(crate) fn floats(shape: &[usize]) -> Given {
    let count = shape.iter().product();
    let values = (0..count).map(|at: usize| 1.0 + (at % 3) as f64 * 0.25);
    Given::Floats(shape.to_vec(), values.collect())
}

/// Integers of rank 1.
pub(crate) fn integers(values: &[i64]) -> Given {
    Given::Integers(vec![values.len()], values.to_vec())
}

/// The bytes of a file.
pub(crate) fn pickle(given: &Given) -> Vec<u8> {
    let mut bytes = b"\x80\x03".to_vec();
    given.write(&mut bytes);
    bytes.push(b'.');
    bytes
}

impl Given {
    fn write(&self, to: &mut Vec<u8>) {
        match self {
            Self::None => to.push(b'N'),
            Self::Flag(flag) => to.push(if *flag { 0x88 } else { 0x89 }),
            Self::Integer(value) => {
                to.extend([0x8a, 8]);
                to.extend(value.to_le_bytes());
            }
            Self::Float(value) => {
                to.push(b'G');
                to.extend(value.to_be_bytes());
            }
            Self::Text(text) => write_text(to, text),
            Self::Floats(shape, values) => {
                let bytes = values.iter().flat_map(|value| value.to_le_bytes());
                write_array(to, shape, "f8", &bytes.collect::<Vec<_>>());
            }
            Self::Integers(shape, values) => {
                let bytes = values.iter().flat_map(|value| value.to_le_bytes());
                write_array(to, shape, "i8", &bytes.collect::<Vec<_>>());
            }
            Self::List(items) => {
                to.extend(b"](");
                items.iter().for_each(|item| item.write(to));
                to.push(b'e');
            }
            Self::Name(module, name) => write_name(to, (module, name)),
            Self::Object(class, attributes) => {
                write_name(to, *class);
                to.extend(b")\x81q\x07}(");
                for (name, value) in attributes {
                    write_text(to, name);
                    value.write(to);
                }
                to.extend(b"ub");
            }
            Self::Itself => to.extend(b"h\x07"),
        }
    }
}

fn write_text(to: &mut Vec<u8>, text: &str) {
    to.push(b'X');
    to.extend((text.len() as u32).to_le_bytes());
    to.extend(text.as_bytes());
}

fn write_name(to: &mut Vec<u8>, (module, name): (&str, &str)) {
    to.extend(format!("c{module}\n{name}\n").bytes());
}

fn write_array(to: &mut Vec<u8>, shape: &[usize], dtype: &str, bytes: &[u8]) {
    let integer = |to: &mut Vec<u8>, value: i64| Given::Integer(value).write(to);
    write_name(to, ("numpy.core.multiarray", "_reconstruct"));
    to.push(b'(');
    write_name(to, ("numpy", "ndarray"));
    to.push(b'(');
    integer(to, 0);
    to.extend(b"tB\x01\0\0\0btR(");
    integer(to, 1);
    to.push(b'(');
    shape.iter().for_each(|&size| integer(to, size as i64));
    to.push(b't');
    write_name(to, ("numpy", "dtype"));
    to.push(b'(');
    write_text(to, dtype);
    to.extend(b"\x89\x88tR(");
    integer(to, 3);
    write_text(to, "<");
    to.extend(b"NNN");
    for value in [-1, -1, 0] {
        integer(to, value);
    }
    to.extend(b"tb\x89B");
    to.extend((bytes.len() as u32).to_le_bytes());
    to.extend(bytes);
    to.extend(b"tb");
}
