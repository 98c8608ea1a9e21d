//! The types that elements of an array are read as.

use half::f16;

use crate::dtype::Kind;

/// A type that array elements can be read as, of exactly this kind and size.
pub trait Element: Copy + Default {
    /// The kind of a dtype that holds it.
    const KIND: Kind;
    /// Its bytes.
    const SIZE: usize;
    /// In numpy's words.
    const NAME: &'static str;
    /// Values that lie in memory as this machine has them; none if they are not aligned.
    fn view(bytes: &[u8]) -> Option<&[Self]>;
    /// From as many bytes as its size; fewer give the default.
    fn decode(bytes: &[u8], big_endian: bool) -> Self;
}

macro_rules! elements {
    ($($type:ty, $kind:ident, $name:literal;)*) => {$(
        impl Element for $type {
            const KIND: Kind = Kind::$kind;
            const SIZE: usize = size_of::<$type>();
            const NAME: &'static str = $name;
            fn view(bytes: &[u8]) -> Option<&[Self]> {
                bytemuck::try_cast_slice(bytes).ok()
            }
            fn decode(bytes: &[u8], big_endian: bool) -> Self {
                let bytes = bytes.try_into().unwrap_or_default();
                if big_endian { Self::from_be_bytes(bytes) } else { Self::from_le_bytes(bytes) }
            }
        }
    )*};
}

elements! {
    i8, Int, "int8";
    i16, Int, "int16";
    i32, Int, "int32";
    i64, Int, "int64";
    u8, Uint, "uint8";
    u16, Uint, "uint16";
    u32, Uint, "uint32";
    u64, Uint, "uint64";
    f16, Float, "float16";
    f32, Float, "float32";
    f64, Float, "float64";
}

impl Element for bool {
    const KIND: Kind = Kind::Bool;
    const SIZE: usize = 1;
    const NAME: &'static str = "bool";
    fn view(_: &[u8]) -> Option<&[Self]> {
        None
    }
    fn decode(bytes: &[u8], _: bool) -> Self {
        bytes.first().is_some_and(|byte| *byte != 0)
    }
}
