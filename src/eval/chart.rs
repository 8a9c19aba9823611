//! The arms as a picture: a bar for each, its interval across the end.

use super::answers::Score;
use super::arms::{Arm, Arms};
use crate::durable;
use crate::error::Result;
use crate::svg::{Anchor, Plot, Sheet, ticks};
use std::path::Path;

/// The width of a plot with its numbers: alone, and beside another.
const WIDTH: (f64, f64) = (560.0, 380.0);
/// The height of the sheet.
const HEIGHT: f64 = 400.0;
/// Above and below the plots.
const TOP: f64 = 88.0;
const BOTTOM: f64 = 344.0;
/// Left of a plot, and right of it.
const MARGIN: (f64, f64) = (56.0, 20.0);
/// Half a bar, and half the line that ends an interval; the arms are 1 apart.
const HALF: (f64, f64) = (0.32, 0.08);

/// Draws `arms` into the file at `path`; see [`svg`].
pub fn write(path: &Path, about: &str, arms: &Arms) -> Result<()> {
    durable::write(path, svg(about, arms).as_bytes())
}

/// Nats a token of each arm that was measured with its interval, and ROUGE-L beside it where the model answered.
/// `about` says what was measured, as a subtitle.
pub fn svg(about: &str, arms: &Arms) -> String {
    let nats = |s: &Score| Some((s.nll, s.nll_interval));
    let rouge_l = |s: &Score| s.rouge_l.zip(s.rouge_l_interval);
    let answered = arms.measured().any(|(_, score)| score.rouge_l.is_some());
    let (width, panels) = if answered { (WIDTH.1, 2.0) } else { (WIDTH.0, 1.0) };
    let mut sheet = Sheet::new("How well the known answers are met", (width * panels, HEIGHT), MARGIN.1);
    sheet.text("faint", (MARGIN.1, 48.0), Anchor::Start, about);
    panel(&mut sheet, (0.0, width), "nats a token; lower is better", arms, nats);
    if answered {
        panel(&mut sheet, (width, width * 2.0), "ROUGE-L; higher is better", arms, rouge_l);
    }
    let Score { n, tokens, .. } = arms.base;
    let note = format!("n = {n} known answers of {tokens} tokens; lines show where 95 % of draws lie");
    sheet.text("faint", (MARGIN.1, HEIGHT - 12.0), Anchor::Start, &note);
    sheet.finish()
}

/// One figure of every arm, with its bounds.
fn panel(
    sheet: &mut Sheet,
    (left, right): (f64, f64),
    label: &str,
    arms: &Arms,
    figure: impl Fn(&Score) -> Option<(f64, [f64; 2])>,
) {
    let figures = |(arm, score): (Arm, &Score)| figure(score).filter(|f| f.0.is_finite()).map(|f| (arm, f.0, f.1));
    let bars: Vec<(Arm, f64, [f64; 2])> = arms.measured().filter_map(figures).collect();
    let ends = bars.iter().flat_map(|(_, value, bounds)| [*value, bounds[0], bounds[1]]).filter(|v| v.is_finite());
    let (low, high) = ends.fold((0.0, 0.0), |(low, high): (f64, f64), end| (low.min(end), high.max(end)));
    let rows = ticks(low, high, 6.0, 0.0);
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return };
    let plot = Plot {
        frame: (left + MARGIN.0, TOP, right - MARGIN.1, BOTTOM),
        x: (-0.5, Arm::ALL.len() as f64 - 0.5),
        y: (*first, *last),
    };
    sheet.text("ink", (left + MARGIN.1, TOP - 14.0), Anchor::Start, label);
    plot.rows(sheet, &rows);
    for (place, (arm, value, [low, high])) in (0u32..).map(f64::from).zip(&bars) {
        let x = |off: f64| plot.x(place + off);
        let (top, bottom) = (plot.y(value.max(0.0)), plot.y(value.min(0.0)));
        sheet.rect("bar", (x(-HALF.0), top), (x(HALF.0), bottom));
        let mut label = top;
        if low.is_finite() && high.is_finite() {
            sheet.line("whisker", (x(0.0), plot.y(*low)), (x(0.0), plot.y(*high)));
            for bound in [low, high] {
                sheet.line("whisker", (x(-HALF.1), plot.y(*bound)), (x(HALF.1), plot.y(*bound)));
            }
            label = label.min(plot.y(*high));
        }
        sheet.text("ink", (x(0.0), label - 6.0), Anchor::Middle, &format!("{value:.3}"));
        sheet.text("ink", (x(0.0), BOTTOM + 20.0), Anchor::Middle, arm.name());
    }
}

#[cfg(test)]
mod tests {
    use super::super::{References, Tally};
    use super::*;

    fn score(nats: &[f64], answers: &[&str]) -> Score {
        let line = r#"{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"three hours"}]}"#;
        let known = References::read(line).unwrap().list.remove(0);
        let mut tally = Tally::default();
        nats.iter().for_each(|nats| tally.likelihood(*nats, 10));
        answers.iter().for_each(|answer| tally.answer(answer, &[], &known));
        tally.score()
    }

    #[test]
    fn the_picture_has_a_bar_a_line_and_a_number_for_each_arm() {
        let arms =
            Arms { base: score(&[30.0, 20.0], &[]), retrieval: score(&[10.0, 5.0], &[]), adapter: None, both: None };
        let svg = svg("tiny & small", &arms);
        for part in ["tiny &amp; small", "nats a token", ">base<", ">retrieval<", ">2.500<", ">0.750<", "n = 2"] {
            assert!(svg.contains(part), "{part} in {svg}");
        }
        assert!(!svg.contains("ROUGE-L") && !svg.contains(">both<"));
        assert_eq!((svg.matches("class=\"bar\"").count(), svg.matches("class=\"whisker\"").count()), (2, 6));
    }

    #[test]
    fn what_is_not_known_is_not_drawn() {
        let one = score(&[30.0], &["three"]);
        let broken = score(&[f64::NAN, f64::INFINITY], &["three hours"]);
        let svg = svg("", &Arms { base: one, retrieval: one, adapter: Some(broken), both: Some(one) });
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        assert!(svg.contains("ROUGE-L"));
        assert_eq!((svg.matches("class=\"bar\"").count(), svg.matches("class=\"whisker\"").count()), (7, 0));
    }
}
