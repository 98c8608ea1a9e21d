//! Text operators: ONNX's own, `Tokenizer`, and the domain `hari` with the meaning of TensorFlow's.
//!
//! # The domain `hari`, version 1
//!
//! Operators are named after TensorFlow's, take its inputs in its order and its attributes under
//! their names, except that an element type is the attribute `to` with ONNX's number (as `Cast` has
//! it). `[..]` marks what may be left out. Elements are byte strings; whatever is an index or a
//! size may be INT32 or INT64 as an input. Shapes are those of the first input unless said.
//! Truth is 0 or 1.
//!
//! | Operator | Attributes | Inputs -> outputs |
//! |---|---|---|
//! | `StringLower`, `StringUpper` | `[encoding]`: empty (ASCII) or `utf-8` | x -> BYTES |
//! | `StringStrip` | | x -> BYTES, without ASCII white space at both ends |
//! | `StringLength` | `[unit]`: `BYTE` or `UTF8_CHAR` | x -> INT32 |
//! | `Substr` | `[unit]` | x, pos, len (broadcast with x) -> BYTES |
//! | `StringJoin` | `[separator]` | x... (one shape, or scalars) -> BYTES |
//! | `ReduceJoin` | `[separator]`, `[keep_dims]` | x, axes -> BYTES |
//! | `UnsortedSegmentJoin` | `[separator]` | x, segment ids, number of segments -> BYTES |
//! | `RegexReplace` | `pattern`, `rewrite`, `[replace_global]` = 1 | x -> BYTES; or with the inputs x, pattern, rewrite and without those attributes |
//! | `RegexFullMatch` | `pattern` | x -> BOOL; or with the inputs x, pattern |
//! | `StringSplit` | `[maxsplit]` = -1 | x `[n]`, separator (scalar) -> indices INT64 `[m, 2]`, values BYTES `[m]`, shape INT64 `[2]` (`StringSplitV2`) |
//! | `StringSplitChars` | `[skip_empty]` = 1 | x `[n]`, delimiters (each byte is one) -> as `StringSplit` (the first `StringSplit`) |
//! | `StringNGrams` | `separator`, `ngram_widths`, `left_pad`, `right_pad`, `pad_width`, `preserve_short_sequences` | values `[m]`, splits `[n+1]` -> BYTES, splits (type of the input) |
//! | `UnicodeDecode` | `[input_encoding]` = `UTF-8`, `[errors]` = `replace`, `[replacement_char]`, `[replace_control_characters]`, `[to]` = INT64 (type of the splits) | x `[n]` -> splits `[n+1]`, characters INT32 `[m]`, `[`first bytes INT64 `[m]]` |
//! | `UnicodeEncode` | `[output_encoding]` = `UTF-8`, `[errors]`, `[replacement_char]` | characters INT32 `[m]`, splits `[n+1]` -> BYTES `[n]` |
//! | `UnicodeTranscode` | `input_encoding`, `output_encoding`, `[errors]`, `[replacement_char]`, `[replace_control_characters]` | x -> BYTES |
//! | `UnicodeScript` | | INT32 -> INT32 |
//! | `StringToNumber` | `[to]` = FLOAT, or DOUBLE, INT32, INT64, UINT32, UINT64 | x -> numbers |
//! | `AsString` | `[precision]` = -1, `[scientific]`, `[shortest]`, `[width]` = -1, `[fill]` | numbers, BOOL or BYTES -> BYTES |
//! | `StringToHashBucketFast`, `StringToHashBucket` | `num_buckets` | x -> INT64 |
//! | `StringToHashBucketStrong` | `num_buckets`, `key` (two integers) | x -> INT64 |
//! | `EncodeBase64` | `[pad]` | x -> BYTES (web-safe) |
//! | `DecodeBase64` | | x -> BYTES |
//! | `DecodeRaw` | `to`, `[little_endian]` = 1 | x -> numbers, one dimension more |
//! | `LookupTable` | `keys`, `values`: tensors of one length | x (type of the keys), default (scalar, type of the values) -> values |
//! | `LookupTableSize` | `keys` | -> INT64 scalar |
//! | `Bucketize` | `boundaries` (floats, ascending) | numbers -> INT32 |
//! | `Bincount` | `[binary_output]` | x `[n]` or `[b, n]`, size (scalar), weights (shape of x, or empty) -> `[size]` or `[b, size]`, type of the weights (`DenseBincount`) |
//! | `RaggedBincount` | `[binary_output]` | splits, values, size, weights -> `[b, size]` |
//! | `SparseBincount` | `[binary_output]` | indices, values, dense shape, size, weights -> as `Bincount` |
//! | `RaggedTensorToTensor` | `row_partition_types` | shape, values, default, row partitions... -> dense |
//! | `RaggedTensorToSparse` | | splits..., values -> indices INT64, values, shape INT64 |
//! | `RaggedRange` | `[to]` = INT64 (type of the splits) | starts, limits, deltas (scalars or `[n]`) -> splits, values |
//! | `RaggedGather` | | splits..., values, indices -> splits..., values |
//! | `SparseToDense` | | indices (scalar, `[n]` or `[n, r]`), shape, values (scalar or `[n]`), default -> dense |
//! | `SparseReshape` | | indices, shape, new shape -> indices INT64, shape INT64 |
//! | `SparseFillEmptyRows` | | indices, values, shape, default -> indices, values, BOOL `[rows]`, INT64 `[n]` (reverse map) |
//! | `SparseSegmentSum`, `SparseSegmentMean`, `SparseSegmentSqrtN` | | data, indices, segment ids, `[`number of segments`]` -> rows by segment |
//! | `SegmentSum`, `SegmentMean`, `SegmentProd`, `SegmentMin`, `SegmentMax` | | data, segment ids (ascending) -> rows by segment |
//! | `UnsortedSegmentSum`, `UnsortedSegmentProd`, `UnsortedSegmentMin`, `UnsortedSegmentMax` | | data, segment ids (any shape that starts data's), number of segments -> rows by segment |
//! | `SparseTensorDenseMatMul` | `[adjoint_a]`, `[adjoint_b]` | indices, values, shape, dense -> FP32 or FP64 |
//! | `SparseReduceSum` | `[keep_dims]` | indices, values, shape, axes -> dense |
//! | `SparseCrossHashed` | `num_buckets`, `hash_key` | dense columns `[b, k]`, each INT64 or BYTES... -> indices INT64 `[n, 2]`, values INT64 `[n]`, shape INT64 `[2]` (the first `SparseCross` with `hashed_output`: row by row every combination, the last column fastest; a string counts as its Fingerprint64, an integer as itself; the hash starts as `hash_key` and takes each in by FingerprintCat64; unsigned remainder by `num_buckets`) |
//! | `Unique` | `[to]` = INT32 (type of positions and counts) | x `[n]` -> values in order of appearance, positions `[n]`, `[`counts`]` |
//! | `BitCast` | `to` | any but BYTES -> the same bytes as another type of the same size |
//! | `Where` | | numbers or BOOL -> INT64 `[n, rank]`, indices of what is not zero |
//!
//! # Wanted
//!
//! Operators that a lowering would emit and that are not above: none.

mod base64;
pub(in crate::families) mod broadcast;
mod case;
pub(in crate::families) mod hash;
mod join;
mod length;
mod ngrams;
mod normalize;
mod number;
mod pattern;
mod print;
mod regex;
mod script;
mod split;
mod tfidf;
mod tokenizer;
pub(in crate::families) mod unicode;

use crate::compile::{Builder, Entry};

const fn onnx(name: &'static str, since: i64, build: Builder) -> Entry {
    Entry {
        domain: "",
        name,
        since,
        build,
    }
}

/// An operator of the domain `hari`.
pub(in crate::families) const fn own(name: &'static str, build: Builder) -> Entry {
    Entry {
        domain: "hari",
        name,
        since: 1,
        build,
    }
}

pub(crate) const TABLE: &[Entry] = &[
    onnx("RegexFullMatch", 20, regex::full_match),
    onnx("StringConcat", 20, join::join),
    onnx("StringNormalizer", 10, normalize::string_normalizer),
    onnx("StringSplit", 20, split::padded),
    onnx("TfIdfVectorizer", 9, tfidf::vectorizer),
    Entry {
        domain: "com.microsoft",
        name: "Tokenizer",
        since: 1,
        build: tokenizer::tokenizer,
    },
    own("AsString", print::as_string),
    own("DecodeBase64", base64::decode),
    own("DecodeRaw", number::decode_raw),
    own("EncodeBase64", base64::encode),
    own("ReduceJoin", join::reduce),
    own("RegexFullMatch", regex::full_match),
    own("RegexReplace", regex::replace),
    own("StringJoin", join::join),
    own("StringLength", length::length),
    own("StringLower", case::lower),
    own("StringNGrams", ngrams::string_ngrams),
    own("StringSplit", split::separated),
    own("StringSplitChars", split::by_bytes),
    own("StringStrip", case::strip),
    own("StringToHashBucket", hash::old),
    own("StringToHashBucketFast", hash::fast),
    own("StringToHashBucketStrong", hash::strong),
    own("StringToNumber", number::string_to_number),
    own("StringUpper", case::upper),
    own("Substr", length::substr),
    own("UnicodeDecode", unicode::decode),
    own("UnicodeEncode", unicode::encode),
    own("UnicodeScript", script::unicode_script),
    own("UnicodeTranscode", unicode::transcode),
    own("UnsortedSegmentJoin", join::segments),
];
