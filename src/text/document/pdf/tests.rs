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
fn a_form_that_draws_itself_is_a_damaged_page() {
    let form = stream("/Type /XObject /Subtype /Form /BBox [0 0 9 9]", "/X1 Do");
    let (sections, notes) = outcome(&pages(&["/X1 Do", WORDS], form));
    assert_eq!(sections, Ok(vec!["Some words".to_string()]));
    assert_eq!(notes, ["could not read page 1 of 2"]);
}

#[test]
fn a_page_within_itself_is_damaged() {
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Parent 2 0 R >>",
        "<< /Type /Page /Parent 2 0 R >>",
    ];
    assert_eq!(outcome(&pdf(&objects.map(String::from))).0, Err(ErrorKind::Corrupt));
}

#[test]
fn a_panic_is_contained_to_its_page() {
    // `cm` wants six numbers, and the library asserts it.
    let (sections, notes) = outcome(&pages(&["1 cm", WORDS], "null".to_string()));
    assert_eq!(sections, Ok(vec!["Some words".to_string()]));
    assert_eq!(notes, ["could not read page 1 of 2"]);
    assert_eq!(outcome(&pages(&["1 cm"], "null".to_string())).0, Err(ErrorKind::Corrupt));
}

#[test]
fn lines_are_joined_and_words_healed() {
    let text = "\n\nThe ﬁlter of this coffee machine must be re-\nplaced twice a year, at best by a well-known shop.\n\n\nEnd\n";
    let wanted =
        "The filter of this coffee machine must be replaced twice a year, at best by a well-known shop.\n\nEnd";
    assert_eq!(tidy(text), wanted);
}
