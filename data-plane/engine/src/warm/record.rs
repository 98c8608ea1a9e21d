//! `assets.extra/tf_serving_warmup_requests`: records of TensorFlow Serving, each a `PredictionLog`.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use bytes::Bytes;
use hari_core::{Limits, ModelMetadata};
use hari_error::{Error, Result};
use hari_ingress::examples;
use hari_proto::tensorflow::serving::prediction_log::LogType;
use hari_proto::tensorflow::serving::{Input, ModelSpec, PredictRequest, PredictionLog};
use hari_protocol::tensorflow::proto;
use prost::Message as _;

use super::Request;

const FILE: &str = "assets.extra/tf_serving_warmup_requests";
/// As many records as TensorFlow Serving takes.
const MOST: usize = 1000;
/// Length and its checksum before the data of a record, and a checksum after it.
const HEAD: usize = 12;
const TAIL: usize = 4;

/// The requests of the file in `folder`; none if there is no such file.
///
/// # Errors
/// `Model`, with the number of the record.
pub(super) fn read(folder: &Path, model: &ModelMetadata) -> Result<Vec<Request>> {
    let bytes = match fs::read(folder.join(FILE)) {
        Ok(bytes) => Bytes::from(bytes),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(Error::model(format!("{FILE} cannot be read: {error}"))),
    };
    let mut requests = Vec::new();
    for (at, record) in records(&bytes)?.into_iter().enumerate() {
        let place = format!("{FILE} record {at}");
        let found = requests_of(record, model, &place)
            .map_err(|error| Error::model(format!("{place}: {}", error.message())))?;
        requests.extend(found);
    }
    Ok(requests)
}

/// The data of each record, its checksums verified.
fn records(bytes: &Bytes) -> Result<Vec<Bytes>> {
    let mut records = Vec::new();
    let mut rest = bytes.clone();
    while !rest.is_empty() {
        let at = records.len();
        if at == MOST {
            return Err(Error::model(format!(
                "{FILE}: expected at most {MOST} records"
            )));
        }
        let (record, more) =
            record(&rest).ok_or_else(|| Error::model(format!("{FILE} record {at} is damaged")))?;
        records.push(record);
        rest = more;
    }
    Ok(records)
}

fn record(bytes: &Bytes) -> Option<(Bytes, Bytes)> {
    let (length, check) = bytes.get(..HEAD)?.split_at(8);
    if masked(length) != u32::from_le_bytes(check.try_into().ok()?) {
        return None;
    }
    let length = usize::try_from(u64::from_le_bytes(length.try_into().ok()?)).ok()?;
    let end = HEAD.checked_add(length)?;
    let after = end.checked_add(TAIL)?;
    let check = bytes.get(end..after)?;
    let data = bytes.slice(HEAD..end);
    let whole = masked(&data) == u32::from_le_bytes(check.try_into().ok()?);
    whole.then(|| (data, bytes.slice(after..)))
}

/// The checksum of records: CRC-32C, turned and shifted so that data may hold checksums itself.
fn masked(data: &[u8]) -> u32 {
    crc32c::crc32c(data)
        .rotate_right(15)
        .wrapping_add(0xa282_ead8)
}

fn requests_of(record: Bytes, model: &ModelMetadata, place: &str) -> Result<Vec<Request>> {
    let log = PredictionLog::decode(record)
        .map_err(|error| Error::invalid(format!("expected a PredictionLog: {error}")))?;
    match log.log_type {
        Some(LogType::PredictLog(log)) => predict(log.request.unwrap_or_default(), place),
        Some(LogType::ClassifyLog(log)) => {
            let request = log.request.unwrap_or_default();
            rows(request.model_spec, request.input, model, place)
        }
        Some(LogType::RegressLog(log)) => {
            let request = log.request.unwrap_or_default();
            rows(request.model_spec, request.input, model, place)
        }
        Some(LogType::MultiInferenceLog(log)) => {
            let request = log.request.unwrap_or_default();
            let mut requests = Vec::new();
            for task in request.tasks {
                requests.extend(rows(task.model_spec, request.input.clone(), model, place)?);
            }
            Ok(requests)
        }
        None => Err(Error::invalid(
            "expected a predict, classify, regress or multi-inference request",
        )),
    }
}

fn predict(request: PredictRequest, place: &str) -> Result<Vec<Request>> {
    let (target, message) = proto::to_predict(request, &Limits::default())?;
    let place = place.to_owned();
    Ok(vec![Request {
        place,
        message,
        target,
    }])
}

fn rows(
    spec: Option<ModelSpec>,
    input: Option<Input>,
    model: &ModelMetadata,
    place: &str,
) -> Result<Vec<Request>> {
    let target = proto::to_target(spec);
    let rows = proto::to_examples(input, &Limits::default())?;
    let message = examples::message(model, target.signature.as_deref(), &rows)?;
    let place = place.to_owned();
    Ok(vec![Request {
        place,
        message,
        target,
    }])
}

#[cfg(test)]
mod tests {
    use hari_proto::tensorflow::serving::PredictLog;
    use hari_proto::tensorflow::{DataType, TensorProto, TensorShapeProto};

    use super::*;

    fn written(data: &[u8]) -> Vec<u8> {
        let length = (data.len() as u64).to_le_bytes();
        let mut out = length.to_vec();
        out.extend(masked(&length).to_le_bytes());
        out.extend(data);
        out.extend(masked(data).to_le_bytes());
        out
    }

    fn request() -> Vec<u8> {
        let tensor = TensorProto {
            dtype: DataType::DtFloat.into(),
            tensor_shape: Some(TensorShapeProto::default()),
            float_val: vec![2.5],
            ..TensorProto::default()
        };
        let request = PredictRequest {
            inputs: [("x".to_owned(), tensor)].into(),
            ..PredictRequest::default()
        };
        let log = PredictLog {
            request: Some(request),
            ..PredictLog::default()
        };
        PredictionLog {
            log_type: Some(LogType::PredictLog(log)),
        }
        .encode_to_vec()
    }

    fn file(bytes: &[u8]) -> Result<Vec<Request>> {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("assets.extra")).unwrap();
        fs::write(folder.path().join(FILE), bytes).unwrap();
        read(folder.path(), &ModelMetadata::default())
    }

    #[test]
    fn the_checksum_is_that_of_records() {
        // The length 0 as every writer of records writes it.
        assert_eq!(masked(&0_u64.to_le_bytes()), 0x0798_0329);
    }

    #[test]
    fn records_are_read_one_after_the_other() {
        let bytes = [written(&request()), written(&request())].concat();
        let requests = file(&bytes).unwrap();
        assert_eq!(requests.len(), 2);
        let tensor = &requests[1].message.as_tensors().unwrap()[0];
        assert_eq!(
            (&*tensor.name, tensor.tensor.to_vec::<f32>().unwrap()),
            ("x", vec![2.5])
        );
        assert!(requests[1].place.ends_with("record 1"));
        assert!(file(&[]).unwrap().is_empty());
    }

    #[test]
    fn damage_anywhere_is_found() {
        let whole = written(&request());
        for at in 0..whole.len() {
            let mut broken = whole.clone();
            broken[at] ^= 1;
            assert!(file(&broken).is_err(), "{at}");
            assert!(at == 0 || file(&whole[..at]).is_err(), "{at}");
        }
        let mut long = written(&[]);
        long[..8].copy_from_slice(&u64::MAX.to_le_bytes());
        let check = masked(&u64::MAX.to_le_bytes());
        long[8..12].copy_from_slice(&check.to_le_bytes());
        assert!(file(&long).is_err());
    }

    #[test]
    fn a_record_without_a_request_is_refused() {
        let error = file(&written(&[])).unwrap_err();
        assert!(
            error.message().contains("record 0: expected a predict"),
            "{error}"
        );
    }
}
