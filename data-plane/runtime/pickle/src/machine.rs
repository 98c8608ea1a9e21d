//! The machine of pickle: opcodes move values between a stack, a memo and containers.
//!
//! Calls are not made: [`construct`] turns the few that are allowed into data.

mod construct;
mod joblib;
mod literals;
mod numpy;
mod text;

pub(crate) use text::decimal;

use std::collections::HashMap;
use std::sync::Arc;

use hari_error::{Error, Result};

use crate::globals::{self, Class};
use crate::limits::Limits;
use crate::opcode as op;
use crate::source::Source;
use crate::value::{Arena, Id, Value, heap};

/// Reads one pickle into an arena.
pub(crate) struct Machine<'m> {
    source: &'m mut Source,
    arena: &'m mut Arena,
    limits: &'m Limits,
    stack: Vec<Id>,
    /// The longest that the stack has been.
    highest: usize,
    marks: Vec<usize>,
    memo: Vec<Id>,
    classes: HashMap<(String, String), Id>,
    /// Guarded names that the file has not used yet.
    unused: Vec<Arc<Class>>,
    /// A pickle inside a joblib file, which holds no further raw arrays.
    nested: bool,
}

impl<'m> Machine<'m> {
    pub(crate) fn new(source: &'m mut Source, arena: &'m mut Arena, limits: &'m Limits) -> Self {
        Self {
            source,
            arena,
            limits,
            stack: Vec::new(),
            highest: 0,
            marks: Vec::new(),
            memo: Vec::new(),
            classes: HashMap::new(),
            unused: Vec::new(),
            nested: false,
        }
    }

    /// Runs up to `STOP`; gives the value that is left.
    ///
    /// # Errors
    ///
    /// Whatever is not on the lists, cut or damaged, with its offset and opcode.
    pub(crate) fn run(&mut self) -> Result<Id> {
        loop {
            let offset = self.source.offset();
            let code = self.source.byte()?;
            if code == op::STOP {
                return self.stop();
            }
            self.step(code).map_err(|error| {
                error.context(format!("at byte {offset}, opcode {}", op::name(code)))
            })?;
        }
    }

    fn stop(&mut self) -> Result<Id> {
        if let Some(class) = self.unused.first() {
            return Err(class.refused());
        }
        match (self.stack.as_slice(), self.marks.is_empty()) {
            ([root], true) => Ok(*root),
            (left, _) => Err(Error::model(format!(
                "the pickle ends with {} values: one is expected",
                left.len()
            ))),
        }
    }

    fn step(&mut self, code: u8) -> Result<()> {
        match code {
            op::NONE => self.push(Id::NONE),
            op::NEWTRUE => self.push(Id::TRUE),
            op::NEWFALSE => self.push(Id::FALSE),
            op::EMPTY_TUPLE => self.push(Id::EMPTY_TUPLE),
            op::EMPTY_LIST => self.add(Value::List(Vec::new())),
            op::EMPTY_DICT => self.add(Value::Dict(Vec::new())),
            op::EMPTY_SET => self.add(Value::Set(Vec::new())),
            op::MARK | op::POP | op::POP_MARK | op::DUP => self.shuffle(code),
            op::PROTO | op::FRAME => self.frame(code),
            op::INT | op::LONG | op::FLOAT | op::STRING | op::UNICODE => self.text_literal(code),
            op::BININT | op::BININT1 | op::BININT2 | op::BINFLOAT | op::LONG1 | op::LONG4 => {
                self.number(code)
            }
            op::BINSTRING | op::SHORT_BINSTRING => self.old_string(code),
            op::BINUNICODE | op::SHORT_BINUNICODE | op::BINUNICODE8 => self.unicode(code),
            op::BINBYTES | op::SHORT_BINBYTES | op::BINBYTES8 | op::BYTEARRAY8 => self.blob(code),
            op::TUPLE1 | op::TUPLE2 | op::TUPLE3 => self.short_tuple(code),
            op::TUPLE | op::LIST | op::DICT | op::FROZENSET => self.collect(code),
            op::APPEND | op::APPENDS | op::ADDITEMS | op::SETITEM | op::SETITEMS => self.fill(code),
            op::PUT | op::BINPUT | op::LONG_BINPUT | op::MEMOIZE => self.put(code),
            op::GET | op::BINGET | op::LONG_BINGET => self.get(code),
            op::GLOBAL | op::STACK_GLOBAL => self.global(code),
            op::REDUCE | op::NEWOBJ | op::NEWOBJ_EX | op::OBJ | op::INST => self.call(code),
            op::BUILD => self.build(),
            _ => Err(never_read(code)),
        }
    }

    // The stack.

    fn push(&mut self, id: Id) -> Result<()> {
        if self.stack.len() >= self.limits.stack {
            return Err(Error::model(format!(
                "more than {} values wait on the stack",
                self.limits.stack
            )));
        }
        self.stack.push(id);
        if self.stack.len() > self.highest {
            self.highest = self.stack.len();
            self.arena.charge(size_of::<Id>())?;
        }
        Ok(())
    }

    fn add(&mut self, value: Value) -> Result<()> {
        let id = self.arena.add(value)?;
        self.push(id)
    }

    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn pop(&mut self) -> Result<Id> {
        if self.stack.len() <= self.floor() {
            return Err(empty());
        }
        self.stack.pop().ok_or_else(empty)
    }

    fn top(&self) -> Result<Id> {
        let above = self.stack.get(self.floor()..).unwrap_or_default();
        above.last().copied().ok_or_else(empty)
    }

    /// Everything above the last mark, which goes too.
    fn pop_mark(&mut self) -> Result<Vec<Id>> {
        let floor = self.marks.pop();
        let floor = floor.ok_or_else(|| Error::model("there is no mark on the stack"))?;
        Ok(self.split(floor))
    }

    /// The values from `start` on, in a vector of just their size.
    fn split(&mut self, start: usize) -> Vec<Id> {
        self.stack
            .drain(start.min(self.stack.len())..)
            .as_slice()
            .to_vec()
    }

    fn shuffle(&mut self, code: u8) -> Result<()> {
        match code {
            op::MARK => self.mark(),
            op::DUP => self.top().and_then(|top| self.push(top)),
            op::POP_MARK => self.pop_mark().map(drop),
            _ if self.marks.last() == Some(&self.stack.len()) => {
                self.marks.pop();
                Ok(())
            }
            _ => self.pop().map(drop),
        }
    }

    fn mark(&mut self) -> Result<()> {
        if self.marks.len() >= self.limits.marks {
            return Err(Error::model(format!(
                "more than {} marks are open",
                self.limits.marks
            )));
        }
        self.marks.push(self.stack.len());
        Ok(())
    }

    fn frame(&mut self, code: u8) -> Result<()> {
        if code == op::FRAME {
            let length = u64::from_le_bytes(self.source.array()?);
            return self.source.claim(length).map(drop);
        }
        match self.source.byte()? {
            0..=5 => Ok(()),
            other => Err(Error::model(format!(
                "pickle protocol {other} is not known: 0 to 5 are"
            ))),
        }
    }

    // Containers.

    fn short_tuple(&mut self, code: u8) -> Result<()> {
        let length = usize::from(code - op::TUPLE1) + 1;
        let start = self.stack.len().checked_sub(length);
        let start = start.filter(|start| *start >= self.floor());
        let items = self.split(start.ok_or_else(empty)?);
        self.add(Value::Tuple(items))
    }

    fn collect(&mut self, code: u8) -> Result<()> {
        let items = self.pop_mark()?;
        let value = match code {
            op::TUPLE => Value::Tuple(items),
            op::LIST => Value::List(items),
            op::DICT => Value::Dict(pairs(&items)?),
            _ => Value::Set(items),
        };
        self.add(value)
    }

    fn fill(&mut self, code: u8) -> Result<()> {
        let items = match code {
            op::APPEND => vec![self.pop()?],
            op::SETITEM => {
                let value = self.pop()?;
                vec![self.pop()?, value]
            }
            _ => self.pop_mark()?,
        };
        self.arena.charge(heap(2 * size_of_val(items.as_slice())))?;
        let target = self.top()?;
        match (code, self.arena.get_mut(target)) {
            (op::SETITEM | op::SETITEMS, Some(Value::Dict(entries))) => {
                entries.extend(pairs(&items)?);
            }
            (op::SETITEM | op::SETITEMS, Some(Value::Object(object))) => {
                object.entries.extend(pairs(&items)?);
            }
            (op::ADDITEMS, Some(Value::Set(set))) => set.extend(items),
            (op::APPEND | op::APPENDS, Some(Value::List(list))) => list.extend(items),
            (op::APPEND | op::APPENDS, Some(Value::Object(object))) => object.items.extend(items),
            (_, other) => {
                let kind = other.map_or("nothing", |value| value.kind());
                return Err(Error::model(format!("{kind} takes no elements this way")));
            }
        }
        Ok(())
    }

    // The memo.

    fn put(&mut self, code: u8) -> Result<()> {
        let top = self.top()?;
        let index = match code {
            op::MEMOIZE => self.memo.len(),
            op::PUT => text::index(self.source.line()?)?,
            op::BINPUT => usize::from(self.source.byte()?),
            _ => u32::from_le_bytes(self.source.array()?) as usize,
        };
        let missing = index.saturating_add(1).saturating_sub(self.memo.len());
        self.arena
            .charge(missing.saturating_mul(2 * size_of::<Id>()))?;
        if missing > 0 {
            self.memo.resize(index.saturating_add(1), UNSET);
        }
        if let Some(slot) = self.memo.get_mut(index) {
            *slot = top;
        }
        Ok(())
    }

    fn get(&mut self, code: u8) -> Result<()> {
        let index = match code {
            op::GET => text::index(self.source.line()?)?,
            op::BINGET => usize::from(self.source.byte()?),
            _ => u32::from_le_bytes(self.source.array()?) as usize,
        };
        let found = self.memo.get(index).copied().filter(|id| *id != UNSET);
        let id = found.ok_or_else(|| Error::model(format!("the memo has no value {index}")))?;
        self.push(id)
    }

    // Names.

    fn global(&mut self, code: u8) -> Result<()> {
        let (module, name) = if code == op::GLOBAL {
            let module = text::utf8(self.source.line()?)?;
            (module, text::utf8(self.source.line()?)?)
        } else {
            let name = self.pop()?;
            let module = self.pop()?;
            (self.text(module)?.to_owned(), self.text(name)?.to_owned())
        };
        let id = self.named(module, name)?;
        self.push(id)
    }

    /// The value of a name, made once.
    fn named(&mut self, module: String, name: String) -> Result<Id> {
        let key = (module, name);
        if let Some(id) = self.classes.get(&key) {
            return Ok(*id);
        }
        let class = globals::resolve(&key.0, &key.1)?;
        if class.is_guarded() {
            self.unused.push(class.clone());
        }
        let id = self.arena.add(Value::Name(class))?;
        self.classes.insert(key, id);
        Ok(id)
    }

    fn text(&self, id: Id) -> Result<&str> {
        match self.arena.get(id) {
            Value::Str(text) => Ok(text),
            other => Err(expected("a str", other)),
        }
    }

    fn class(&self, id: Id) -> Result<Arc<Class>> {
        match self.arena.get(id) {
            Value::Name(class) => Ok(class.clone()),
            other => Err(Error::model(format!(
                "{} is called, and nothing is: a class that is named is expected",
                other.kind()
            ))),
        }
    }

    fn tuple(&self, id: Id) -> Result<&[Id]> {
        match self.arena.get(id) {
            Value::Tuple(items) => Ok(items),
            other => Err(expected("a tuple", other)),
        }
    }
}

/// A memo slot that nothing was put into.
const UNSET: Id = Id(u32::MAX);

fn pairs(items: &[Id]) -> Result<Vec<(Id, Id)>> {
    let (pairs, rest) = items.as_chunks::<2>();
    if rest.is_empty() {
        return Ok(pairs.iter().map(|[key, value]| (*key, *value)).collect());
    }
    Err(Error::model("a dictionary has a key without a value"))
}

fn expected(what: &str, found: &Value) -> Error {
    Error::model(format!("expected {what}, found {}", found.kind()))
}

fn empty() -> Error {
    Error::model("the stack is empty")
}

fn never_read(code: u8) -> Error {
    let why = match code {
        op::PERSID | op::BINPERSID => {
            "a persistent id refers to something outside the file, which is not read"
        }
        op::EXT1 | op::EXT2 | op::EXT4 => {
            "an extension code refers to a registry of the process that wrote it, which is not read"
        }
        op::NEXT_BUFFER | op::READONLY_BUFFER => {
            "an array lies outside the file: save the model without out-of-band buffers"
        }
        _ => "no such opcode: the file is damaged, or is no pickle",
    };
    Error::model(why)
}
