//! The formats together: one real file of each, what is refused, and noise under every name.

use super::*;
use crate::ErrorKind;
use proptest::prelude::*;

fn fixture(name: &str) -> Document {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/documents").join(name);
    read(&path, &load(&path, 1 << 20).unwrap()).unwrap()
}

/// One line a section, `path @ place: text`, with ⏎ for its line breaks.
fn shown(document: &Document) -> Vec<String> {
    let section = |s: &Section| {
        let place = s.place.as_ref().map(|p| format!(" @ {p}")).unwrap_or_default();
        format!("{}{place}: {}", s.path.join("/"), s.text.replace('\n', "⏎"))
    };
    document.sections.iter().map(section).collect()
}

#[test]
fn markdown() {
    let document = fixture("manual.md");
    assert_eq!(document.title, "Kettle K2: manual");
    assert_eq!(
        shown(&document),
        [
            "Kettle K2: Boils a litre of water in three minutes. Read this manual before the first use.",
            "Kettle K2/Descale: 1. Fill the kettle with equal parts of water and vinegar.⏎2. Boil it once and wait for \
             twenty minutes.⏎  - Longer does not help.⏎3. Rinse it twice.⏎⏎Never put the base under water.",
            "Kettle K2/Lamps: | Lamp | Meaning |⏎| --- | --- |⏎| blue | heating |⏎| red, blinking | too little water |",
            "Kettle K2/Lamps/When nothing lights: Check the fuse, then call the shop at 555-0142.⏎⏎E1  no base⏎E2  no \
             water",
        ]
    );
}

#[test]
fn text() {
    let document = fixture("policy.txt");
    assert_eq!(document.title, "Returns");
    assert_eq!(
        shown(&document),
        [
            ": You may return anything within thirty days, as long as it is complete and the receipt is with it. We \
             refund the price within a week.",
            "Exceptions: Earplugs and filters cannot be returned once they are opened:⏎⏎- filters for water, whether \
             or not they were used, since nobody can tell⏎- earplugs",
        ]
    );
}

#[test]
fn html() {
    let document = fixture("page.html");
    assert_eq!(document.title, "Opening hours & address");
    assert_eq!(
        shown(&document),
        [
            "Visit us: The shop is in the old mill,⏎12 River Street. It’s open all year.",
            "Visit us/Hours: | Day | Open |⏎| --- | --- |⏎| Monday | 9–12 |⏎| Saturday | 10–16 \\| lunch |",
            "Visit us/Getting here: 1. Take bus 4.⏎2. Get off at the mill.⏎  - Not at the new mill!⏎⏎N 48.1⏎E 11.5",
        ]
    );
}

#[test]
fn csv() {
    let document = fixture("prices.csv");
    assert_eq!(document.title, "prices");
    assert_eq!(
        shown(&document),
        [
            " @ row 2: Item: Kettle K2⏎Price: 29,90⏎Note: with filter; new",
            " @ row 3: Item: Filter F1⏎Price: 4,50",
            " @ row 4: Item: Mug \"Mill\"⏎Price: 7,00⏎Note: blue",
        ]
    );
}

#[test]
fn jsonl() {
    assert_eq!(
        shown(&fixture("questions.jsonl")),
        [
            "Warranty @ line 1: Two years from the day of purchase.⏎⏎id: 1⏎tags: kettle, lamp",
            " @ line 3: question: Do you deliver?⏎answer.short: yes⏎answer.cost.city: 0⏎answer.cost.country: 6.5",
        ]
    );
}

#[cfg(feature = "pdf")]
#[test]
fn pdf() {
    let document = fixture("leaflet.pdf");
    assert_eq!(document.title, "Lamp L4: care");
    assert_eq!(
        shown(&document),
        [
            " @ page 1: Care of the lamp L4⏎⏎Wipe the shade with a dry cloth once a month, and never use solvents. \
             The bulb stays hot for ten minutes.",
            " @ page 2: Changing the bulb⏎⏎Pull the plug first. Use bulbs of at most forty watts.",
        ]
    );
}

#[test]
fn formats_go_by_the_extension() {
    assert_eq!(Format::of(Path::new("a/B.MD")), Some(Format::Markdown));
    assert_eq!(Format::of(Path::new("b.tar.ndjson")), Some(Format::Jsonl));
    assert_eq!(Format::of(Path::new("README")), None);
    assert_eq!(Format::of(Path::new("a.DOCX")), Some(Format::Docx));
    assert_eq!(read(Path::new("a.jpg"), b"").unwrap_err().kind(), ErrorKind::Unsupported);
}

#[test]
fn blank_files_have_no_sections() {
    for name in ["a.md", "a.txt", "a.html", "a.csv", "a.jsonl"] {
        for bytes in [&b""[..], b"\xef\xbb\xbf", b" \n\n\t\n"] {
            let document = read(Path::new(name), bytes).unwrap();
            assert_eq!((document.title.as_str(), document.sections.len()), ("a", 0), "{name}");
        }
    }
    let kind = if cfg!(feature = "pdf") { ErrorKind::Corrupt } else { ErrorKind::Unsupported };
    assert_eq!(read(Path::new("a.pdf"), b"").unwrap_err().kind(), kind);
}

#[test]
fn what_is_not_a_readable_file_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.txt");
    std::fs::write(&path, vec![b'a'; 3 << 20]).unwrap();
    let error = load(&path, 2 << 20).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Full);
    assert!(error.to_string().contains("long.txt is longer than 2 MB"), "{error}");
    assert!(load(&path, 3 << 20).is_ok());
    std::fs::create_dir(folder.path().join("folder.txt")).unwrap();
    assert_eq!(load(&folder.path().join("folder.txt"), 1).unwrap_err().kind(), ErrorKind::Unsupported);
    assert_eq!(load(&folder.path().join("none.txt"), 1).unwrap_err().kind(), ErrorKind::NotFound);
    let error = read(Path::new("image.md"), b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR").unwrap_err();
    assert!(error.to_string().starts_with("image.md: holds binary data"), "{error}");
}

const NAMES: [&str; 12] =
    ["a.md", "a.txt", "a.html", "a.csv", "a.jsonl", "a.pdf", "a.docx", "a.xlsx", "a.odt", "a.epub", "a.rtf", "a.eml"];

/// Pieces that mean something to one of the readers, in any order.
fn markup() -> impl Strategy<Value = String> {
    let pieces = [
        "# ",
        "\n",
        "\n\n",
        "---\n",
        "+++\n",
        "===\n",
        "title: x\n",
        "| a | b |\n",
        "|---|---|\n",
        "- ",
        "1. ",
        "  ",
        "```\n",
        "<h1>",
        "</h1>",
        "<h3>",
        "<p>",
        "<br>",
        "<ul>",
        "<ol>",
        "<li>",
        "</ul>",
        "<table>",
        "<tr>",
        "<td>",
        "<th>",
        "</td>",
        "</table>",
        "<pre>",
        "</pre>",
        "<nav>",
        "</nav>",
        "<div hidden>",
        "</div>",
        "<script>",
        "</script>",
        "<title>",
        "</title>",
        "<!--",
        "-->",
        "&amp;",
        "&#0;",
        "\"",
        ",",
        ";",
        "{\"a\":",
        "[1]}",
        "}",
        "word",
        "é",
        "🦀",
        "[^1]",
        "[^1]: ",
        "> ",
        "%PDF-1.4\n",
        "stream\n",
        "/XRef",
        "<textarea>",
        "<svg><title>",
        "¶",
    ];
    prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn noise_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        for name in NAMES {
            let _ = read(Path::new(name), &bytes);
        }
    }

    #[test]
    fn broken_markup_never_panics(text in markup()) {
        for name in NAMES {
            for section in read(Path::new(name), text.as_bytes()).map(|d| d.sections).unwrap_or_default() {
                prop_assert!(!section.text.trim().is_empty());
            }
        }
    }

    #[test]
    fn every_word_of_prose_is_read(
        paragraphs in prop::collection::vec(prop::collection::vec("[a-z]{1,9}", 1..30), 1..8),
    ) {
        let text = paragraphs.iter().map(|words| words.join(" ")).collect::<Vec<_>>().join("\n\n");
        for name in ["a.md", "a.txt", "a.html"] {
            let document = read(Path::new(name), text.as_bytes()).unwrap();
            let found: Vec<String> = document.sections.iter().map(|s| line(&s.text)).collect();
            prop_assert_eq!(found.join(" "), line(&text), "{}", name);
        }
    }

    #[test]
    fn a_damaged_pdf_never_panics(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        let mut bytes = include_bytes!("../../../tests/fixtures/documents/leaflet.pdf").to_vec();
        for (at, byte) in changes {
            *at.get_mut(&mut bytes) = byte;
        }
        let _ = read(Path::new("a.pdf"), &bytes);
    }
}
