//! Where a Seldon message can stand in a request: body, form, multipart, query parameter.

use axum::body::Body;
use bytes::Bytes;
use hari_core::{Input, Method};
use hari_error::{Error, Result};
use hari_protocol::seldon::{Field, Form, decode_form};
use http::header::CONTENT_TYPE;
use http::request::Parts;

use super::{decode, no_body};
use crate::http::exchange::Exchange;

/// The input of `method`, wherever the caller put it.
pub(super) async fn read(
    exchange: &Exchange,
    parts: &Parts,
    body: Body,
    method: Method,
) -> Result<Input> {
    let bytes = exchange.body(body).await?;
    let kind = parts
        .headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or("");
    if kind.starts_with("multipart/form-data") {
        return multipart(exchange, kind, bytes, method).await;
    }
    if kind.starts_with("application/x-www-form-urlencoded")
        && let Some(text) = parameter(&bytes)
    {
        return decode(exchange, method, text.as_bytes());
    }
    if !bytes.is_empty() {
        return decode(exchange, method, &bytes);
    }
    match parts
        .uri
        .query()
        .and_then(|query| parameter(query.as_bytes()))
    {
        Some(text) => decode(exchange, method, text.as_bytes()),
        None => Err(no_body(method)),
    }
}

/// The value of `json` in a form or a query.
fn parameter(encoded: &[u8]) -> Option<String> {
    let mut pairs = form_urlencoded::parse(encoded);
    pairs
        .find(|(key, _)| key == "json")
        .map(|(_, value)| value.into_owned())
}

async fn multipart(exchange: &Exchange, kind: &str, bytes: Bytes, method: Method) -> Result<Input> {
    let form = Form {
        fields: fields(kind, bytes, exchange.limits().inputs).await?,
    };
    if let Some(json) = form.fields.iter().find(|field| field.name == "json") {
        return decode(exchange, method, &json.value);
    }
    exchange.decode(|limits| decode_form(&form, limits).map(Input::One))
}

async fn fields(kind: &str, bytes: Bytes, limit: usize) -> Result<Vec<Field>> {
    let broken = |error: multer::Error| {
        Error::invalid(format!("the multipart body cannot be read: {error}"))
            .with_reason("MICROSERVICE_BAD_DATA")
    };
    let boundary = multer::parse_boundary(kind).map_err(broken)?;
    let stream = futures_util::stream::once(async { Ok::<_, std::convert::Infallible>(bytes) });
    let mut multipart = multer::Multipart::new(stream, boundary);
    let mut fields = Vec::new();
    while let Some(field) = multipart.next_field().await.map_err(broken)? {
        if fields.len() == limit {
            return Err(Error::too_large(format!(
                "the form has more than {limit} fields"
            )));
        }
        fields.push(Field {
            name: field.name().unwrap_or_default().to_owned(),
            filename: field.file_name().map(str::to_owned),
            content_type: field.content_type().map(ToString::to_string),
            value: field.bytes().await.map_err(broken)?,
        });
    }
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parameter_is_decoded() {
        let text = parameter(b"a=1&json=%7B%22strData%22%3A+%22x%22%7D");
        assert_eq!(text.as_deref(), Some(r#"{"strData": "x"}"#));
        assert_eq!(parameter(b"a=1"), None);
    }

    #[tokio::test]
    async fn multipart_fields_keep_their_names_and_files() {
        let body = "--b\r\nContent-Disposition: form-data; name=\"strData\"\r\n\r\nhello\r\n--b\r\n\
                    Content-Disposition: form-data; name=\"binData\"; filename=\"x.bin\"\r\n\r\nab\r\n--b--\r\n";
        let kind = "multipart/form-data; boundary=b";
        let fields = fields(kind, Bytes::from(body), 8).await.unwrap();
        assert_eq!(fields[0].name, "strData");
        assert_eq!(&*fields[0].value, b"hello");
        assert_eq!(fields[1].filename.as_deref(), Some("x.bin"));
        let error = super::fields(kind, Bytes::from(body), 1).await.unwrap_err();
        assert!(error.message().contains("more than 1"));
    }
}
