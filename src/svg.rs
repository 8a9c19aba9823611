//! Charts as SVG, because a browser is all it takes to look at one: a titled sheet, plots on it with round ticks.

/// Colours for light and dark screens. What matters differs in lightness too, so that it can be told apart in grey.
const STYLE: &str = "\
.paper{fill:#fff}.ink{fill:#1f2328}.faint{fill:#59636e}.grid{stroke:#d1d9e0}.raw{stroke:#0969da;stroke-opacity:.35}\
.smooth{stroke:#0969da}.bar{fill:#9cc3ee}.whisker{stroke:#1f2328;stroke-width:1.5}\
text{font:12px system-ui,sans-serif}.title{font-size:15px;font-weight:600}\
polyline{fill:none;stroke-linejoin:round;stroke-linecap:round}\
@media(prefers-color-scheme:dark){.paper{fill:#0d1117}.ink{fill:#f0f6fc}.faint{fill:#9198a1}.grid{stroke:#30363d}\
.raw{stroke:#58a6ff}.smooth{stroke:#58a6ff}.bar{fill:#1f4f86}.whisker{stroke:#f0f6fc}}";

/// On which side of its place a text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// It begins there.
    Start,
    /// Its middle is there.
    Middle,
    /// It ends there.
    End,
}

/// A picture in the making, in its own units: drawn 1:1 they are pixels.
#[derive(Clone, Debug)]
pub struct Sheet(String);

impl Sheet {
    /// An empty sheet of this width and height, its title in the corner.
    pub fn new(title: &str, (width, height): (f64, f64), left: f64) -> Self {
        let mut sheet = Self(format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
             height=\"{height}\" role=\"img\">\n<title>{}</title>\n<style>{STYLE}</style>\n\
             <rect class=\"paper\" width=\"{width}\" height=\"{height}\"/>\n",
            escaped(title)
        ));
        sheet.text("title ink", (left, 28.0), Anchor::Start, title);
        sheet
    }

    /// A text.
    pub fn text(&mut self, class: &str, (x, y): (f64, f64), anchor: Anchor, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        self.add(&format!("<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\"{anchor}>{}</text>\n", escaped(text)));
    }

    /// A straight line.
    pub fn line(&mut self, class: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
        self.add(&format!("<line class=\"{class}\" x1=\"{x1:.1}\" x2=\"{x2:.1}\" y1=\"{y1:.1}\" y2=\"{y2:.1}\"/>\n"));
    }

    /// A rectangle between two corners, upper left and lower right.
    pub fn rect(&mut self, class: &str, (x, y): (f64, f64), (right, bottom): (f64, f64)) {
        let (width, height) = (right - x, bottom - y);
        self.add(&format!(
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"/>\n"
        ));
    }

    /// A line through `points`.
    pub fn path(&mut self, class: &str, width: f64, points: impl IntoIterator<Item = (f64, f64)>) {
        let mut places: Vec<String> = points.into_iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        // A line to itself is a dot.
        places.extend((places.len() == 1).then(|| places.first().cloned()).flatten());
        let points = places.join(" ");
        self.add(&format!("<polyline class=\"{class}\" stroke-width=\"{width}\" points=\"{points}\"/>\n"));
    }

    /// The file.
    pub fn finish(mut self) -> String {
        self.add("</svg>\n");
        self.0
    }

    fn add(&mut self, piece: &str) {
        self.0.push_str(piece);
    }
}

/// A plot on a sheet: where it is, and the ranges of what it shows.
#[derive(Clone, Debug)]
pub struct Plot {
    /// Left, top, right, bottom on the sheet.
    pub frame: (f64, f64, f64, f64),
    /// What lies at the left and at the right.
    pub x: (f64, f64),
    /// What lies at the bottom and at the top.
    pub y: (f64, f64),
}

impl Plot {
    /// Where a value lies across.
    pub fn x(&self, value: f64) -> f64 {
        let (left, _, right, _) = self.frame;
        left + (right - left) * share(value, self.x)
    }

    /// Where a value lies upwards.
    pub fn y(&self, value: f64) -> f64 {
        let (_, top, _, bottom) = self.frame;
        bottom - (bottom - top) * share(value, self.y)
    }

    /// Draws a line and a number for each of `ticks` upwards.
    pub fn rows(&self, sheet: &mut Sheet, ticks: &[f64]) {
        let (left, _, right, _) = self.frame;
        let decimals = decimals(ticks);
        for row in ticks {
            let y = self.y(*row);
            sheet.line("grid", (left, y), (right, y));
            sheet.text("faint", (left - 8.0, y + 4.0), Anchor::End, &number(*row, decimals));
        }
    }
}

/// Where `value` lies between the ends of a range, from 0 to 1; in the middle of a range that is a point.
fn share(value: f64, (low, high): (f64, f64)) -> f64 {
    if high > low { (value - low) / (high - low) } else { 0.5 }
}

/// Round numbers (1, 2 or 5 times a power of ten apart, `least` or more) from at most `low` to at least `high`,
/// about `count` of them.
pub fn ticks(low: f64, high: f64, count: f64, least: f64) -> Vec<f64> {
    // A flat line gets room around it.
    let room = if high > low { 0.0 } else { (low.abs() * 0.05).max(0.05) };
    let (low, high) = (low - room, high + room);
    let raw = ((high - low) / count).max(least);
    let power = 10f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 5.0].map(|n| n * power).into_iter().find(|step| *step >= raw).unwrap_or(10.0 * power);
    let (first, last) = ((low / step).floor(), (high / step).ceil());
    // The product of whole numbers is rounder than a sum of steps.
    (0..=(last - first) as u32).map(|i| (first + f64::from(i)) * step).collect()
}

/// Digits after the point that tell these ticks apart.
fn decimals(ticks: &[f64]) -> usize {
    let step = ticks.windows(2).find_map(|w| Some(w.last()? - w.first()?)).unwrap_or(1.0);
    (-(step * 1.001).log10().floor()).clamp(0.0, 9.0) as usize
}

fn number(value: f64, decimals: usize) -> String {
    if value.abs() >= 1e6 { format!("{value:.1e}") } else { format!("{value:.decimals$}") }
}

fn escaped(text: &str) -> String {
    let text = text.replace(|c: char| c.is_control(), " ");
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_hold_the_range() {
        for (low, high, wanted) in [
            (0.31, 1.18, &[0.2, 0.4, 0.6, 0.8, 1.0, 1.2][..]),
            (2.0, 4.0, &[2.0, 2.5, 3.0, 3.5, 4.0]),
            (-3.0, 11.0, &[-5.0, 0.0, 5.0, 10.0, 15.0]),
        ] {
            let found = ticks(low, high, 6.0, 0.0);
            assert!(found.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-12), "{found:?}");
            assert_eq!(found.len(), wanted.len(), "{found:?}");
        }
        assert_eq!(ticks(1.0, 4.0, 8.0, 1.0), [1.0, 2.0, 3.0, 4.0], "steps are whole");
        assert_eq!(decimals(&[0.2, 0.4]), 1);
        assert_eq!(decimals(&[0.25, 0.3]), 2);
        assert_eq!(decimals(&[10.0, 20.0]), 0);
    }

    #[test]
    fn a_sheet_is_one_element_with_its_text_escaped() {
        let mut sheet = Sheet::new("a < b & c", (100.0, 50.0), 10.0);
        sheet.path("raw", 1.0, [(1.0, 2.0)]);
        let svg = sheet.finish();
        assert!(svg.contains("<title>a &lt; b &amp; c</title>") && svg.contains("points=\"1.0,2.0 1.0,2.0\""), "{svg}");
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
        assert!(svg.contains("prefers-color-scheme:dark"));
    }
}
