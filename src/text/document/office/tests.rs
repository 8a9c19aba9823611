//! Packages written by hand, sound and hostile.

use super::*;
use crate::ErrorKind;
use crate::text::document::Section;
use std::io::Write;

fn package(parts: &[(&str, &str)]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, text) in parts {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn shown((title, sections): Parts) -> Vec<String> {
    let section = |s: &Section| {
        let place = s.place.as_ref().map(|p| format!(" @ {p}")).unwrap_or_default();
        format!("{}{place}: {}", s.path.join("/"), s.text.replace('\n', "⏎"))
    };
    title.into_iter().chain(sections.iter().map(section)).collect()
}

fn texts(format: Format, bytes: &[u8]) -> Vec<String> {
    shown(read(format, bytes, &mut Vec::new()).unwrap())
}

#[test]
fn word_has_headings_lists_tables_and_notes() {
    let styles =
        r#"<w:styles xmlns:w="w"><w:style w:styleId="berschrift1"><w:name w:val="heading 1"/></w:style></w:styles>"#;
    let numbers = r#"<w:numbering xmlns:w="w"><w:abstractNum w:abstractNumId="7"><w:lvl w:ilvl="0"><w:numFmt w:val="decimal"/>
        </w:lvl></w:abstractNum><w:num w:numId="1"><w:abstractNumId w:val="7"/></w:num></w:numbering>"#;
    let item = |text: &str| {
        let list = r#"<w:pPr><w:numPr><w:ilvl w:val="0"/><w:numId w:val="1"/></w:numPr></w:pPr>"#;
        format!("<w:p>{list}<w:r><w:t>{text}</w:t></w:r></w:p>")
    };
    let cell = |text: &str| format!("<w:tc><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:tc>");
    let document = format!(
        r#"<w:document xmlns:w="w"><w:body><w:p><w:pPr><w:pStyle w:val="berschrift1"/></w:pPr><w:r><w:t>Pumpe &amp; Filter</w:t></w:r></w:p>
        <w:p><w:r><w:t xml:space="preserve">Two </w:t></w:r><w:del><w:r><w:delText>three</w:delText></w:r></w:del><w:ins><w:r><w:t>years</w:t></w:r></w:ins><w:r><w:footnoteReference w:id="2"/></w:r></w:p>
        {}{}<w:tbl><w:tr>{}{}</w:tr><w:tr>{}{}</w:tr></w:tbl></w:body></w:document>"#,
        item("Open."),
        item("Rinse."),
        cell("Part"),
        cell("Price"),
        cell("Hose"),
        cell("4,50")
    );
    let notes = r#"<w:footnotes xmlns:w="w"><w:footnote w:id="2"><w:p><w:r><w:t>From May.</w:t></w:r></w:p></w:footnote></w:footnotes>"#;
    let bytes = package(&[
        ("word/document.xml", &document),
        ("word/styles.xml", styles),
        ("word/numbering.xml", numbers),
        ("word/footnotes.xml", notes),
    ]);
    assert_eq!(
        texts(Format::Docx, &bytes),
        [
            "Pumpe & Filter",
            ": Two years²⏎⏎1. Open.⏎2. Rinse.⏎⏎| Part | Price |⏎| --- | --- |⏎| Hose | 4,50 |⏎⏎Footnotes:⏎² From May."
        ]
    );
}

#[test]
fn slides_come_in_the_order_of_the_show_with_their_notes() {
    let show = r#"<p:presentation xmlns:r="r"><p:sldIdLst><p:sldId id="256" r:id="rId9"/><p:sldId id="257" r:id="rId3"/></p:sldIdLst></p:presentation>"#;
    let relations = r#"<Relationships><Relationship Id="rId3" Type="x/slide" Target="slides/slide1.xml"/>
        <Relationship Id="rId9" Type="x/slide" Target="slides/slide2.xml"/></Relationships>"#;
    let slide = |title: &str, points: &[&str]| {
        let shape = |kind: &str, body: String| {
            format!(r#"<p:sp><p:nvPr><p:ph type="{kind}"/></p:nvPr><p:txBody>{body}</p:txBody></p:sp>"#)
        };
        let paragraph = |text: &&str| format!("<a:p><a:r><a:t>{text}</a:t></a:r></a:p>");
        let points = points.iter().map(paragraph).collect::<String>();
        format!("<p:sld>{}{}</p:sld>", shape("title", paragraph(&title)), shape("body", points))
    };
    let (one, two, notes) =
        (slide("Prices", &["Pump 49", "Hose 5"]), slide("Welcome", &["Our year"]), slide("no", &["Say hello first."]));
    let noted =
        r#"<Relationships><Relationship Id="rId1" Type="x/notesSlide" Target="../notesSlides/n.xml"/></Relationships>"#;
    let bytes = package(&[
        ("ppt/presentation.xml", show),
        ("ppt/_rels/presentation.xml.rels", relations),
        ("ppt/slides/slide1.xml", &one),
        ("ppt/slides/slide2.xml", &two),
        ("ppt/slides/_rels/slide2.xml.rels", noted),
        ("ppt/notesSlides/n.xml", &notes),
    ]);
    let wanted = ["Welcome @ slide 1: Our year⏎⏎Notes:⏎Say hello first.", "Prices @ slide 2: - Pump 49⏎- Hose 5"];
    assert_eq!(texts(Format::Pptx, &bytes), wanted);
}

#[test]
fn open_documents_are_texts_sheets_and_slides() {
    let text = r#"<office:document-content><office:body><office:text><text:h text:outline-level="1">Care</text:h>
        <text:p>Wipe <text:span>it</text:span><text:s text:c="2"/>dry.</text:p><text:list><text:list-item><text:p>once</text:p></text:list-item>
        </text:list></office:text></office:body></office:document-content>"#;
    assert_eq!(texts(Format::Odt, &package(&[("content.xml", text)])), ["Care", ": Wipe it  dry.⏎⏎- once"]);
    let sheet = r#"<office:document-content><office:body><office:spreadsheet><table:table table:name="Stock"><table:table-row>
        <table:table-cell><text:p>Part</text:p></table:table-cell>
        <table:table-cell><text:p>Left</text:p></table:table-cell></table:table-row>
        <table:table-row table:number-rows-repeated="2"><table:table-cell table:number-columns-repeated="2"/></table:table-row>
        <table:table-row><table:table-cell><text:p>Hose</text:p></table:table-cell>
        <table:table-cell><text:p>12</text:p></table:table-cell>
        <table:table-cell table:number-columns-repeated="16000"/></table:table-row></table:table></office:spreadsheet></office:body></office:document-content>"#;
    assert_eq!(texts(Format::Ods, &package(&[("content.xml", sheet)])), ["Stock @ row 4: Part: Hose⏎Left: 12"]);
}

#[test]
fn rich_text_is_of_any_code_page() {
    let rtf = br"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0\fcharset0 Arial;}{\f1\fcharset204 Arial;}}{\info{\title Care}}\f0 Gr\'f6\'dfe 10{\super 6}\par
\pard{\f1 \'cf\'f0\'e8\'e2\'e5\'f2} \u8364? {\*\generator x;}end\par \trowd\intbl Part\cell Price\cell\row\intbl Hose\cell 4,50\cell\row\pard Last.\par}";
    assert_eq!(
        texts(Format::Rtf, rtf),
        ["Care", ": Größe 10⁶⏎⏎Привет € end⏎⏎| Part | Price |⏎| --- | --- |⏎| Hose | 4,50 |⏎⏎Last."]
    );
}

#[test]
fn rich_text_is_taken_as_other_programs_leave_it() {
    let late = br"{\rtf1\ansi{\b0\*\cs7 The quick fox}\par}";
    assert_eq!(texts(Format::Rtf, late), [": The quick fox"]);
    let cells = br"{\rtf1\ansi{Fax\cell Phone\cell }}";
    assert_eq!(texts(Format::Rtf, cells), [": | Fax | Phone |"]);
}

#[test]
fn mail_says_who_wrote_what_to_whom() {
    let mail = "From: Ada <ada@example.org>\r\nTo: shop@example.org\r\nSubject: =?utf-8?q?Pumpe_f=C3=BCr_zwei?=\r\n\
         Date: Mon, 2 Mar 2026 09:30:00 +0100\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\
         Content-Transfer-Encoding: quoted-printable\r\n\r\nDie Gr=F6=DFe stimmt nicht.\r\n";
    let read = texts(Format::Eml, mail.as_bytes());
    assert_eq!(read[0], "Pumpe für zwei");
    assert!(
        read[1].contains("From: Ada <ada@example.org>⏎To: shop@example.org⏎Date: 2026-03-02T09:30:00+01:00"),
        "{read:?}"
    );
    assert!(read[1].ends_with("Die Größe stimmt nicht."), "{read:?}");
    assert_eq!(read_kind(Format::Eml, b"\x00\x01\x02"), ErrorKind::Corrupt);
}

#[test]
fn books_are_read_page_by_page() {
    let container = r#"<container><rootfiles><rootfile full-path="OEBPS/book.opf"/></rootfiles></container>"#;
    let book = r#"<package><metadata><dc:title>Care of pumps</dc:title></metadata><manifest><item id="b" href="two%20b.xhtml"/>
        <item id="a" href="one.xhtml"/></manifest><spine><itemref idref="a"/><itemref idref="b"/></spine></package>"#;
    let bytes = package(&[
        ("META-INF/container.xml", container),
        ("OEBPS/book.opf", book),
        ("OEBPS/one.xhtml", "<html><body><h1>First</h1><p>Rinse.</p></body></html>"),
        ("OEBPS/two b.xhtml", "<html><body><h1>Then</h1><p>Dry.</p></body></html>"),
    ]);
    assert_eq!(texts(Format::Epub, &bytes), ["Care of pumps", "First: Rinse.", "Then: Dry."]);
}

#[test]
fn sheets_have_rows_under_names_and_dates_as_dates() {
    let bytes = include_bytes!("../../../../tests/fixtures/documents/stock.xlsx");
    let wanted = [
        "Stock @ row 3: Part: Hose⏎Price: 4.5⏎Since: 2026-03-01",
        "Stock @ row 4: Part: Pump⏎Price: 49.9⏎Since: 2025-12-24",
        "Staff @ row 2: Name: Ada⏎Desk: 7",
    ];
    let read = texts(Format::Xlsx, bytes);
    assert_eq!(read[1..], wanted.map(String::from), "{read:?}");
    assert_eq!(read[0], "Stock: Stock list of spring");
}

fn read_kind(format: Format, bytes: &[u8]) -> ErrorKind {
    read(format, bytes, &mut Vec::new()).map(drop).unwrap_err().kind()
}

#[test]
fn what_is_damaged_locked_or_a_bomb_is_refused() {
    for format in [Format::Docx, Format::Xlsx, Format::Pptx, Format::Odt, Format::Epub, Format::Rtf, Format::Xls] {
        assert_eq!(read_kind(format, b"no such thing"), ErrorKind::Corrupt, "{format:?}");
    }
    assert_eq!(read_kind(Format::Docx, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1locked"), ErrorKind::Unsupported);
    let deep = package(&[("content.xml", &"<a>".repeat(5000))]);
    assert_eq!(read_kind(Format::Odt, &deep), ErrorKind::Corrupt);
    let bomb = package(&[("content.xml", &" ".repeat(200 << 20))]);
    assert_eq!(read_kind(Format::Odt, &bomb), ErrorKind::Full);
    let laughs =
        r#"<!DOCTYPE a [<!ENTITY b "&c;&c;"><!ENTITY c "lol">]><office:text><text:p>&b; ha</text:p></office:text>"#;
    assert_eq!(texts(Format::Odt, &package(&[("content.xml", laughs)])), [": ha"]);
}
