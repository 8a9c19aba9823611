//! The loss of every step as a picture.

use crate::durable;
use crate::error::{Error, Result};
use crate::svg::{Anchor, Plot, Sheet, ticks};
use std::path::Path;

const SIZE: (f64, f64) = (760.0, 420.0);
/// The plot within it: left, top, right, bottom.
const PLOT: (f64, f64, f64, f64) = (64.0, 48.0, 740.0, 368.0);
/// Points of a line; more cannot be told apart.
const POINTS: usize = 1500;

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
    let plot = Plot { frame: PLOT, x: (1.0, losses.len() as f64), y: (*rows.first()?, *rows.last()?) };

    let (left, top, right, bottom) = PLOT;
    let mut sheet = Sheet::new(title, SIZE, left);
    plot.rows(&mut sheet, &rows);
    for column in columns.iter().filter(|c| (plot.x.0..=plot.x.1).contains(*c)) {
        sheet.text("faint", (plot.x(*column), bottom + 20.0), Anchor::Middle, &column.to_string());
    }
    sheet.text("faint", (right, bottom + 40.0), Anchor::End, "step");
    sheet.text("faint", (right, top - 12.0), Anchor::End, "loss, nats a token");
    let places = |points: Vec<(f64, f64)>| points.into_iter().map(|(step, loss)| (plot.x(step), plot.y(loss)));
    sheet.path("raw", 1.0, places(thinned(&points)));
    sheet.path("smooth", 2.0, places(smoothed(&points)));
    Some(sheet.finish())
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
