//! Headers that others write, read; what is written, read again; and headers that are no trace.

use proptest::prelude::*;

use super::*;

const TRACE: u128 = 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c;
const SPAN: u64 = 0xb7ad_6b71_6920_3331;

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let pairs = pairs.iter();
    pairs
        .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
        .collect()
}

fn found(pairs: &[(&'static str, &str)]) -> Option<(u128, u64, bool)> {
    let (span, _) = read(&headers(pairs))?;
    let ids = (span.trace_id().to_bytes(), span.span_id().to_bytes());
    assert!(span.is_remote());
    Some((
        u128::from_be_bytes(ids.0),
        u64::from_be_bytes(ids.1),
        span.is_sampled(),
    ))
}

#[test]
fn every_form_is_read() {
    let (trace, span) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
    let w3c = format!("00-{trace}-{span}-01");
    assert_eq!(found(&[("traceparent", &w3c)]), Some((TRACE, SPAN, true)));
    for (rest, sampled) in [("", true), ("-1", true), ("-d", true), ("-0", false)] {
        let one = format!("{trace}-{span}{rest}");
        assert_eq!(
            found(&[("b3", &one)]),
            Some((TRACE, SPAN, sampled)),
            "{one}"
        );
    }
    let one = format!("{trace}-{span}-1-05e3ac9a4f6e3b90");
    assert_eq!(found(&[("b3", &one)]), Some((TRACE, SPAN, true)));
    let multi = [("x-b3-traceid", trace), ("x-b3-spanid", span)];
    assert_eq!(found(&multi), Some((TRACE, SPAN, true)));
    let jaeger = format!("{trace}:{span}:0:1");
    assert_eq!(
        found(&[("uber-trace-id", &jaeger)]),
        Some((TRACE, SPAN, true))
    );
}

#[test]
fn several_headers_of_b3_say_whether_it_is_sampled() {
    let said = |name, value| {
        let ids = [
            ("x-b3-traceid", "8448eb211c80319c"),
            ("x-b3-spanid", "b7ad6b7169203331"),
            (name, value),
        ];
        found(&ids).unwrap()
    };
    let short = 0x8448_eb21_1c80_319c;
    assert_eq!(said("x-b3-sampled", "0"), (short, SPAN, false));
    assert_eq!(said("x-b3-sampled", "1"), (short, SPAN, true));
    assert_eq!(said("x-b3-flags", "1"), (short, SPAN, true));
}

#[test]
fn jaeger_leaves_out_leading_zeros_and_encodes_its_colons() {
    let found = found(&[("uber-trace-id", "5af7:1%3A0:3")]);
    assert_eq!(found, Some((0x5af7, 1, true)));
}

#[test]
fn w3c_goes_before_the_others_if_it_can_be_read() {
    let b3 = "0000000000000001-0000000000000002-1";
    let w3c = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
    let both = |w3c| found(&[("traceparent", w3c), ("b3", b3)]);
    assert_eq!(both(w3c), Some((TRACE, SPAN, false)));
    assert_eq!(both("00-none"), Some((1, 2, true)));
}

#[test]
fn what_is_no_trace_is_none() {
    for (name, value) in [
        ("traceparent", "00-0-0-01"),
        ("b3", "0"),
        ("b3", "+af7651916cd43dd8448eb211c80319c-b7ad6b7169203331"),
        ("b3", "00000000000000000000000000000000-b7ad6b7169203331"),
        ("x-b3-traceid", "0af7651916cd43dd8448eb211c80319c"),
        ("uber-trace-id", "1:2:0"),
        ("uber-trace-id", "1:2:0:1:9"),
        ("uber-trace-id", "1:0:0:1"),
        ("uber-trace-id", "1:1ffffffffffffffff:0:1"),
    ] {
        assert_eq!(found(&[(name, value)]), None, "{name}: {value}");
    }
}

#[test]
fn only_the_forms_asked_for_are_written() {
    let span = remote(TRACE, SPAN, true).unwrap();
    let names = |forms| {
        let mut headers = HeaderMap::new();
        write(&span, forms, &mut headers);
        let mut names: Vec<_> = headers
            .keys()
            .map(|name| name.as_str().to_owned())
            .collect();
        names.sort();
        names
    };
    let none = Forms::default();
    assert_eq!(names(none), Vec::<String>::new());
    assert_eq!(names(Forms { w3c: true, ..none }), ["traceparent"]);
    assert_eq!(names(Forms { b3: true, ..none }), ["b3"]);
    let multi = Forms {
        b3_multi: true,
        ..none
    };
    assert_eq!(
        names(multi),
        ["x-b3-sampled", "x-b3-spanid", "x-b3-traceid"]
    );
}

#[test]
fn the_state_of_a_trace_is_kept() {
    let came = headers(&[
        (
            "traceparent",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ),
        ("tracestate", "vendor=1"),
    ]);
    let (span, forms) = read(&came).unwrap();
    let mut written = HeaderMap::new();
    write(&span, forms, &mut written);
    assert_eq!(written, came);
}

proptest! {
    #[test]
    fn what_is_written_is_read(trace in 1u128.., span in 1u64.., sampled: bool, form in 0usize..4) {
        let forms = Forms {
            w3c: form == 0,
            b3: form == 1,
            b3_multi: form == 2,
            jaeger: form == 3,
        };
        let mut headers = HeaderMap::new();
        let given = remote(trace, span, sampled).unwrap();
        write(&given, forms, &mut headers);
        let (found, _) = read(&headers).unwrap();
        prop_assert_eq!(found.trace_id(), given.trace_id());
        prop_assert_eq!(found.span_id(), given.span_id());
        prop_assert_eq!(found.is_sampled(), sampled);
    }

    #[test]
    fn any_text_is_read_or_refused(at in 0..HEADERS.len(), text in "[ -~]{0,80}") {
        let name = HEADERS[at];
        let mut headers = HeaderMap::new();
        headers.insert(HeaderName::from_static(name), text.parse().unwrap());
        if let Some((span, _)) = read(&headers) {
            prop_assert!(span.is_valid());
        }
    }
}
