//! Letters of signs whose font has no table of them: by the character collection that it declares, or by the table that
//! the font's own file has for screens.

use hayro_interpret::font::OutlineGlyph;
use hayro_interpret::hayro_cmap::{BfString, CMap, CMapName, CidFamily, load_embedded};
use hayro_interpret::hayro_syntax::object::{Array, Dict, Name, String as PdfString};
use skrifa::{FontRef, MetadataProvider};
use std::collections::HashMap;

/// What is known of the fonts of a document.
#[derive(Default)]
pub struct Letters {
    /// By a font's name: its collection, and how codes become numbers in it; none where they are the numbers.
    collections: HashMap<String, (CidFamily, Option<CMap>)>,
    /// The letters of a collection's numbers.
    tables: Vec<(CidFamily, Option<CMap>)>,
    /// By a font file's hash, the letter of each glyph.
    files: HashMap<u128, HashMap<u32, char>>,
}

impl Letters {
    /// Learns what the fonts among a page's resources declare.
    pub fn learn(&mut self, fonts: &Dict<'_>) {
        for name in fonts.keys() {
            let Some(font) = fonts.get::<Dict<'_>>(&name) else { continue };
            let Some(base) = font.get::<Name<'_>>(b"BaseFont") else { continue };
            let base = base.as_str();
            let base =
                base.split_once('+').filter(|(tag, _)| tag.len() == 6).map_or(base, |(_, name)| name).to_string();
            if self.collections.contains_key(&base) {
                continue;
            }
            let Some(family) = family(&font) else { continue };
            let encoding = font.get::<Name<'_>>(b"Encoding");
            let encoding = encoding.filter(|e| !e.as_str().starts_with("Identity"));
            let codes = encoding.and_then(|e| table(CMapName::from_bytes(e.as_str().as_bytes())));
            self.collections.insert(base, (family, codes));
        }
    }

    /// The letters of a sign.
    pub fn of(&mut self, glyph: &OutlineGlyph) -> Option<BfString> {
        let file = glyph.font_data()?;
        let name = file.postscript_name.unwrap_or_default();
        if let Some((family, codes)) = self.collections.get(&name) {
            let code = glyph.char_code();
            let number = match codes {
                None => code,
                Some(codes) => (1..=4).find_map(|length| codes.lookup_cid_code(code, length))?,
            };
            let at = match self.tables.iter().position(|(f, _)| f == family) {
                Some(at) => at,
                None => {
                    self.tables.push((family.clone(), family.ucs2_cmap().and_then(table)));
                    self.tables.len() - 1
                }
            };
            return self.tables.get(at)?.1.as_ref()?.lookup_bf_string(number);
        }
        let letters = self.files.entry(file.cache_key).or_insert_with(|| {
            let mut letters = HashMap::new();
            if let Ok(font) = FontRef::new((*file.data).as_ref()) {
                for (code, glyph) in font.charmap().mappings() {
                    if let Some(c) = char::from_u32(code) {
                        letters.entry(glyph.to_u32()).or_insert(c);
                    }
                }
            }
            letters
        });
        letters.get(&glyph.glyph_id().to_u32()).copied().map(BfString::Char)
    }
}

/// The collection that a composite font declares, where it is one whose letters are known.
fn family(font: &Dict<'_>) -> Option<CidFamily> {
    let descendant = font.get::<Array<'_>>(b"DescendantFonts")?.iter::<Dict<'_>>().next()?;
    let info = descendant.get::<Dict<'_>>(b"CIDSystemInfo")?;
    let (registry, ordering) = (info.get::<PdfString<'_>>(b"Registry")?, info.get::<PdfString<'_>>(b"Ordering")?);
    let family = CidFamily::from_registry_ordering(registry.as_bytes(), ordering.as_bytes());
    family.ucs2_cmap().is_some().then_some(family)
}

fn table(name: CMapName<'_>) -> Option<CMap> {
    CMap::parse(load_embedded(name)?, load_embedded)
}
