//! The loss of every step as a picture: SVG, because a browser is all it takes to look at it.

use crate::durable;
use crate::error::{Error, Result};
use std::path::Path;

/// The picture, in its own units: drawn 1:1 they are pixels.
const SIZE: (f64, f64) = (760.0, 420.0);
/// The plot within it: left, top, right, bottom.
const PLOT: (f64, f64, f64, f64) = (64.0, 48.0, 740.0, 368.0);
/// Points of a line; more cannot be told apart.
const POINTS: usize = 1500;

/// Colours for light and dark screens.
const STYLE: &str = "\
.paper{fill:#fff}.ink{fill:#1f2328}.faint{fill:#59636e}.grid{stroke:#d1d9e0}.raw{stroke:#0969da;stroke-opacity:.35}\
.smooth{stroke:#0969da}text{font:12px system-ui,sans-serif}.title{font-size:15px;font-weight:600}\
polyline{fill:none;stroke-linejoin:round;stroke-linecap:round}\
@media(prefers-color-scheme:dark){.paper{fill:#0d1117}.ink{fill:#f0f6fc}.faint{fill:#9198a1}.grid{stroke:#30363d}\
.raw{stroke:#58a6ff}.smooth{stroke:#58a6ff}}";

/// Draws the curve into the file at `path`. Errors: `Invalid` when no loss is a number.
pub fn write(path: &Path, title: &str, losses: &[f32]) -> Result<()> {
    let svg = svg(title, losses).ok_or_else(|| Error::invalid("there is no loss to draw; train for a step or more"))?;
    durable::write(path, svg.as_bytes())
}

/// The curve of `losses`, one for each step from 1, in nats a token. Losses that are no numbers leave a gap in the raw
/// line; `None` when there are no others.
pub fn svg(title: &str, losses: &[f32]) -> Option<String> {
    let points: Vec<(f64, f64)> = (1u32..)
        .zip(losses)
        .filter(|(_, loss)| loss.is_finite())
        .map(|(step, loss)| (f64::from(step), f64::from(*loss)))
        .collect();
    let low = points.iter().map(|p| p.1).reduce(f64::min)?;
    let high = points.iter().map(|p| p.1).reduce(f64::max)?;
    let rows = ticks(low, high, 6.0, 0.0);
    let columns = ticks(1.0, losses.len() as f64, 8.0, 1.0);
    let scale = Scale { x: (1.0, losses.len() as f64), y: (*rows.first()?, *rows.last()?) };

    let (left, top, right, bottom) = PLOT;
    let mut out = String::new();
    let mut add = |piece: String| out.push_str(&piece);
    let (width, height) = SIZE;
    let title = escaped(title);
    add(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" role=\"img\">\n<title>{title}</title>\n<style>{STYLE}</style>\n\
         <rect class=\"paper\" width=\"{width}\" height=\"{height}\"/>\n\
         <text class=\"title ink\" x=\"{left}\" y=\"28\">{title}</text>\n"
    ));
    let decimals = decimals(&rows);
    for row in &rows {
        let y = scale.y(*row);
        add(format!(
            "<line class=\"grid\" x1=\"{left}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\n\
             <text class=\"faint\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\n",
            left - 8.0,
            y + 4.0,
            number(*row, decimals)
        ));
    }
    for column in columns.iter().filter(|c| (scale.x.0..=scale.x.1).contains(*c)) {
        add(format!(
            "<text class=\"faint\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{column}</text>\n",
            scale.x(*column),
            bottom + 20.0
        ));
    }
    add(format!(
        "<text class=\"faint\" x=\"{right}\" y=\"{:.1}\" text-anchor=\"end\">step</text>\n\
         <text class=\"faint\" x=\"{right}\" y=\"{:.1}\" text-anchor=\"end\">loss, nats a token</text>\n",
        bottom + 40.0,
        top - 12.0
    ));
    add(scale.line("raw", 1.0, &thinned(&points)));
    add(scale.line("smooth", 2.0, &smoothed(&points)));
    add("</svg>\n".into());
    Some(out)
}

/// Steps and losses to places in the picture.
struct Scale {
    x: (f64, f64),
    y: (f64, f64),
}

impl Scale {
    fn x(&self, step: f64) -> f64 {
        PLOT.0 + (PLOT.2 - PLOT.0) * share(step, self.x)
    }

    fn y(&self, loss: f64) -> f64 {
        PLOT.3 - (PLOT.3 - PLOT.1) * share(loss, self.y)
    }

    fn line(&self, class: &str, width: f64, points: &[(f64, f64)]) -> String {
        let place = |(step, loss): &(f64, f64)| format!("{:.1},{:.1}", self.x(*step), self.y(*loss));
        let mut places: Vec<String> = points.iter().map(place).collect();
        // A line to itself is a dot.
        places.extend((places.len() == 1).then(|| places.first().cloned()).flatten());
        format!("<polyline class=\"{class}\" stroke-width=\"{width}\" points=\"{}\"/>\n", places.join(" "))
    }
}

/// Where `value` lies between the ends of a range, from 0 to 1; in the middle of a range that is a point.
fn share(value: f64, (low, high): (f64, f64)) -> f64 {
    if high > low { (value - low) / (high - low) } else { 0.5 }
}

/// Round numbers (1, 2 or 5 times a power of ten apart, `least` or more) from at most `low` to at least `high`,
/// about `count` of them.
fn ticks(low: f64, high: f64, count: f64, least: f64) -> Vec<f64> {
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

/// A mean over the neighbours of each point, a twentieth of the run to either side. Towards the ends, where the loss
/// moves most or has one side alone, over fewer.
fn smoothed(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let reach = points.len() / 20;
    let stride = points.len().div_ceil(POINTS).max(1);
    let mean = |at: usize| {
        let reach = reach.min(at.min(points.len() - 1 - at).max(reach / 4));
        let near = points.get(at.saturating_sub(reach)..(at + reach + 1).min(points.len()))?;
        Some((points.get(at)?.0, near.iter().map(|p| p.1).sum::<f64>() / near.len() as f64))
    };
    let last = points.len().checked_sub(1).filter(|last| last % stride != 0);
    (0..points.len()).step_by(stride).chain(last).filter_map(mean).collect()
}

/// Points that look like all of them: of every group the lowest and the highest, in their order.
fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    if points.len() <= POINTS {
        return points.to_vec();
    }
    let ends = |group: &[(f64, f64)]| {
        let low = group.iter().min_by(|a, b| a.1.total_cmp(&b.1)).copied();
        let high = group.iter().max_by(|a, b| a.1.total_cmp(&b.1)).copied();
        let mut ends = [low, high];
        ends.sort_by(|a, b| a.map(|p| p.0).partial_cmp(&b.map(|p| p.0)).unwrap_or(std::cmp::Ordering::Equal));
        ends
    };
    points.chunks(points.len().div_ceil(POINTS / 2)).flat_map(ends).flatten().collect()
}

fn escaped(text: &str) -> String {
    let text = text.replace(|c: char| c.is_control(), " ");
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
    fn a_long_run_keeps_its_spikes_and_its_end() {
        let mut losses: Vec<(f64, f64)> = (0..100_000).map(|i| (f64::from(i), 1.0)).collect();
        losses[77_777].1 = 9.0;
        let (raw, smooth) = (thinned(&losses), smoothed(&losses));
        assert!(raw.len() <= 2 * POINTS && smooth.len() <= POINTS + 1);
        assert!(raw.contains(&(77_777.0, 9.0)) && raw.is_sorted_by_key(|p| p.0));
        assert_eq!(smooth.last().unwrap().0, 99_999.0);
        assert!(smooth.iter().all(|p| p.1 < 1.01), "a mean hardly sees it");
    }

    #[test]
    fn the_picture_names_itself_and_says_what_it_shows() {
        let losses: Vec<f32> = (0..200).map(|i| 3.0 * (-0.01 * i as f32).exp() + (i % 7) as f32 * 0.05).collect();
        let picture = svg("a < b & c", &losses).unwrap();
        for part in ["a &lt; b &amp; c", "nats a token", ">step<", ">100<", ">3.0<", "prefers-color-scheme:dark"] {
            assert!(picture.contains(part), "{part} in {picture}");
        }
        assert_eq!(svg("", &[]), None);
        assert_eq!(svg("", &[f32::NAN]), None);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("loss.svg");
        assert!(write(&path, "", &[]).is_err() && !path.exists());
        write(&path, "one", &[2.0]).unwrap();
        assert!(std::fs::read_to_string(&path).unwrap().ends_with("</svg>\n"));
    }

    proptest! {
        #[test]
        fn any_losses_stay_within_the_plot(losses in prop::collection::vec(any::<f32>(), 1..200)) {
            let Some(picture) = svg("x", &losses) else { return Ok(()) };
            prop_assert!(!picture.contains("NaN") && !picture.contains("inf"), "{picture}");
            for line in picture.lines().filter_map(|l| l.split_once("points=\"")) {
                for place in line.1.trim_end_matches("\"/>").split(' ') {
                    let (x, y) = place.split_once(',').unwrap();
                    let (x, y): (f64, f64) = (x.parse().unwrap(), y.parse().unwrap());
                    prop_assert!((PLOT.0..=PLOT.2).contains(&x) && (PLOT.1..=PLOT.3).contains(&y), "{x},{y}");
                }
            }
        }
    }
}
