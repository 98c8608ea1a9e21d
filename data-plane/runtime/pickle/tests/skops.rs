//! skops files made to do harm: refused with a reason.

#![expect(clippy::panic, clippy::unwrap_used, reason = "helpers of tests")]

use hari_error::Result;
use hari_pickle::{Document, Limits, read};

#[path = "support/gadgets.rs"]
mod gadgets;
#[path = "support/zips.rs"]
mod zips;

use zips::{Member, deflated, stored, zip, zip_at};

/// A skops file of this description alone.
fn skops(node: &str) -> Vec<u8> {
    zip(&[stored("schema.json", with_protocol(node).as_bytes())])
}

/// The description of a node, with the protocol that the outermost one has.
fn with_protocol(node: &str) -> String {
    let inner = node.trim().strip_suffix('}').unwrap();
    format!("{inner}, \"protocol\": 2, \"_skops_version\": \"0.16.0\"}}")
}

fn try_read(bytes: &[u8]) -> Result<Document> {
    read(bytes, &Limits::default())
}

fn message(bytes: &[u8]) -> String {
    let error = try_read(bytes).err();
    let error = error.unwrap_or_else(|| panic!("{:?} was read", bytes.escape_ascii().to_string()));
    error.message().to_owned()
}

const SEVEN: &str = r#"{"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode",
    "content": "7", "is_json": true}"#;

fn node(loader: &str, path: &str, rest: &str) -> String {
    let (module, name) = path.rsplit_once('.').unwrap();
    format!(
        r#"{{"__class__": "{name}", "__module__": "{module}", "__loader__": "{loader}"{}{rest}}}"#,
        if rest.is_empty() { "" } else { ", " }
    )
}

/// A list of nodes.
fn list(kind: &str, nodes: &[String]) -> String {
    let loader = if kind == "tuple" {
        "TupleNode"
    } else {
        "ListNode"
    };
    let content = format!(r#""content": [{}]"#, nodes.join(","));
    node(loader, &format!("builtins.{kind}"), &content)
}

/// A dict of one entry.
fn dict(key: &str, value: &str) -> String {
    let types = list("list", &[node("TypeNode", "builtins.str", "")]);
    let content = format!(r#""content": {{"{key}": {value}}}, "key_types": {types}"#);
    node("DictNode", "builtins.dict", &content)
}

fn array(file: &str) -> String {
    node(
        "NdArrayNode",
        "numpy.ndarray",
        &format!(r#""type": "numpy", "file": "{file}""#),
    )
}

#[test]
fn nodes_are_values() {
    let inner = dict("a", &list("tuple", &[SEVEN.to_owned(), SEVEN.to_owned()]));
    let found = try_read(&skops(&inner)).unwrap();
    let items = found.root().get("a").unwrap().items().unwrap();
    assert_eq!(items.len(), 2);
    assert_eq!(items[1].integer().unwrap(), 7);
}

/// Each loader that takes the name of something.
fn calls(path: &str) -> Vec<String> {
    let empty = list("tuple", &[]);
    let content = format!(r#""content": {}"#, dict("x", SEVEN));
    vec![
        node("TypeNode", path, ""),
        node("FunctionNode", path, ""),
        node("ObjectNode", path, ""),
        node("ObjectNode", path, &content),
        node("ListNode", path, r#""content": []"#),
        node("TupleNode", path, r#""content": []"#),
        node("SetNode", path, r#""content": []"#),
        node(
            "ConstructorFromReduceNode",
            path,
            &format!(r#""content": {empty}"#),
        ),
        node("NdArrayNode", path, r#""type": "numpy", "file": "a.npy""#),
        node(
            "SparseMatrixNode",
            path,
            r#""type": "scipy", "file": "a.npz""#,
        ),
        node("RandomStateNode", path, &content),
        node(
            "TreeNode",
            path,
            &format!(r#""__reduce__": {{"args": {empty}}}, {content}"#),
        ),
        node(
            "LossNode",
            path,
            &format!(r#""__reduce__": {{"args": {empty}}}, {content}"#),
        ),
        node("OperatorFuncNode", path, &format!(r#""attrs": {empty}"#)),
        node("QuantileForestNode", path, ""),
        node("CachedNode", path, ""),
        node("EvalNode", path, ""),
    ]
}

#[test]
fn no_gadget_is_read_in_any_node() {
    let mut tried = 0;
    for (module, names) in gadgets::GADGETS {
        for name in names.split_whitespace().filter(|name| !name.contains('.')) {
            for call in calls(&format!("{module}.{name}")) {
                for wrapped in [
                    call.clone(),
                    list("list", std::slice::from_ref(&call)),
                    dict("k", &call),
                ] {
                    let message = message(&skops(&wrapped));
                    assert!(message.contains("is not on the list"), "{message}");
                    tried += 1;
                }
            }
        }
    }
    assert!(tried > 10_000, "{tried}");
}

#[test]
fn a_refusal_says_what_and_where() {
    let call = list("list", &[node("FunctionNode", "os.system", "")]);
    let message = message(&skops(&call));
    assert!(message.contains("FunctionNode of `os.system`"), "{message}");
    assert!(
        message.contains("names `os.system`, which is not on the list"),
        "{message}"
    );
    assert!(
        !message.contains("ListNode"),
        "the innermost node alone: {message}"
    );
}

#[test]
fn functions_of_old_protocols_are_refused_by_their_own_name() {
    let rest = r#""content": {"module_path": "os", "function": "system"}"#;
    let call = node("FunctionNode", "numpy.log1p", rest);
    assert!(message(&skops(&call)).contains("`os.system`"));
}

#[test]
fn names_do_not_stand_where_objects_do() {
    let tuple = format!(r#""content": {}"#, list("tuple", &[]));
    for (call, word) in [
        (node("ObjectNode", "numpy.log1p", ""), "does not fit"),
        (node("ObjectNode", "builtins.int", ""), "does not fit"),
        (
            node("ConstructorFromReduceNode", "numpy.dtype", &tuple),
            "does not fit",
        ),
        (
            node("ConstructorFromReduceNode", "copyreg.__newobj__", &tuple),
            "does not fit",
        ),
        (
            node("ObjectNode", "joblib.numpy_pickle.NumpyArrayWrapper", ""),
            "does not fit",
        ),
        (
            node("ListNode", "sklearn.tree._tree.Tree", r#""content": []"#),
            "does not fit",
        ),
        (
            node(
                "NdArrayNode",
                "sklearn.tree._tree.Tree",
                r#""type": "json""#,
            ),
            "does not fit",
        ),
        (
            node("OperatorFuncNode", "numpy.log1p", r#""attrs": []"#),
            "no such loader",
        ),
        (
            node("TupleNode", "builtins.tuple", ""),
            "there is no `content`",
        ),
        (
            node("JsonNode", "builtins.str", r#""content": "[1]""#),
            "a single value",
        ),
        (
            node("JsonNode", "builtins.str", r#""content": "nope""#),
            "malformed",
        ),
        (
            node("NdArrayNode", "numpy.ndarray", r#""type": "pickle""#),
            "neither",
        ),
    ] {
        let message = message(&skops(&call));
        assert!(message.contains(word), "{call}: {message}");
    }
}

#[test]
fn a_method_is_no_more_than_its_name() {
    let owner = node("ObjectNode", "sklearn.svm._classes.SVC", "");
    let content = format!(r#""content": {{"func": "predict", "obj": {owner}}}"#);
    let found = try_read(&skops(&node(
        "MethodNode",
        "sklearn.svm._classes.SVC",
        &content,
    )))
    .unwrap();
    assert_eq!(found.root().class().unwrap(), "builtins.method");
    assert_eq!(found.root().argument(1).unwrap().text().unwrap(), "predict");
    let owner = node("ObjectNode", "os._wrap_close", "");
    let content = format!(r#""content": {{"func": "predict", "obj": {owner}}}"#);
    let method = node("MethodNode", "sklearn.svm._classes.SVC", &content);
    assert!(message(&skops(&method)).contains("os._wrap_close"));
}

#[test]
fn what_is_no_description_of_skops_is_refused() {
    let schema = |text: &str| zip(&[stored("schema.json", text.as_bytes())]);
    for (file, word) in [
        (schema(""), "malformed"),
        (schema("[]"), "protocol"),
        (schema(SEVEN), "protocol"),
        (
            schema(&with_protocol(SEVEN).replace("\"protocol\": 2", "\"protocol\": 3")),
            "protocol",
        ),
        (schema(r#"{"protocol": 2}"#), "no node of skops"),
        (schema(&"[".repeat(100_000)), "too deep"),
        (schema("\u{e9}\u{0}"), "malformed"),
        (zip(&[stored("schema.json", b"\xff\xfe")]), "UTF-8"),
        (zip(&[stored("model.pkl", b"N.")]), "no skops file"),
        (zip(&[]), "no skops file"),
    ] {
        let message = message(&file);
        assert!(message.contains(word), "{message}");
    }
}

#[test]
fn nodes_do_not_lie_deeper_than_the_limit() {
    let nested = |levels: usize| {
        let start = r#"{"__class__": "list", "__module__": "builtins", "__loader__": "ListNode", "content": ["#;
        let text = format!("{}{}", start.repeat(levels), "]}".repeat(levels));
        skops(&text)
    };
    assert!(try_read(&nested(50)).is_ok());
    assert!(message(&nested(5000)).contains("too deep"));
}

/// What is said to be one object is one; an object within itself would have no end.
#[test]
fn numbers_of_objects_make_no_cycles() {
    let inner = r#"{"__class__": "list", "__module__": "builtins", "__loader__": "ListNode", "content": [], "__id__": 5}"#;
    let outer = |content: &str| {
        let rest = format!(r#""content": [{content}], "__id__": 5"#);
        node("ListNode", "builtins.list", &rest)
    };
    let found = try_read(&skops(&outer(inner))).unwrap();
    assert_eq!(found.root().item(0).unwrap().count().unwrap(), 0);
    let both = list("tuple", &[inner.to_owned(), inner.to_owned()]);
    let found = try_read(&skops(&both)).unwrap();
    let items = found.root().items().unwrap();
    assert_eq!(items[0].id(), items[1].id());
    // A number alone is not enough to be read: a node says what it is.
    assert!(
        message(&skops(&list(
            "tuple",
            &[inner.to_owned(), r#"{"__id__": 5}"#.to_owned()]
        )))
        .contains("no node")
    );
}

fn npy(header: &str, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(header.len()).unwrap().to_le_bytes();
    [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), data].concat()
}

fn with_file(node: &str, file: Member) -> Vec<u8> {
    zip(&[stored("schema.json", with_protocol(node).as_bytes()), file])
}

#[test]
fn files_of_arrays_are_held_against_their_header() {
    let of = |descr: &str, shape: &str, data: &[u8]| {
        let header = format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n");
        with_file(&array("a.npy"), stored("a.npy", &npy(&header, data)))
    };
    let right = try_read(&of("'|u1'", "(2,)", &[3, 4])).unwrap();
    assert_eq!(right.root().integers().unwrap().values, [3, 4]);
    for (file, word) in [
        (of("'|u1'", "(3,)", &[3, 4]), "needs 3 bytes"),
        (of("'|O'", "(1,)", b"cos\nsystem\n."), "pickled objects"),
        (of("'<f8'", "(4294967296, 4294967296)", &[]), "no array"),
        (
            with_file(&array("b.npy"), stored("a.npy", &[])),
            "no file `b.npy`",
        ),
        (
            with_file(&array("../a.npy"), stored("a.npy", &[])),
            "no file",
        ),
        (
            with_file(&array("a.npy"), stored("a.npy", b"PK")),
            "no `.npy`",
        ),
    ] {
        let message = message(&file);
        assert!(message.contains(word), "{message}");
    }
}

#[test]
fn arrays_of_objects_are_as_many_as_their_shape() {
    let of = |count: usize, shape: &str| {
        let one = node(
            "JsonNode",
            "builtins.str",
            &format!(r#""content": "{shape}""#),
        );
        let items = vec![SEVEN.to_owned(); count].join(",");
        let shape = list("tuple", &[one]);
        let rest = format!(r#""type": "json", "content": [{items}], "shape": {shape}"#);
        skops(&node("NdArrayNode", "numpy.ndarray", &rest))
    };
    assert_eq!(try_read(&of(2, "2")).unwrap().root().count().unwrap(), 2);
    for file in [
        of(2, "3"),
        of(2, "-1"),
        of(0, "9223372036854775807"),
        of(2, "null"),
    ] {
        message(&file);
    }
}

#[test]
fn dicts_have_a_type_for_each_key() {
    let none = list("list", &[]);
    let content = format!(r#""content": {{"a": {SEVEN}}}, "key_types": {none}"#);
    let missing = node("DictNode", "builtins.dict", &content);
    assert!(message(&skops(&missing)).contains("1 keys, 0 of them"));
    let types = list("list", &[node("TypeNode", "os.system", "")]);
    let content = format!(r#""content": {{"a": {SEVEN}}}, "key_types": {types}"#);
    let gadget = node("DictNode", "builtins.dict", &content);
    assert!(message(&skops(&gadget)).contains("keys of `os.system`"));
}

#[test]
fn zips_are_what_python_writes() {
    let schema = stored("schema.json", with_protocol(SEVEN).as_bytes());
    assert!(try_read(&zip(std::slice::from_ref(&schema))).is_ok());
    let changed = |change: fn(&mut Member)| {
        let mut member = schema.clone();
        change(&mut member);
        zip(&[member])
    };
    let named = |name: &str| zip(&[schema.clone(), stored(name, b"x")]);
    for (file, word) in [
        (named("../a.npy"), "name"),
        (named("/etc/passwd"), "name"),
        (named("a/b.npy"), "name"),
        (named("a\\b.npy"), "name"),
        (named(".."), "name"),
        (named("folder/"), "name"),
        (named(""), "name"),
        (named("a\0b"), "name"),
        (named(&"a".repeat(5000)), "name"),
        (named("schema.json"), "same name"),
        (changed(|member| member.mode = 0o120_777), "no plain file"),
        (changed(|member| member.mode = 0o040_755), "no plain file"),
        (changed(|member| member.flags = 1), "encrypted"),
        (changed(|member| member.crc ^= 1), "checksum"),
        (changed(|member| member.size += 1), "two sizes"),
        (changed(|member| member.method = 14), "LZMA"),
        (changed(|member| member.method = 8), "damaged"),
        (changed(|member| member.method = 99), "LZMA or another"),
    ] {
        let message = message(&file);
        assert!(message.contains(word), "{word}: {message}");
    }
}

#[test]
fn the_list_of_a_zip_is_held_against_its_files() {
    let members = [
        stored("schema.json", with_protocol(SEVEN).as_bytes()),
        stored("a.npy", b"0123456789"),
        stored("b.npy", b"0123456789"),
    ];
    let whole = zip(&members);
    // All the same bytes, so that ten of them cost as much as one.
    assert!(
        message(&zip_at(&members, |index, at| if index == 2 {
            at - 45
        } else {
            at
        }))
        .contains("where its list says")
    );
    assert!(message(&zip_at(&members, |_, _| u32::MAX)).contains("where its list says"));
    let end = whole.len() - 22;
    for (at, value) in [(8, 9_u8), (10, 9), (12, 1), (16, 1), (4, 1), (20, 1)] {
        let mut file = whole.clone();
        file[end + at] ^= value;
        message(&file);
    }
    for cut in [whole.len() - 1, end, 100, 22, 4] {
        message(&whole[..cut]);
    }
    let behind = [&whole[..], b"more"].concat();
    assert!(message(&behind).contains("missing"));
    let before = [b"PK\x03\x04", &whole[..]].concat();
    assert!(message(&before).contains("where"));
}

#[test]
fn files_that_share_bytes_are_refused() {
    // The second file's header lies within the data of the first.
    let inner = zip(&[stored("b.npy", b"0123456789")]);
    let outer = stored("a.npy", &inner);
    let members = [outer, stored("b.npy", b"0123456789")];
    let start = 30 + 5;
    let file = zip_at(&members, |index, at| if index == 1 { start } else { at });
    assert!(message(&file).contains("share bytes"));
}

#[test]
fn an_archive_expands_within_the_limit() {
    let zeros = vec![0; 64 << 20];
    let bomb = zip(&[
        stored("schema.json", with_protocol(SEVEN).as_bytes()),
        deflated("a.npy", &zeros),
    ]);
    assert!(bomb.len() < 100_000);
    assert!(message(&bomb).contains("is the limit for its size"));
    let mut lying = deflated("schema.json", &zeros);
    lying.size = 100;
    assert!(message(&zip(&[lying])).contains("checksum"));
    let spaces = format!("{}{}", " ".repeat(16 << 20), with_protocol(SEVEN));
    assert!(try_read(&zip(&[deflated("schema.json", spaces.as_bytes())])).is_ok());
}
