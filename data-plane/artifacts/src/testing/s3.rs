//! A bucket of S3's API over the tests' HTTP server: listing, HEAD, ranges, `If-Match`, ETags.

use std::collections::BTreeMap;
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use md5::{Digest as _, Md5};

use super::server::{Received, Server, reply};

/// What a bucket holds, by key; may change while it is served.
pub(crate) type Objects = Arc<Mutex<BTreeMap<String, Vec<u8>>>>;

pub(crate) fn objects(files: &[(&str, &[u8])]) -> Objects {
    let each = files
        .iter()
        .map(|(key, bytes)| ((*key).to_owned(), bytes.to_vec()));
    Arc::new(Mutex::new(each.collect()))
}

/// The bucket `models`. `first` may answer a request itself, with true.
pub(crate) fn bucket(
    objects: &Objects,
    first: impl Fn(&Received, &mut TcpStream) -> bool + Send + Sync + 'static,
) -> Server {
    let objects = objects.clone();
    Server::start(move |request, stream| {
        if first(request, stream) {
            return;
        }
        let objects = objects.lock().unwrap().clone();
        let path = request
            .path
            .split_once('?')
            .map_or(&*request.path, |(path, _)| path);
        match path.strip_prefix("/models") {
            Some("" | "/") => reply(stream, 200, &[], list(&request.path, &objects).as_bytes()),
            Some(key) => object(request, stream, objects.get(key.trim_start_matches('/'))),
            None => reply(
                stream,
                404,
                &[],
                b"<Error><Code>NoSuchBucket</Code></Error>",
            ),
        }
    })
}

/// The ETag of an object that was put in one piece.
pub(crate) fn etag(bytes: &[u8]) -> String {
    let digest = Md5::digest(bytes);
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hex}\"")
}

fn list(path: &str, objects: &BTreeMap<String, Vec<u8>>) -> String {
    let url = url::Url::parse(&format!("http://h{path}")).unwrap();
    let query: BTreeMap<_, _> = url.query_pairs().into_owned().collect();
    let prefix = query.get("prefix").cloned().unwrap_or_default();
    let mut text = String::from("<ListBucketResult><IsTruncated>false</IsTruncated>");
    let mut folders = Vec::new();
    for (key, bytes) in objects.iter().filter(|(key, _)| key.starts_with(&prefix)) {
        let rest = key.strip_prefix(&prefix).unwrap();
        if let (true, Some((folder, _))) = (query.contains_key("delimiter"), rest.split_once('/')) {
            folders.push(format!("{prefix}{folder}/"));
            continue;
        }
        text.push_str(&format!(
            "<Contents><Key>{key}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>\
             <ETag>{}</ETag><Size>{}</Size></Contents>",
            etag(bytes).replace('"', "&quot;"),
            bytes.len()
        ));
    }
    folders.dedup();
    for folder in folders {
        text.push_str(&format!(
            "<CommonPrefixes><Prefix>{folder}</Prefix></CommonPrefixes>"
        ));
    }
    text + "</ListBucketResult>"
}

fn object(request: &Received, stream: &mut TcpStream, object: Option<&Vec<u8>>) {
    match object {
        Some(bytes) => answer(request, stream, bytes, |_| ()),
        None => reply(stream, 404, &[], b"<Error><Code>NoSuchKey</Code></Error>"),
    }
}

/// Sends the object that is asked for, its body spoilt.
pub(crate) fn send(
    request: &Received,
    stream: &mut TcpStream,
    objects: &Objects,
    spoil: impl Fn(&mut Vec<u8>),
) {
    let objects = objects.lock().unwrap().clone();
    let key = request.path.trim_start_matches("/models/");
    answer(request, stream, &objects[key], spoil);
}

fn answer(request: &Received, stream: &mut TcpStream, bytes: &[u8], spoil: impl Fn(&mut Vec<u8>)) {
    let etag = etag(bytes);
    if request
        .header("if-match")
        .is_some_and(|wanted| wanted != etag)
    {
        return reply(
            stream,
            412,
            &[],
            b"<Error><Code>PreconditionFailed</Code></Error>",
        );
    }
    let range = request.header("range").and_then(range);
    let (status, from, to) = match range {
        Some((from, to)) => (206, from, to.min(bytes.len())),
        None => (200, 0, bytes.len()),
    };
    let content_range = format!("bytes {from}-{}/{}", to.saturating_sub(1), bytes.len());
    let length = (to - from).to_string();
    let mut headers = vec![
        ("ETag", &*etag),
        ("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT"),
        ("x-amz-request-id", "1"),
        ("Content-Length", &*length),
    ];
    if status == 206 {
        headers.push(("Content-Range", &*content_range));
    }
    let mut body = match request.method.as_str() {
        "HEAD" => Vec::new(),
        _ => bytes[from..to].to_vec(),
    };
    spoil(&mut body);
    reply(stream, status, &headers, &body);
}

fn range(text: &str) -> Option<(usize, usize)> {
    let (from, to) = text.strip_prefix("bytes=")?.split_once('-')?;
    let to: usize = to.parse().unwrap_or(usize::MAX - 1);
    Some((from.parse().ok()?, to + 1))
}
