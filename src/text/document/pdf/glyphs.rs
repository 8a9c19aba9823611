//! What a page draws, as signs with places: the ear that listens to the interpreter while it draws nothing.

use super::letters::Letters;
use hayro_interpret::font::{Glyph as Drawn, GlyphRun};
use hayro_interpret::hayro_cmap::{BfString, WritingMode};
use hayro_interpret::hayro_syntax::object::{Dict, String as PdfString};
use hayro_interpret::kurbo::{Affine, BezPath, Point, Rect, Shape};
use hayro_interpret::{BlendMode, ClipPath, Device, DrawMode, DrawProps, Image, ImageDrawProps, SoftMask};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// A page with more signs than this is no page; what follows is left out.
const MOST: usize = 400_000;
/// What stands for a letter that cannot be known.
pub const UNKNOWN: char = '\u{fffd}';
/// Angles of writing are told apart in steps of so many degrees.
const STEP: i32 = 5;

/// A sign on a page. Lines run along `start..end`, and follow each other along `base`, downwards.
#[derive(Clone, Debug)]
pub struct Glyph {
    /// What it says. A sign of several letters that is written from right to left has them in reverse, so that turning
    /// a line around turns them back.
    pub text: String,
    pub start: f32,
    pub end: f32,
    pub base: f32,
    pub size: f32,
}

/// What one page has, in the order it was drawn.
#[derive(Default)]
pub struct Page {
    /// The signs by the angle of their line, in degrees.
    pub turned: Vec<(i32, Vec<Glyph>)>,
    /// Horizontal rules: from, to, and how far down.
    pub rules: Vec<(f32, f32, f32)>,
    /// Signs whose letters cannot be known.
    pub unknown: usize,
    /// Whether it shows a picture.
    pub picture: bool,
}

/// Collects what a page draws.
pub struct Ear<'l> {
    pub page: Page,
    letters: &'l mut Letters,
    /// What is on the page, in its own coordinates.
    crop: Rect,
    signs: usize,
    /// How deep marked content is, and from where on it stands for a text of its own.
    depth: usize,
    actual: Option<(usize, String)>,
}

impl<'l> Ear<'l> {
    /// An ear for a page that shows `crop`; an empty one shows everything.
    pub fn new(crop: Rect, letters: &'l mut Letters) -> Self {
        Self { page: Page::default(), letters, crop, signs: 0, depth: 0, actual: None }
    }

    fn hear(&mut self, drawn: &Drawn<'_>, place: Affine, vertical: bool, wide: f64) {
        let advance = match drawn {
            Drawn::Outline(glyph) => glyph.advance_width(),
            Drawn::Type3(glyph) => glyph.advance_width(),
        };
        let (origin, along, up) =
            (place * Point::ZERO, place * Point::new(1000.0, 0.0), place * Point::new(0.0, 1000.0));
        if !(origin.x.is_finite() && origin.y.is_finite() && (self.crop.area() < 1.0 || self.crop.contains(origin))) {
            return;
        }
        let advance = f64::from(advance.unwrap_or(500.0));
        let mut size = (up - origin).hypot();
        let scale = match drawn {
            Drawn::Outline(_) => size / 1000.0 * wide,
            Drawn::Type3(_) => (along - origin).hypot() / 1000.0,
        };
        if matches!(drawn, Drawn::Type3(_)) && advance > 0.0 && !(0.3..=3.0).contains(&(size / (scale * advance * 2.0)))
        {
            // A font that is drawn has no em of its own.
            size = scale * advance * 2.0;
        }
        if !(size.is_finite() && size > 0.01) {
            return;
        }
        let letters = match &self.actual {
            Some((_, text)) => Some(text.clone()),
            None => self.letters(drawn),
        };
        let text = letters.unwrap_or_else(|| {
            self.page.unknown += 1;
            UNKNOWN.to_string()
        });
        if let Some((_, text)) = &mut self.actual {
            // The first sign says all of it.
            text.clear();
        }
        let mut angle = (along - origin).atan2().to_degrees();
        if vertical {
            angle -= 90.0;
        }
        let key = ((angle / f64::from(STEP)).round() as i32 * STEP).rem_euclid(360);
        let turned = Affine::rotate(-f64::from(key).to_radians()) * origin;
        let length = if vertical { size } else { scale * advance };
        let (start, base) = (turned.x as f32, -turned.y as f32);
        let group = match self.page.turned.iter_mut().position(|(k, _)| *k == key) {
            Some(at) => at,
            None => {
                self.page.turned.push((key, Vec::new()));
                self.page.turned.len() - 1
            }
        };
        let Some((_, glyphs)) = self.page.turned.get_mut(group) else { return };
        if !text.is_empty()
            && text.chars().all(is_combining_mark)
            && let Some(letter) = glyphs.last_mut().filter(|l| (start - l.start).abs() < 2.0 * l.size)
            && !is_from_right(&letter.text)
            && !letter.text.trim().is_empty()
        {
            // From left to right, a mark is drawn after its letter.
            letter.text = letter.text.chars().chain(text.chars()).nfc().collect();
            return;
        }
        let text = if text.chars().count() > 1 && is_from_right(&text) { text.chars().rev().collect() } else { text };
        glyphs.push(Glyph { text, start, end: start + length as f32, base, size: size as f32 });
    }

    /// What a sign says; none where nothing tells.
    fn letters(&mut self, drawn: &Drawn<'_>) -> Option<String> {
        let known = |letters: BfString| match letters {
            BfString::Char(c) => plain(&c.to_string()),
            BfString::String(s) => plain(&s),
        };
        let is_known = |text: &String| !text.chars().any(is_private);
        let declared = drawn.as_unicode().map(known).filter(is_known);
        match drawn {
            Drawn::Outline(glyph) if declared.is_none() => self.letters.of(glyph).map(known).filter(is_known),
            _ => declared,
        }
    }

    fn rule(&mut self, rect: Rect) {
        if rect.height() <= 2.5 && rect.width() >= 20.0 && self.page.rules.len() < 10_000 {
            self.page.rules.push((rect.x0 as f32, rect.x1 as f32, -rect.center().y as f32));
        }
    }
}

/// What the letters of a text are, without what only a font needs: ligatures and shapes of Arabic letters are letters.
fn plain(text: &str) -> String {
    let shaped = |c: char| matches!(c, '\u{fb00}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}');
    if text.chars().any(shaped) {
        return text
            .chars()
            .flat_map(|c| if shaped(c) { c.to_string().nfkc().collect::<Vec<_>>() } else { vec![c] })
            .collect();
    }
    let bullets = |c: char| if matches!(c, '\u{f0b7}' | '\u{f0a7}' | '\u{f076}' | '\u{f0d8}') { '•' } else { c };
    text.chars().filter(|c| !c.is_control() || c.is_whitespace()).map(bullets).collect()
}

/// Whether a character means what a font likes; what Word's bullets are is known.
fn is_private(c: char) -> bool {
    matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'.. | '\u{fffd}')
}

/// Whether a text has a letter that is written from right to left.
pub fn is_from_right(text: &str) -> bool {
    text.chars().any(super::bidi::from_right)
}

/// How much wider than high the signs of a run are drawn. A font that stands in for another is stretched sign by sign,
/// which does not change how far they are apart: only what most have in common counts, and little of it is none.
fn width(run: &GlyphRun<'_, '_>) -> f64 {
    let ratio = |place: Affine| {
        let [a, b, c, d, ..] = place.as_coeffs();
        a.hypot(b) / c.hypot(d)
    };
    let mut ratios: Vec<f64> = run.glyphs().iter().map(|g| ratio(g.transform())).filter(|r| r.is_finite()).collect();
    ratios.sort_by(f64::total_cmp);
    ratios.get(ratios.len() / 2).copied().filter(|r| !(0.75..=1.33).contains(r)).unwrap_or(1.0)
}

impl<'a> Device<'a> for Ear<'_> {
    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, 'a>, props: DrawProps<'a>, _: &DrawMode) {
        let vertical = matches!(run.writing_mode(), WritingMode::Vertical);
        let wide = width(run);
        for glyph in run.glyphs() {
            self.signs += 1;
            if self.signs > MOST {
                return;
            }
            self.hear(glyph, props.transform * glyph.transform(), vertical, wide);
        }
    }

    fn draw_path(&mut self, path: &BezPath, props: DrawProps<'a>, _: &DrawMode) {
        if path.elements().len() <= 6 {
            self.rule(props.transform.transform_rect_bbox(path.bounding_box()));
        }
    }

    fn draw_rect(&mut self, rect: &Rect, props: DrawProps<'a>, _: &DrawMode) {
        self.rule(props.transform.transform_rect_bbox(*rect));
    }

    fn draw_image(&mut self, _: Image<'a, '_>, _: ImageDrawProps<'a>) {
        self.page.picture = true;
    }

    fn begin_marked_content(&mut self, _: &[u8], properties: Option<&Dict<'_>>) {
        self.depth += 1;
        let text = properties.and_then(|p| p.get::<PdfString<'_>>(b"ActualText"));
        if let (None, Some(text)) = (&self.actual, text) {
            self.actual = Some((self.depth, plain(&super::strings::decode(text.as_bytes()))));
        }
    }

    fn end_marked_content(&mut self) {
        if self.actual.as_ref().is_some_and(|(depth, _)| *depth == self.depth) {
            self.actual = None;
        }
        self.depth = self.depth.saturating_sub(1);
    }

    fn push_clip_path(&mut self, _: &ClipPath) {}
    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'a>>, _: BlendMode) {}
    fn pop_clip(&mut self) {}
    fn pop_transparency_group(&mut self) {}
}
