//! Tests of the way from `TensorProto` to tensor and back.

use hari_error::Kind;
use hari_proto::tensorflow::DataType as Wire;
use proptest::prelude::*;

use super::*;
use crate::open_inference::arbitrary;

fn proto(dtype: Wire, sizes: &[i64]) -> TensorProto {
    TensorProto {
        dtype: dtype as i32,
        tensor_shape: Some(shape_proto(sizes)),
        ..TensorProto::default()
    }
}

fn read(proto: TensorProto) -> Result<Tensor> {
    to_tensor(proto, &Limits::default())
}

#[test]
fn content_is_shared_both_ways() {
    let content = Bytes::from(bytemuck::cast_slice::<f32, u8>(&[1.0, 2.0]).to_vec());
    let sent = TensorProto {
        tensor_content: content.clone(),
        ..proto(Wire::DtFloat, &[2])
    };
    let tensor = read(sent).unwrap();
    assert_eq!(tensor.bytes().unwrap().as_ptr(), content.as_ptr());
    assert_eq!(
        from_tensor(&tensor).tensor_content.as_ptr(),
        content.as_ptr()
    );
}

#[test]
fn the_last_value_stands_for_all_that_follow() {
    let sent = TensorProto {
        float_val: vec![1.0, 2.0],
        ..proto(Wire::DtFloat, &[2, 2])
    };
    assert_eq!(
        *read(sent).unwrap().values::<f32>().unwrap(),
        [1.0, 2.0, 2.0, 2.0]
    );
    let sent = TensorProto {
        string_val: vec!["a".into()],
        ..proto(Wire::DtString, &[2])
    };
    assert_eq!(read(sent).unwrap().strings().unwrap(), ["a", "a"]);
    let none = read(proto(Wire::DtInt64, &[2])).unwrap();
    assert_eq!(*none.values::<i64>().unwrap(), [0, 0]);
}

#[test]
fn too_many_values_are_refused() {
    let sent = TensorProto {
        int_val: vec![1, 2, 3],
        ..proto(Wire::DtInt32, &[2])
    };
    let error = read(sent).unwrap_err();
    assert_eq!(
        error.message(),
        "int_val: shape [2] needs 2 values, found 3"
    );
}

#[test]
fn a_value_out_of_its_type_is_refused() {
    let sent = TensorProto {
        int_val: vec![300],
        ..proto(Wire::DtUint8, &[1])
    };
    assert_eq!(
        read(sent).unwrap_err().message(),
        "int_val: expected UINT8, found 300"
    );
    let sent = TensorProto {
        half_val: vec![-1],
        ..proto(Wire::DtHalf, &[1])
    };
    assert_eq!(
        read(sent).unwrap_err().message(),
        "half_val: expected 16 bits, found -1"
    );
}

#[test]
fn a_small_message_cannot_ask_for_much_memory() {
    let sent = TensorProto {
        float_val: vec![1.0],
        ..proto(Wire::DtFloat, &[1 << 40])
    };
    assert_eq!(read(sent).unwrap_err().kind(), Kind::TooLarge);
    let sent = proto(Wire::DtString, &[i64::MAX, 2]);
    assert_eq!(read(sent).unwrap_err().kind(), Kind::TooLarge);
}

#[test]
fn one_string_cannot_stand_for_more_than_the_limit() {
    let string_val = vec![Bytes::from(vec![b'a'; 1 << 10])];
    let of = |count| TensorProto {
        string_val: string_val.clone(),
        ..proto(Wire::DtString, &[count])
    };
    assert_eq!(read(of(1 << 16)).unwrap().byte_len(), 64 << 20);
    let error = read(of((1 << 16) + 1)).unwrap_err();
    assert_eq!(error.kind(), Kind::TooLarge);
    assert!(
        error.message().starts_with("string_val: 67109888 bytes"),
        "{error}"
    );
}

#[test]
fn no_shape_is_a_scalar_and_an_unknown_rank_is_refused() {
    let sent = TensorProto {
        tensor_shape: None,
        float_val: vec![7.0],
        ..proto(Wire::DtFloat, &[])
    };
    assert_eq!(read(sent).unwrap().shape(), [0_usize; 0]);
    let unknown = TensorShapeProto {
        unknown_rank: true,
        ..TensorShapeProto::default()
    };
    let sent = TensorProto {
        tensor_shape: Some(unknown),
        ..proto(Wire::DtFloat, &[])
    };
    assert!(
        read(sent)
            .unwrap_err()
            .message()
            .contains("rank is not known")
    );
}

#[test]
fn content_of_a_wrong_length_is_refused() {
    let content = Bytes::from_static(&[0; 7]);
    let sent = TensorProto {
        tensor_content: content,
        ..proto(Wire::DtFloat, &[2])
    };
    let error = read(sent).unwrap_err();
    assert_eq!(
        error.message(),
        "tensor_content: shape [2] of FP32 needs 8 bytes, found 7"
    );
}

#[test]
fn strings_in_content_are_lengths_and_then_bytes() {
    let content = |bytes: &'static [u8]| TensorProto {
        tensor_content: Bytes::from_static(bytes),
        ..proto(Wire::DtString, &[2])
    };
    let tensor = read(content(b"\x01\x02abc")).unwrap();
    assert_eq!(tensor.strings().unwrap(), ["a", "bc"]);
    for broken in [
        &b"\x01"[..],
        b"\x01\x05abc",
        b"\x01\x01abc",
        b"\xff\xff\xff\xff\xff\xff",
    ] {
        assert!(read(content(broken)).is_err(), "{broken:?}");
    }
}

#[test]
fn a_single_number_goes_into_its_field_and_several_into_content() {
    let one = from_tensor(&Tensor::from_vec([1], vec![5_i32]).unwrap());
    assert_eq!((one.int_val, one.tensor_content.len()), (vec![5], 0));
    let two = from_tensor(&Tensor::from_vec([2], vec![5_i32, 6]).unwrap());
    assert_eq!((two.int_val.len(), two.tensor_content.len()), (0, 8));
}

/// Equal to the bit, also where a number is not a number.
fn assert_same(left: &Tensor, right: &Tensor) {
    assert_eq!((left.dtype(), left.shape()), (right.dtype(), right.shape()));
    assert_eq!(left.bytes(), right.bytes());
    assert_eq!(left.strings().ok(), right.strings().ok());
}

proptest! {
    #[test]
    fn what_is_written_reads_back(tensor in arbitrary::tensor()) {
        assert_same(&read(from_tensor(&tensor)).unwrap(), &tensor);
        assert_same(&read(from_tensor_as_values(&tensor)).unwrap(), &tensor);
    }

    #[test]
    fn any_string_content_is_read_or_refused(
        content in proptest::collection::vec(any::<u8>(), 1..40),
        count in 0_i64..8,
    ) {
        let sent = TensorProto { tensor_content: content.into(), ..proto(Wire::DtString, &[count]) };
        if let Ok(tensor) = read(sent) {
            prop_assert_eq!(tensor.len() as i64, count);
        }
    }
}
