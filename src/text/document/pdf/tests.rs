//! PDFs written by hand, sound and hostile.

use super::*;
use crate::ErrorKind;

/// A PDF of `objects`, numbered from 1; the first is the catalog.
fn pdf(objects: &[String]) -> Vec<u8> {
    let mut file = String::from("%PDF-1.4\n");
    let mut index = String::new();
    for (i, object) in objects.iter().enumerate() {
        index += &format!("{:010} 00000 n \n", file.len());
        file += &format!("{} 0 obj\n{object}\nendobj\n", i + 1);
    }
    let (start, size) = (file.len(), objects.len() + 1);
    file += &format!("xref\n0 {size}\n0000000000 65535 f \n{index}trailer\n<< /Size {size} /Root 1 0 R >>\n");
    (file + &format!("startxref\n{start}\n%%EOF\n")).into_bytes()
}

fn stream(dictionary: &str, content: &str) -> String {
    format!("<< {dictionary} /Length {} >>\nstream\n{content}\nendstream", content.len())
}

/// Pages with these contents; `X1` is the last object, the form or image that they may draw.
fn pages(contents: &[&str], object: String) -> Vec<u8> {
    let n = contents.len();
    let kids: Vec<String> = (0..n).map(|i| format!("{} 0 R", 4 + i)).collect();
    let resources = format!("/Resources << /Font << /F1 3 0 R >> /XObject << /X1 {} 0 R >> >>", 4 + 2 * n);
    let mut objects = vec![
        "<< /Type /Catalog /Pages 2 0 R >>".to_string(),
        format!("<< /Type /Pages /Kids [{}] /MediaBox [0 0 600 800] {resources} >>", kids.join(" ")),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_string(),
    ];
    objects.extend((0..n).map(|i| format!("<< /Type /Page /Parent 2 0 R /Contents {} 0 R >>", 4 + n + i)));
    objects.extend(contents.iter().map(|content| stream("", content)));
    objects.push(object);
    pdf(&objects)
}

const WORDS: &str = "BT /F1 12 Tf 72 720 Td (Some words) Tj ET";

fn outcome(bytes: &[u8]) -> (Result<Vec<String>, ErrorKind>, Vec<String>) {
    let mut notes = Vec::new();
    let sections = read(bytes, &mut notes).map(|parts| parts.1.into_iter().map(|s| s.text).collect());
    (sections.map_err(|e| e.kind()), notes)
}

/// A PDF whose objects stand in an object stream, and whose index is a stream.
fn packed() -> Vec<u8> {
    let objects = [
        "<< /Type /Catalog /Pages 3 0 R >>",
        "<< /Type /Pages /Kids [4 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 3 0 R /Contents 6 0 R /MediaBox [0 0 600 800] /Resources << /Font << /F1 5 0 R >> >> >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ];
    let (mut numbers, mut body) = (String::new(), String::new());
    for (i, object) in objects.iter().enumerate() {
        numbers += &format!("{} {} ", i + 2, body.len());
        body += &format!("{object} ");
    }
    let head = format!("/Type /ObjStm /N {} /First {}", objects.len(), numbers.len());
    let mut file = String::from("%PDF-1.5\n");
    let first = file.len();
    file += &format!("1 0 obj\n{}\nendobj\n", stream(&head, &(numbers + &body)));
    let content = file.len();
    file += &format!("6 0 obj\n{}\nendobj\n", stream("", WORDS));
    let index = file.len();
    // One row an object: its kind, then where it stands.
    let rows = [(0, 0, 0), (1, first, 0), (2, 1, 0), (2, 1, 1), (2, 1, 2), (2, 1, 3), (1, content, 0), (1, index, 0)];
    let row = |(kind, at, nth): (u8, usize, u8)| [kind, (at >> 8) as u8, at as u8, nth];
    let rows: Vec<u8> = rows.into_iter().flat_map(row).collect();
    let head = format!("/Type /XRef /Size 8 /W [1 2 1] /Root 2 0 R /Length {}", rows.len());
    let end = format!("\nendstream\nendobj\nstartxref\n{index}\n%%EOF\n");
    [file.as_bytes(), format!("7 0 obj\n<< {head} >>\nstream\n").as_bytes(), &rows, end.as_bytes()].concat()
}

#[test]
fn packed_objects_are_read() {
    assert_eq!(outcome(&packed()).0, Ok(vec!["Some words".to_string()]));
}

#[test]
fn forms_are_read_and_images_are_not() {
    let form = stream("/Type /XObject /Subtype /Form /BBox [0 0 9 9]", WORDS);
    assert_eq!(outcome(&pages(&["/X1 Do"], form)).0, Ok(vec!["Some words".to_string()]));
    let image = stream("/Type /XObject /Subtype /Image /Width 1 /Height 1", WORDS);
    assert_eq!(outcome(&pages(&["/X1 Do"], image)).0, Err(ErrorKind::Unsupported));
}

#[test]
fn a_form_that_draws_itself_ends() {
    let form = stream("/Type /XObject /Subtype /Form /BBox [0 0 9 9]", "/X1 Do");
    let (sections, _) = outcome(&pages(&["/X1 Do", WORDS], form));
    assert_eq!(sections, Ok(vec!["Some words".to_string()]));
}

#[test]
fn a_page_within_itself_ends() {
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [2 0 R 3 0 R] /Parent 2 0 R >>",
        "<< /Type /Page /Parent 2 0 R >>",
    ];
    assert!(outcome(&pdf(&objects.map(String::from))).0.unwrap_or_default().is_empty());
}

#[test]
fn operators_without_their_numbers_do_no_harm() {
    let (sections, _) = outcome(&pages(&["1 cm", WORDS], "null".to_string()));
    assert_eq!(sections, Ok(vec!["Some words".to_string()]));
}

#[test]
fn a_page_that_is_only_a_picture_is_named() {
    let image =
        stream("/Type /XObject /Subtype /Image /Width 1 /Height 1 /ColorSpace /DeviceGray /BitsPerComponent 8", "x");
    let (sections, notes) = outcome(&pages(&[WORDS, "9 0 0 9 0 0 cm /X1 Do"], image));
    assert_eq!(sections, Ok(vec!["Some words".to_string()]));
    assert_eq!(notes, ["page 2 of 2 holds only a picture; text recognition (OCR) would read it"]);
}

/// Lines of text, each at its place.
fn placed(lines: &[(i32, i32, &str)]) -> String {
    let line = |(x, y, text): &(i32, i32, &str)| format!("BT /F1 10 Tf {x} {y} Td ({text}) Tj ET\n");
    lines.iter().map(line).collect()
}

#[test]
fn lines_are_joined_and_words_healed() {
    let text = placed(&[
        (72, 700, "The filter of this coffee machine must be re-"),
        (72, 688, "placed twice a year, at best by a well-known"),
        (72, 676, "shop."),
        (72, 640, "End"),
    ]);
    let wanted =
        "The filter of this coffee machine must be replaced twice a year, at best by a well-known shop.\n\nEnd";
    assert_eq!(outcome(&pages(&[&text], "null".to_string())).0, Ok(vec![wanted.to_string()]));
}

#[test]
fn columns_are_read_one_after_the_other() {
    let left = [
        "Wipe the shade with a dry",
        "cloth once a month, and",
        "never use solvents on it,",
        "for they eat the paint.",
    ];
    let right = [
        "Pull the plug first of all.",
        "Use bulbs of at most forty",
        "watts, and let the old one",
        "cool for ten minutes long.",
    ];
    let row = |i: usize| [(72, 700 - 12 * i as i32, left[i]), (320, 700 - 12 * i as i32, right[i])];
    let lines: Vec<_> = (0..4).flat_map(row).collect();
    let read = outcome(&pages(&[&placed(&lines)], "null".to_string())).0.unwrap().concat();
    assert!(read.find("eat the paint.").unwrap() < read.find("Pull the plug").unwrap(), "{read}");
    assert!(read.contains("month, and never use solvents"), "{read}");
}

#[test]
fn tables_keep_their_rows_and_names() {
    let rows = [("Article", "Price", "Stock"), ("Kettle", "49.90", "12"), ("Iron", "29.90", "3")];
    let line = |(i, (a, b, c)): (usize, &(&'static str, &'static str, &'static str))| {
        let y = 700 - 14 * i as i32;
        [(72, y, *a), (200, y, *b), (300, y, *c)]
    };
    let lines: Vec<_> = rows.iter().enumerate().flat_map(line).collect();
    let wanted = "| Article | Price | Stock |\n| --- | --- | --- |\n| Kettle | 49.90 | 12 |\n| Iron | 29.90 | 3 |";
    assert_eq!(outcome(&pages(&[&placed(&lines)], "null".to_string())).0, Ok(vec![wanted.to_string()]));
}

#[test]
fn running_heads_are_said_once() {
    let page =
        |n: i32| placed(&[(72, 780, "Handbook of pumps"), (72, 400, "Words of a page"), (300, 20, &n.to_string())]);
    let (one, two, three) = (page(1), page(2), page(3));
    let read = outcome(&pages(&[&one, &two, &three], "null".to_string())).0.unwrap();
    assert_eq!(read, ["Handbook of pumps\n\nWords of a page", "Words of a page", "Words of a page"]);
}
