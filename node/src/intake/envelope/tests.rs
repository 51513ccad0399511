//! Rows out of envelopes, and one file for each thing that can be wrong with one.

use super::*;

fn rows(text: &str) -> (Vec<(u64, Vec<String>)>, Option<IntakeError>) {
    let mut envelope = Envelope::new(text.as_bytes());
    let mut rows = Vec::new();
    loop {
        match envelope.next_row() {
            Ok(Some(row)) => rows.push((row.line, row.cells.into_iter().map(str::to_owned).collect())),
            Ok(None) => return (rows, None),
            Err(error) => return (rows, Some(error)),
        }
    }
}

fn envelope(body: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<ExchangeMessage>\n<Header><sender>33</sender><cc></cc><sn/></Header>\n<Body>{body}</Body>\n</ExchangeMessage>\n"
    )
}

fn fault(text: &str) -> Option<(u64, EnvelopeFault)> {
    match rows(text).1? {
        IntakeError::Envelope { line, fault } => Some((line, fault)),
        other => panic!("{other}"),
    }
}

#[test]
fn names_are_the_header_and_each_fields_is_a_row_in_its_own_order() {
    let text = envelope(
        "<fields><A>1 &amp; &#x4e8c;</A><B/></fields>\n<fields><B><![CDATA[<x>]]></B><A>3</A></fields><!-- 注 -->\n\n<fields><A>\n4</A></fields>",
    );
    let (rows, error) = rows(&text);
    assert!(error.is_none(), "{error:?}");
    let told: Vec<_> = rows.iter().map(|(line, cells)| (*line, cells.iter().map(String::as_str).collect::<Vec<_>>())).collect();
    let expected = [(4, vec!["A", "B"]), (4, vec!["1 & 二", ""]), (5, vec!["3", "<x>"]), (7, vec!["\n4", ""])];
    assert_eq!(told, expected);
}

#[test]
fn an_envelope_without_rows_has_no_header() {
    for body in ["", "<fields></fields>", "<fields/>"] {
        assert_eq!(rows(&envelope(body)).0, [], "{body}");
        assert!(rows(&envelope(body)).1.is_none(), "{body}");
    }
}

#[test]
fn what_is_no_envelope_is_refused_with_its_line() {
    let row = "<fields><A>1</A></fields>";
    for (text, expected) in [
        ("<html><Body/></html>".to_owned(), (1, EnvelopeFault::NoEnvelope)),
        ("<ExchangeMessage>\n<Other/></ExchangeMessage>".to_owned(), (2, EnvelopeFault::NoEnvelope)),
        (envelope("<row/>"), (4, EnvelopeFault::NoEnvelope)),
        (envelope("words"), (4, EnvelopeFault::NoEnvelope)),
        (envelope("<fields><A><B/></A></fields>"), (4, EnvelopeFault::TooDeep)),
        (envelope("<fields><A>1</A>\n<A>2</A></fields>"), (5, EnvelopeFault::ElementTwice)),
        (envelope(&format!("{row}\n<fields><B>2</B></fields>")), (5, EnvelopeFault::OtherElement)),
        (envelope("<fields><A>&who;</A></fields>"), (4, EnvelopeFault::Entity)),
        (envelope("<fields><A>&#0;</A></fields>"), (4, EnvelopeFault::Entity)),
        (format!("<!DOCTYPE x [<!ENTITY a \"b\">]>{}", &envelope(row)[39..]), (1, EnvelopeFault::DocumentType)),
        (envelope("<fields><A>1</B></fields>"), (4, EnvelopeFault::NotXml)),
        (envelope("<fields><A>1</A></fields").replace("</Body>", "<"), (4, EnvelopeFault::NotXml)),
        ("<ExchangeMessage><Header><sender>".to_owned(), (1, EnvelopeFault::Open("Header".to_owned()))),
    ] {
        assert_eq!(fault(&text), Some(expected), "{text}");
    }
}

#[test]
fn a_file_that_is_cut_anywhere_is_refused() {
    let whole = envelope("<fields><A>1</A><B>二</B></fields>\n<fields><A>3</A></fields>");
    let end = whole.trim_end().len();
    for length in (1..end).filter(|length| whole.is_char_boundary(*length)) {
        // What stands before the first element is no envelope yet.
        let (read, error) = rows(&whole[..length]);
        assert!(error.is_some() || (read.is_empty() && !whole[..length].contains("<E")), "{length}: {read:?}");
    }
}

#[test]
fn a_long_cell_and_a_long_row_are_refused() {
    let long = "x".repeat(MAX_CELL_BYTES + 1);
    let text = envelope(&format!("<fields><A>1</A><B>{long}</B></fields>"));
    assert!(matches!(rows(&text).1, Some(IntakeError::Cell { line: 4, number: 2 })));
    let many: String = (0..=MAX_COLUMNS).map(|number| format!("<C{number}/>")).collect();
    assert!(matches!(rows(&envelope(&format!("<fields>{many}</fields>"))).1, Some(IntakeError::TooManyColumns(_))));
    let endless = envelope(&format!("<fields><A>{}", "y".repeat(4 << 20)));
    assert!(matches!(rows(&endless).1, Some(IntakeError::Text(TextFault::Row { .. }))));
}
