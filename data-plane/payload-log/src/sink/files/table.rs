//! Apache Parquet: one event in each row, flat, all columns text but the time.

use std::fs::File;
use std::io;
use std::sync::Arc;

use parquet::basic::{Compression, ConvertedType, LogicalType, Repetition, TimeUnit, Type};
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::Type as SchemaType;

use crate::attributes;
use crate::event::Event;
use crate::time::micros;

/// A group of rows is written once it has so many rows, or bytes of bodies.
const GROUP_ROWS: usize = 10_000;
const GROUP_BYTES: usize = 8 << 20;

/// A column of text: its name, and what it holds of an event. Null where there is nothing.
type Column = (&'static str, fn(&Event) -> Option<ByteArray>);

const COLUMNS: [Column; 16] = [
    ("id", |event| text(event.id.to_string())),
    ("type", |event| text(event.kind.name())),
    ("source", |event| text(attributes::source(event).as_str())),
    ("requestid", |event| text(&*event.request_id)),
    ("namespace", |event| text(&*event.place().log.namespace)),
    ("inferenceservicename", |event| {
        text(&*event.place().log.deployment)
    }),
    ("endpoint", |event| text(&*event.place().log.predictor)),
    ("modelid", |event| text(&*event.place().log.node)),
    ("protocol", |event| text(&*event.body.protocol)),
    ("datacontenttype", |event| text(event.body.content_type)),
    ("redacted", |event| text(event.place().redacted.as_deref()?)),
    ("data", |event| body(event, true)),
    ("data_base64", |event| body(event, false)),
    ("tensor", |event| text(&*event.first.as_ref()?.0)),
    ("datatype", |event| text(event.first.as_ref()?.1)),
    ("shape", |event| {
        text(format!("{:?}", event.first.as_ref()?.2))
    }),
];

pub(super) struct Table {
    writer: SerializedFileWriter<File>,
    file: File,
    times: Vec<i64>,
    columns: [Vec<Option<ByteArray>>; COLUMNS.len()],
    waiting: usize,
}

impl Table {
    pub(super) fn new(file: File) -> io::Result<Self> {
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY);
        let properties = Arc::new(properties.build());
        let schema = Arc::new(schema().map_err(fault)?);
        let writer = SerializedFileWriter::new(file.try_clone()?, schema, properties);
        Ok(Self {
            writer: writer.map_err(fault)?,
            file,
            times: Vec::new(),
            columns: Default::default(),
            waiting: 0,
        })
    }

    /// Rows wait in memory until there are enough for a group.
    pub(super) fn append(&mut self, events: &[Event]) -> io::Result<()> {
        for event in events {
            self.times.push(micros(event.time));
            for (values, (_, value)) in self.columns.iter_mut().zip(COLUMNS) {
                values.push(value(event));
            }
            self.waiting += event.body.bytes.len() + 512;
        }
        if self.times.len() >= GROUP_ROWS || self.waiting >= GROUP_BYTES {
            self.group()?;
        }
        Ok(())
    }

    pub(super) fn length(&self) -> u64 {
        (self.writer.bytes_written() + self.waiting) as u64
    }

    pub(super) fn close(mut self) -> io::Result<File> {
        self.group()?;
        self.writer.close().map_err(fault)?;
        Ok(self.file)
    }

    fn group(&mut self) -> io::Result<()> {
        if self.times.is_empty() {
            return Ok(());
        }
        let mut group = self.writer.next_row_group().map_err(fault)?;
        times(&mut group, &self.times).map_err(fault)?;
        for values in &self.columns {
            texts(&mut group, values).map_err(fault)?;
        }
        group.close().map_err(fault)?;
        self.times.clear();
        self.columns.iter_mut().for_each(Vec::clear);
        self.waiting = 0;
        Ok(())
    }
}

fn text(text: impl AsRef<str>) -> Option<ByteArray> {
    Some(ByteArray::from(text.as_ref()))
}

fn body(event: &Event, as_text: bool) -> Option<ByteArray> {
    use base64::Engine as _;
    let bytes = &event.body.bytes;
    match (std::str::from_utf8(bytes).is_ok(), as_text) {
        (true, true) => Some(ByteArray::from(bytes.clone())),
        (false, false) => text(base64::engine::general_purpose::STANDARD.encode(bytes)),
        (true, false) | (false, true) => None,
    }
}

fn schema() -> Result<SchemaType, ParquetError> {
    let time = SchemaType::primitive_type_builder("time", Type::INT64)
        .with_repetition(Repetition::REQUIRED)
        .with_logical_type(Some(LogicalType::timestamp(true, TimeUnit::MICROS)));
    let mut fields = vec![Arc::new(time.build()?)];
    for (name, _) in COLUMNS {
        let column = SchemaType::primitive_type_builder(name, Type::BYTE_ARRAY)
            .with_repetition(Repetition::OPTIONAL)
            .with_logical_type(Some(LogicalType::String))
            .with_converted_type(ConvertedType::UTF8);
        fields.push(Arc::new(column.build()?));
    }
    SchemaType::group_type_builder("payloads")
        .with_fields(fields)
        .build()
}

fn times(
    group: &mut SerializedRowGroupWriter<'_, File>,
    times: &[i64],
) -> Result<(), ParquetError> {
    let Some(mut column) = group.next_column()? else {
        return Err(ParquetError::General("the schema has no time".into()));
    };
    column.typed::<Int64Type>().write_batch(times, None, None)?;
    column.close()
}

/// Nulls are said by levels: 0 where there is nothing, 1 where there is a value.
fn texts(
    group: &mut SerializedRowGroupWriter<'_, File>,
    values: &[Option<ByteArray>],
) -> Result<(), ParquetError> {
    let Some(mut column) = group.next_column()? else {
        return Err(ParquetError::General(
            "the schema has too few columns".into(),
        ));
    };
    let levels: Vec<i16> = values
        .iter()
        .map(|value| i16::from(value.is_some()))
        .collect();
    let there: Vec<ByteArray> = values.iter().flatten().cloned().collect();
    let writer = column.typed::<ByteArrayType>();
    writer.write_batch(&there, Some(&levels), None)?;
    column.close()
}

fn fault(error: ParquetError) -> io::Error {
    io::Error::other(error)
}
