//! Nodes of a skops description, as the values that a pickle of the same objects gives.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use hari_error::{Error, Result};

use super::archive::Archive;
use super::json::{Json, Kind, Node};
use crate::array::Array;
use crate::dtype::Dtype;
use crate::globals::{self, Class, Role};
use crate::limits::Limits;
use crate::value::{Arena, Id, Object, Text, Value};

mod arrays;
mod scalar;

/// What a node says of itself.
struct Head {
    loader: String,
    module: String,
    name: String,
}

/// Reads nodes into an arena.
pub(super) struct Reader<'r> {
    json: &'r Json<'r>,
    archive: &'r Archive,
    /// The bytes of the description, which texts are parts of.
    schema: Arc<Bytes>,
    arena: &'r mut Arena,
    limits: &'r Limits,
    /// Nodes by their number in Python, which says what is one object.
    memo: HashMap<String, Id>,
    /// Files that were read, which several nodes may share.
    files: HashMap<String, Arc<Array>>,
    classes: HashMap<(String, String), Id>,
    depth: usize,
}

impl<'r> Reader<'r> {
    pub(super) fn new(
        json: &'r Json<'r>,
        archive: &'r Archive,
        schema: &Bytes,
        arena: &'r mut Arena,
        limits: &'r Limits,
    ) -> Self {
        Self {
            json,
            archive,
            schema: Arc::new(schema.clone()),
            arena,
            limits,
            memo: HashMap::new(),
            files: HashMap::new(),
            classes: HashMap::new(),
            depth: 0,
        }
    }

    /// The value of a node and of all within.
    ///
    /// # Errors
    ///
    /// A loader or a name that is not on the list; a node without what its loader needs.
    pub(super) fn read(&mut self, node: Node) -> Result<Id> {
        if self.depth >= self.limits.depth {
            return Err(Error::model(format!(
                "values lie more than {} deep in each other",
                self.limits.depth
            )));
        }
        let number = self
            .json
            .get(node, "__id__")
            .map(|id| self.json.raw(id).to_owned());
        let head = self.head(node)?;
        if let Some(id) = number.as_ref().and_then(|number| self.memo.get(number)) {
            return Ok(*id);
        }
        self.depth += 1;
        let id = self.load(&head, node).map_err(|error| {
            let place = self.json.place(node).start;
            // The innermost node is the one to know.
            if error.message().starts_with("node ") {
                error
            } else {
                error.context(format!("node {place}, {}", head.shown()))
            }
        })?;
        self.depth -= 1;
        if let Some(number) = number {
            self.arena.charge(2 * size_of::<(String, Id)>() + 32)?;
            self.memo.insert(number, id);
        }
        Ok(id)
    }

    fn head(&self, node: Node) -> Result<Head> {
        let text = |name| {
            let found = self
                .json
                .get(node, name)
                .and_then(|text| self.json.text(text));
            found.unwrap_or_default()
        };
        let head = Head {
            loader: text("__loader__"),
            module: text("__module__"),
            name: text("__class__"),
        };
        if self.json.kind(node) == Kind::Object && !head.loader.is_empty() {
            return Ok(head);
        }
        Err(Error::model(
            "schema.json has something that is no node of skops",
        ))
    }

    fn load(&mut self, head: &Head, node: Node) -> Result<Id> {
        match head.loader.as_str() {
            "JsonNode" => self.scalar(node),
            "DictNode" => self.dict(head, node),
            "DefaultDictNode" | "_DictWithDeprecatedKeysNode" => {
                let main = self.inner(node, "main")?;
                self.read(main)
            }
            "ListNode" | "SetNode" | "TupleNode" => self.sequence(head, node),
            "BytesNode" | "BytearrayNode" => self.blob(head, node),
            "SliceNode" => self.slice(head, node),
            "TypeNode" => self.named(&head.module, &head.name),
            "FunctionNode" => self.function(head, node),
            "PartialNode" => self.partial(head, node),
            "MethodNode" => self.method(node),
            "ConstructorFromReduceNode" => self.constructed(head, node),
            "ObjectNode" => self.object(head, node),
            "TreeNode" | "LossNode" | "SGDNode" => self.reduced(head, node),
            "NdArrayNode" => self.array(head, node),
            "MaskedArrayNode" => self.masked(head, node),
            "DTypeNode" => self.dtype(node),
            "SparseMatrixNode" => self.sparse(head, node),
            // Their state is of no use to whoever predicts.
            "RandomStateNode" | "RandomGeneratorNode" => self.empty(head),
            _ => {
                // `operator.attrgetter` and whatever else calls something.
                self.class(head)?;
                Err(Error::model(
                    "skops has no such loader, or it runs code: it is not read",
                ))
            }
        }
    }

    // What nodes are made of.

    /// A member that a loader needs.
    fn part(&self, node: Node, name: &str) -> Result<Node> {
        let found = self.json.get(node, name);
        found.ok_or_else(|| Error::model(format!("there is no `{name}`")))
    }

    /// A member of the content.
    fn inner(&self, node: Node, name: &str) -> Result<Node> {
        self.part(self.part(node, "content")?, name)
    }

    /// The value of a name on the list, made once.
    fn named(&mut self, module: &str, name: &str) -> Result<Id> {
        let key = (module.to_owned(), name.to_owned());
        if let Some(id) = self.classes.get(&key) {
            return Ok(*id);
        }
        let class = globals::resolve(module, name)?;
        if class.is_guarded() {
            return Err(class.refused());
        }
        let id = self.arena.add(Value::Name(class))?;
        self.classes.insert(key, id);
        Ok(id)
    }

    fn class(&mut self, head: &Head) -> Result<Arc<Class>> {
        let id = self.named(&head.module, &head.name)?;
        match self.arena.get(id) {
            Value::Name(class) => Ok(class.clone()),
            _ => Err(not_made(head)),
        }
    }

    /// A class whose objects are kept as what they were made from.
    fn inert(&mut self, head: &Head) -> Result<Arc<Class>> {
        let class = self.class(head)?;
        if class.role == Role::Inert || class.role == Role::Opaque {
            return Ok(class);
        }
        Err(not_made(head))
    }

    fn make(&mut self, class: Arc<Class>, args: Vec<Id>, state: Option<Id>) -> Result<Id> {
        let mut object = Object::new(class, args);
        object.state = state.filter(|id| *id != Id::NONE && object.class.role != Role::Opaque);
        self.arena.add(Value::Object(Box::new(object)))
    }

    fn text_value(&mut self, text: String) -> Result<Id> {
        self.arena.charge(Text::weight_of_own(text.len()))?;
        self.arena.add(Value::Str(Text::from(text)))
    }

    /// The values of a tuple.
    fn tuple(&mut self, node: Node) -> Result<Vec<Id>> {
        let id = self.read(node)?;
        match self.arena.get(id) {
            Value::Tuple(items) => Ok(items.clone()),
            other => Err(Error::model(format!(
                "expected a tuple, found {}",
                other.kind()
            ))),
        }
    }

    // Loaders.

    fn sequence(&mut self, head: &Head, node: Node) -> Result<Id> {
        let class = self.class(head)?;
        let content = self.part(node, "content")?;
        let items = self.json.items(content).to_vec();
        let items = items.into_iter().map(|item| self.read(item));
        let items = items.collect::<Result<Vec<_>>>()?;
        match class.role {
            Role::List => self.arena.add(Value::List(items)),
            Role::Set => self.arena.add(Value::Set(items)),
            Role::Tuple => self.arena.add(Value::Tuple(items)),
            // A tuple with names.
            Role::Inert if head.loader == "TupleNode" => self.make(class, items, None),
            _ => Err(not_made(head)),
        }
    }

    fn dict(&mut self, head: &Head, node: Node) -> Result<Id> {
        let class = self.class(head)?;
        let content = self.part(node, "content")?;
        let types = self.part(node, "key_types")?;
        let types = self.json.items(self.part(types, "content")?).to_vec();
        let pairs: Vec<_> = self.json.entries(content).collect();
        if types.len() != pairs.len() {
            return Err(Error::model(format!(
                "a dict has {} keys, {} of them with a type",
                pairs.len(),
                types.len()
            )));
        }
        let mut entries = Vec::with_capacity(pairs.len());
        for ((key, value), kind) in pairs.into_iter().zip(types) {
            entries.push((self.key(key, kind)?, self.read(value)?));
        }
        match class.role {
            Role::Dict | Role::DefaultDict => self.arena.add(Value::Dict(entries)),
            Role::Inert => {
                let mut object = Object::new(class, Vec::new());
                object.entries = entries;
                self.arena.add(Value::Object(Box::new(object)))
            }
            _ => Err(not_made(head)),
        }
    }

    fn blob(&mut self, head: &Head, node: Node) -> Result<Id> {
        let class = self.class(head)?;
        let bytes = self.file(node)?;
        if class.role == Role::Bytes {
            return self.arena.add(Value::Bytes(Box::new(bytes)));
        }
        // numpy's own bytes are Python's, too.
        let dtype = Arc::new(Dtype::parse(&format!("S{}", bytes.len()))?);
        let array = Array::raw(dtype, Vec::new(), false, bytes)?;
        self.arena.add(Value::Scalar(Arc::new(array)))
    }

    /// The file that a node names.
    fn file(&mut self, node: Node) -> Result<Bytes> {
        let name = self.json.text(self.part(node, "file")?).unwrap_or_default();
        self.arena.charge(self.archive.cost(&name))?;
        self.archive.file(&name)
    }

    fn slice(&mut self, head: &Head, node: Node) -> Result<Id> {
        let class = self.inert(head)?;
        let mut args = Vec::new();
        for name in ["start", "stop", "step"] {
            let part = self.inner(node, name)?;
            args.push(self.plain(part)?);
        }
        self.make(class, args, None)
    }

    fn function(&mut self, head: &Head, node: Node) -> Result<Id> {
        // Protocol 0 has the path of the function beside its type.
        let Ok(function) = self.inner(node, "function") else {
            return self.named(&head.module, &head.name);
        };
        let module = self.inner(node, "module_path")?;
        let text = |part| self.json.text(part).unwrap_or_default();
        let (module, name) = (text(module), text(function));
        self.named(&module, &name)
    }

    fn partial(&mut self, head: &Head, node: Node) -> Result<Id> {
        let class = self.inert(head)?;
        let mut parts = Vec::new();
        for name in ["func", "args", "kwds", "namespace"] {
            let part = self.inner(node, name)?;
            parts.push(self.read(part)?);
        }
        let args = parts.first().copied().into_iter().collect();
        let state = self.arena.add(Value::Tuple(parts))?;
        self.make(class, args, Some(state))
    }

    /// A method of an object, which no one calls here.
    fn method(&mut self, node: Node) -> Result<Id> {
        let owner = self.inner(node, "obj")?;
        let owner = self.read(owner)?;
        let name = self
            .json
            .text(self.inner(node, "func")?)
            .unwrap_or_default();
        let name = self.text_value(name)?;
        self.make(globals::bound_method(), vec![owner, name], None)
    }

    fn constructed(&mut self, head: &Head, node: Node) -> Result<Id> {
        let class = self.class(head)?;
        let args = self.tuple(self.part(node, "content")?)?;
        match (class.role, args.as_slice()) {
            (Role::Inert | Role::Opaque, _) => self.make(class, args, None),
            (Role::Set, [items]) => match self.arena.get(*items) {
                Value::List(items) | Value::Tuple(items) => {
                    let items = items.clone();
                    self.arena.add(Value::Set(items))
                }
                _ => Err(not_made(head)),
            },
            _ => Err(not_made(head)),
        }
    }

    fn object(&mut self, head: &Head, node: Node) -> Result<Id> {
        let class = self.inert(head)?;
        let content = self.json.get(node, "content");
        let content = content.filter(|content| self.json.kind(*content) != Kind::Null);
        let state = content.map(|content| self.read(content)).transpose()?;
        self.make(class, Vec::new(), state)
    }

    fn empty(&mut self, head: &Head) -> Result<Id> {
        let class = self.inert(head)?;
        self.make(class, Vec::new(), None)
    }

    /// Made from arguments, and given a state; Cython's losses have their arguments as state.
    fn reduced(&mut self, head: &Head, node: Node) -> Result<Id> {
        let class = self.inert(head)?;
        let args = self.part(self.part(node, "__reduce__")?, "args")?;
        let state = self.part(node, "content")?;
        let (args_id, args) = (self.read(args)?, self.tuple(args)?);
        let state = self.read(state)?;
        if class.name.starts_with("Cy") {
            let given = Some(args_id).filter(|_| !args.is_empty());
            return self.make(class, Vec::new(), given);
        }
        let empty = matches!(self.arena.get(state), Value::Dict(entries) if entries.is_empty());
        self.make(class, args, Some(state).filter(|_| !empty))
    }
}

impl Head {
    fn shown(&self) -> String {
        let short = |text: &str| -> String {
            let plain = text.chars().filter(|letter| !letter.is_control());
            plain.take(80).collect()
        };
        format!(
            "{} of `{}.{}`",
            short(&self.loader),
            short(&self.module),
            short(&self.name)
        )
    }
}

fn not_made(head: &Head) -> Error {
    Error::model(format!("{} does not fit its loader", head.shown()))
}
