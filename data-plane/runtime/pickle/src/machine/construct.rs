//! What a call in the file becomes: data, by the rule of the name that is called.

use std::sync::Arc;

use bytes::Bytes;
use hari_error::{Error, Result};

use super::{Machine, expected, pairs, text};
use crate::globals::{self, Class, Role};
use crate::opcode as op;
use crate::value::{Id, Object, Value};

impl Machine<'_> {
    /// `REDUCE` and its kin: a class and arguments become a value.
    pub(super) fn call(&mut self, code: u8) -> Result<()> {
        let (class, args, kwargs) = self.operands(code)?;
        let class = self.class(class)?;
        let id = self.make(&class, args, kwargs)?;
        self.push(id)
    }

    fn operands(&mut self, code: u8) -> Result<(Id, Vec<Id>, Option<Id>)> {
        match code {
            op::INST => {
                let module = text::utf8(self.source.line()?)?;
                let name = text::utf8(self.source.line()?)?;
                let class = self.named(module, name)?;
                Ok((class, self.pop_mark()?, None))
            }
            op::OBJ => {
                let mut items = self.pop_mark()?.into_iter();
                let class = items.next();
                let class = class.ok_or_else(|| Error::model("an object has no class"))?;
                Ok((class, items.collect(), None))
            }
            _ => {
                let kwargs = if code == op::NEWOBJ_EX {
                    Some(self.pop()?)
                } else {
                    None
                };
                let args = self.pop()?;
                let args = self.tuple(args)?.to_vec();
                Ok((self.pop()?, args, kwargs))
            }
        }
    }

    fn make(&mut self, class: &Arc<Class>, args: Vec<Id>, kwargs: Option<Id>) -> Result<Id> {
        if kwargs.is_some() && class.is_guarded() {
            return Err(class.refused());
        }
        if kwargs.is_some() && class.role != Role::Inert {
            return Err(refused(class, "arguments by name"));
        }
        match class.role {
            Role::Inert | Role::Opaque | Role::InStream | Role::EmptyArray => {
                self.object(class, args, kwargs)
            }
            Role::NewObject | Role::NewObjectWithNames => self.new_object(class, &args),
            Role::Reconstructor => self.reconstruct(&args),
            Role::Dtype => self.dtype(&args),
            Role::Scalar => self.scalar(&args),
            Role::FromBuffer => self.over_buffer(&args),
            Role::Ufunc => self.ufunc(&args),
            Role::Index => self.index(class, args),
            Role::Method => self.method(class, &args),
            Role::Vectorized if args.is_empty() => {
                self.used(class);
                self.object(class, args, None)
            }
            Role::Vectorized => Err(class.refused()),
            Role::Encode | Role::Bytes => self.encode(class, &args),
            Role::List => self.container(class, &args, Value::List),
            Role::Tuple => self.container(class, &args, Value::Tuple),
            Role::Set => self.container(class, &args, Value::Set),
            Role::Dict => self.dictionary(class, &args),
            Role::DefaultDict => self.dictionary(class, args.get(1..).unwrap_or_default()),
            Role::Name | Role::ArrayType => Err(Error::model(format!(
                "the file calls `{}`, which is read as a name alone",
                class.path()
            ))),
            Role::SideFile => Err(Error::model(
                "joblib 0.9 and older keep arrays in files beside this one, which are not read: load \
                 and save the model with a newer joblib",
            )),
        }
    }

    fn object(&mut self, class: &Arc<Class>, args: Vec<Id>, kwargs: Option<Id>) -> Result<Id> {
        let mut object = Object::new(class.clone(), args);
        object.kwargs = kwargs.filter(|id| *id != Id::NONE);
        self.adopt_cython(&mut object);
        self.arena.add(Value::Object(Box::new(object)))
    }

    /// Cython's functions that make objects have the class as their first argument.
    fn adopt_cython(&self, object: &mut Object) {
        let made_by_function =
            object.class.name == "newObj" || object.class.name.starts_with("__pyx_unpickle_");
        let class = object.args.first().map(|id| self.arena.get(*id));
        if let (true, Some(Value::Name(class))) = (made_by_function, class) {
            object.class = class.clone();
            object.state = object.args.get(2).copied().filter(|id| *id != Id::NONE);
            object.args = Vec::new();
        }
    }

    /// `copyreg.__newobj__(class, *args)` and `copyreg.__newobj_ex__(class, args, kwargs)`.
    fn new_object(&mut self, function: &Class, args: &[Id]) -> Result<Id> {
        let [class, rest @ ..] = args else {
            return Err(refused(function, "no class"));
        };
        let class = self.makeable(*class)?;
        if function.role == Role::NewObject {
            return self.make(&class, rest.to_vec(), None);
        }
        let [args, kwargs] = rest else {
            return Err(refused(function, "other arguments"));
        };
        let args = self.tuple(*args)?.to_vec();
        self.make(&class, args, Some(*kwargs))
    }

    /// `copyreg._reconstructor(class, base, state)`.
    fn reconstruct(&mut self, args: &[Id]) -> Result<Id> {
        let [class, base, state] = args else {
            return Err(Error::model(
                "`copyreg._reconstructor` takes three arguments",
            ));
        };
        self.class(*base)?;
        let class = self.makeable(*class)?;
        let rest = Some(*state).filter(|id| *id != Id::NONE);
        self.make(&class, rest.into_iter().collect(), None)
    }

    /// A class that others make: never one of those that make others in turn.
    fn makeable(&self, id: Id) -> Result<Arc<Class>> {
        let class = self.class(id)?;
        match class.role {
            Role::Inert
            | Role::Opaque
            | Role::Vectorized
            | Role::InStream
            | Role::Dict
            | Role::List
            | Role::Set
            | Role::Tuple
            | Role::Bytes => Ok(class),
            _ if class.is_guarded() => Err(class.refused()),
            _ => Err(refused(&class, "no class of its own")),
        }
    }

    fn ufunc(&mut self, args: &[Id]) -> Result<Id> {
        let [module, name] = args else {
            return Err(Error::model("a ufunc has a module and a name"));
        };
        let (module, name) = (self.text(*module)?.to_owned(), self.text(*name)?.to_owned());
        self.named(module, name)
    }

    /// `getattr(object, name)`, of an object of which nothing is kept: a method that no one calls.
    fn method(&mut self, class: &Arc<Class>, args: &[Id]) -> Result<Id> {
        let [owner, name] = args else {
            return Err(class.refused());
        };
        let opaque = match self.arena.get(*owner) {
            Value::Object(owner) => owner.class.role == Role::Opaque,
            _ => false,
        };
        if !opaque || self.text(*name).is_err() {
            return Err(class.refused());
        }
        self.used(class);
        self.object(&globals::bound_method(), Vec::new(), None)
    }

    fn used(&mut self, class: &Arc<Class>) {
        self.unused.retain(|unused| unused.role != class.role);
    }

    /// `_new_Index(class, {'data': labels, 'name': ...})`: the labels, or for a range the object.
    fn index(&mut self, class: &Arc<Class>, args: Vec<Id>) -> Result<Id> {
        let parts = args.get(1).map(|parts| self.arena.get(*parts));
        let Some(Value::Dict(parts)) = parts else {
            return Err(refused(class, "other arguments"));
        };
        // numpy's array, or one of pandas whose state has it.
        let labels = parts
            .iter()
            .take(8)
            .find_map(|(_, part)| match self.arena.get(*part) {
                Value::Array(_) => Some(*part),
                Value::Object(object) => self.array_within(object.state?),
                _ => None,
            });
        match labels {
            Some(labels) => Ok(labels),
            None => self.object(class, args, None),
        }
    }

    fn array_within(&self, state: Id) -> Option<Id> {
        let parts = self.tuple(state).ok()?.iter().take(8);
        let mut arrays = parts.filter(|part| matches!(self.arena.get(**part), Value::Array(_)));
        arrays.next().copied()
    }

    /// `bytes` of nothing, of bytes, or of Latin-1 text.
    fn encode(&mut self, class: &Class, args: &[Id]) -> Result<Id> {
        let bytes = match args {
            [] => Bytes::new(),
            [bytes] => match self.arena.get(*bytes) {
                Value::Bytes(bytes) => Bytes::clone(bytes),
                other => return Err(expected("bytes", other)),
            },
            [content, encoding] => {
                let encoding = self.text(*encoding)?;
                if !matches!(encoding, "latin1" | "latin-1") {
                    return Err(refused(class, "another encoding than Latin-1"));
                }
                self.raw_bytes(*content)?
            }
            _ => return Err(refused(class, "other arguments")),
        };
        self.arena.add(Value::Bytes(Box::new(bytes)))
    }

    /// The bytes of a buffer, which old protocols write as Latin-1 text.
    pub(super) fn raw_bytes(&mut self, id: Id) -> Result<Bytes> {
        let bytes = match self.arena.get(id) {
            Value::Bytes(bytes) => return Ok(Bytes::clone(bytes)),
            Value::Str(text) => latin1(text)?,
            other => return Err(expected("bytes", other)),
        };
        self.arena.charge(bytes.len())?;
        Ok(Bytes::from(bytes))
    }

    fn container(&mut self, class: &Class, args: &[Id], value: fn(Vec<Id>) -> Value) -> Result<Id> {
        let items = match args {
            [] => Vec::new(),
            [one] => self.items(*one)?.to_vec(),
            _ => return Err(refused(class, "other arguments")),
        };
        self.arena.add(value(items))
    }

    fn items(&self, id: Id) -> Result<&[Id]> {
        match self.arena.get(id) {
            Value::List(items) | Value::Tuple(items) | Value::Set(items) => Ok(items),
            other => Err(expected("a list, a tuple or a set", other)),
        }
    }

    /// A dictionary of nothing, of another, or of pairs.
    fn dictionary(&mut self, class: &Class, args: &[Id]) -> Result<Id> {
        let entries = match args {
            [] => Vec::new(),
            [one] => match self.arena.get(*one) {
                Value::Dict(entries) => entries.clone(),
                _ => self.pairs_of(*one)?,
            },
            _ => return Err(refused(class, "other arguments")),
        };
        self.arena.add(Value::Dict(entries))
    }

    fn pairs_of(&self, id: Id) -> Result<Vec<(Id, Id)>> {
        let each = self.items(id)?.iter().map(|pair| match self.items(*pair)? {
            pair @ [_, _] => pairs(pair),
            _ => Err(Error::model("a dictionary has a key without a value")),
        });
        Ok(each.collect::<Result<Vec<_>>>()?.concat())
    }

    /// `BUILD`: a value is given its state.
    pub(super) fn build(&mut self) -> Result<()> {
        let state = self.pop()?;
        let target = self.top()?;
        let role = match self.arena.get(target) {
            Value::Object(object) => object.class.role,
            Value::Dtype(_) => Role::Dtype,
            other => return Err(Error::model(format!("{} takes no state", other.kind()))),
        };
        match role {
            Role::EmptyArray => self.fill_array(target, state),
            Role::Dtype => self.finish_dtype(target, state),
            Role::InStream => self.array_in_stream(target, state),
            Role::Opaque | Role::Vectorized => Ok(()),
            _ => self.give_state(target, state),
        }
    }

    fn give_state(&mut self, target: Id, state: Id) -> Result<()> {
        let Some(Value::Object(object)) = self.arena.get_mut(target) else {
            return Ok(());
        };
        if object.state.is_some() {
            return Err(refused(&object.class, "its state twice"));
        }
        object.state = Some(state);
        Ok(())
    }
}

fn latin1(text: &str) -> Result<Vec<u8>> {
    let bytes = text.chars().map(|letter| u8::try_from(letter).ok());
    bytes
        .collect::<Option<_>>()
        .ok_or_else(|| Error::model("bytes that are written as text go beyond Latin-1"))
}

pub(super) fn refused(class: &Class, what: &str) -> Error {
    Error::model(format!("`{}` is given {what}", class.path()))
}
