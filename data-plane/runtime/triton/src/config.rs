//! `config.pbtxt`: a model's configuration in the text form of protocol buffers.

use std::sync::OnceLock;

use hari_error::{Error, Result};
use hari_proto::inference::ModelConfig;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor};

const MESSAGE: &str = "inference.ModelConfig";

/// A configuration of more bytes than this is no configuration.
const MOST_BYTES: usize = 1 << 20;

/// Reads the text of a `config.pbtxt`.
///
/// # Errors
/// `Model`, with the field or the word that is wrong, if the text is no configuration.
pub fn parse(text: &str) -> Result<ModelConfig> {
    if text.len() > MOST_BYTES {
        return Err(Error::model(format!(
            "config.pbtxt has {} bytes, the most is {MOST_BYTES}",
            text.len()
        )));
    }
    let message = DynamicMessage::parse_text_format(descriptor()?, &with_colons(text))
        .map_err(|error| Error::model(format!("config.pbtxt: {error}")))?;
    message.transcode_to().map_err(|error| {
        Error::internal("config.pbtxt cannot be read as a configuration").with_source(error)
    })
}

fn descriptor() -> Result<MessageDescriptor> {
    static POOL: OnceLock<Option<DescriptorPool>> = OnceLock::new();
    let decode = || DescriptorPool::decode(hari_proto::DESCRIPTOR_SET).ok();
    POOL.get_or_init(decode)
        .as_ref()
        .and_then(|pool| pool.get_message_by_name(MESSAGE))
        .ok_or_else(|| Error::internal(format!("no description of {MESSAGE}")))
}

/// The text with a colon before every list. Before lists of messages people leave it out, as the
/// language allows and the reader does not.
fn with_colons(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut last = ' ';
    let mut rest = text.chars();
    while let Some(next) = rest.next() {
        if next == '[' && (last.is_ascii_alphanumeric() || last == '_') {
            out.push(':');
        }
        out.push(next);
        match next {
            '#' => copy_until(&mut rest, &mut out, '\n'),
            '"' | '\'' => copy_until(&mut rest, &mut out, next),
            _ => {}
        }
        if !next.is_whitespace() && next != '#' {
            last = next;
        }
    }
    out
}

/// Copies what follows, up to `end`; a backslash hides the character after it.
fn copy_until(rest: &mut std::str::Chars<'_>, out: &mut String, end: char) {
    while let Some(next) = rest.next() {
        out.push(next);
        if next == end {
            return;
        }
        if next == '\\' && end != '\n' {
            out.extend(rest.next());
        }
    }
}

#[cfg(test)]
mod tests {
    use hari_proto::inference::DataType;
    use hari_proto::inference::model_config::SchedulingChoice;

    use super::*;

    #[test]
    fn a_configuration_is_read_in_all_the_forms_that_people_write() {
        let config = parse(
            "# digits\nname: 'mnist' platform: \"onnxruntime_onnx\"\nmax_batch_size: 8\n\
             input [{ name: \"x\", data_type: TYPE_FP32, dims: [ 28, 28 ] }]\n\
             output { name: \"y\" data_type: TYPE_FP32 dims: 10 }\n\
             dynamic_batching { max_queue_delay_microseconds: 500 }\n\
             instance_group [ { count: 2 kind: KIND_CPU } ]\n\
             parameters { key: \"intra_op_thread_count\" value: { string_value: \"2\" } }\n\
             optimization { graph { level: 1 } }",
        )
        .unwrap();
        assert_eq!((&*config.name, config.max_batch_size), ("mnist", 8));
        assert_eq!(config.input[0].dims, [28, 28]);
        assert_eq!(config.input[0].data_type(), DataType::TypeFp32);
        assert_eq!(config.output[0].dims, [10]);
        assert_eq!(config.instance_group[0].count, 2);
        assert_eq!(config.parameters["intra_op_thread_count"].string_value, "2");
        let Some(SchedulingChoice::DynamicBatching(batching)) = config.scheduling_choice else {
            panic!("dynamic batching is lost");
        };
        assert_eq!(batching.max_queue_delay_microseconds, 500);
    }

    #[test]
    fn a_mistake_is_named() {
        let said = |text: &str| parse(text).unwrap_err().message().to_owned();
        let typo = said("max_batchsize: 8");
        assert!(typo.contains("max_batchsize"), "{typo}");
        let kind = said("input [{ name: 'x' data_type: TYPE_FLOAT }]");
        assert!(kind.contains("TYPE_FLOAT"), "{kind}");
        let open = said("input [{ name: 'x' ");
        assert!(open.starts_with("config.pbtxt: "), "{open}");
        let long = said(&"#".repeat(MOST_BYTES + 1));
        assert!(long.contains("the most is"), "{long}");
    }

    #[test]
    fn colons_are_put_before_lists_alone() {
        let same = "name: 'a [b' # x [\n dims: [1] note: \"\\\" [\"";
        assert_eq!(with_colons(same), same);
        assert_eq!(
            with_colons("input [{ dims [1] }]"),
            "input :[{ dims :[1] }]"
        );
    }

    #[test]
    fn braces_without_end_are_refused_and_not_followed() {
        assert!(parse(&"{".repeat(100_000)).is_err());
        assert!(parse(&"optimization {".repeat(50_000)).is_err());
    }
}
