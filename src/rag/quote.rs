//! What is quoted: the unit that answers, and what belongs to it.

use super::source::Source;
use crate::text::unit::UnitKind;
use std::ops::Range;

/// The most characters of a quotation that grows beyond one unit, and of one with steps: who is told half of what to do
/// is told nothing.
const LONGEST: (usize, usize) = (300, 600);
/// The most quotations.
const MOST: usize = 2;
/// Another quotation is made from this share of the first one's chance on.
const OTHER: f32 = 0.5;
/// Rows and items beside the surest one are quoted with it from this share of its chance on.
const BESIDE: f32 = 0.7;

/// Units of one source that answer together.
#[derive(Clone, Debug, PartialEq)]
pub struct Quote {
    /// The place of the source among those that were weighed.
    pub source: usize,
    /// The places of the units in it, in their order.
    pub units: Vec<usize>,
    /// The chance of the surest.
    pub chance: f32,
}

/// The quotation that answers surest, and others that are nearly as sure; none where no unit is as sure as `least`.
pub fn quotes(sources: &[Source], least: f32) -> Vec<Quote> {
    let mut quotes: Vec<Quote> = best(sources, least).into_iter().collect();
    while let Some(other) = other(sources, &quotes) {
        quotes.push(other);
    }
    quotes
}

/// What is quoted behind others; none where that is enough.
fn other(sources: &[Source], quotes: &[Quote]) -> Option<Quote> {
    let first = quotes.first().filter(|_| quotes.len() < MOST)?;
    let is_taken = |source, unit| quotes.iter().any(|quote| quote.source == source && quote.units.contains(&unit));
    // Beside a record of the asker's own no document is quoted, nor the other way round: they speak of different
    // things.
    let is_record = |source: usize| sources[source].fact().is_some();
    let others = units(sources)
        .filter(|(source, unit, _)| is_record(*source) == is_record(first.source) && !is_taken(*source, *unit));
    let (source, unit, chance) = surest(others).filter(|(.., chance)| *chance >= OTHER * first.chance)?;
    let mut units = grown(&sources[source], unit);
    // What was quoted already is not said again.
    if units.iter().any(|&unit| is_taken(source, unit)) {
        units = vec![unit];
    }
    Some(Quote { source, units, chance })
}

/// The quotation that answers surest.
pub fn best(sources: &[Source], least: f32) -> Option<Quote> {
    let (source, unit, chance) = surest(units(sources))?;
    (chance >= least).then(|| Quote { source, units: grown(&sources[source], unit), chance })
}

/// Every unit: the place of its source, its own, and its chance.
fn units(sources: &[Source]) -> impl Iterator<Item = (usize, usize, f32)> {
    sources
        .iter()
        .enumerate()
        .flat_map(|(source, s)| s.units.iter().enumerate().map(move |(unit, weighed)| (source, unit, weighed.chance)))
}

/// The first of the surest: sources stand in their order.
fn surest(units: impl Iterator<Item = (usize, usize, f32)>) -> Option<(usize, usize, f32)> {
    units.reduce(|best, next| if next.2 > best.2 { next } else { best })
}

/// The unit and what belongs to it: the sentences of its paragraph, which go on from one another, the steps that they
/// lead to, and rows or items that are nearly as sure.
fn grown(source: &Source, unit: usize) -> Vec<usize> {
    let Some(surest) = source.units.get(unit) else { return vec![] };
    let length = |at: usize| source.units[at].unit.reading.chars().count();
    let longest = if surest.unit.kind == UnitKind::Step { LONGEST.1 } else { LONGEST.0 };
    let goes_on = matches!(surest.unit.kind, UnitKind::Sentence | UnitKind::Field | UnitKind::Step);
    let belongs = |at: usize| {
        let other = &source.units[at];
        let together = other.unit.block == surest.unit.block
            && other.unit.under == surest.unit.under
            && other.unit.kind == surest.unit.kind;
        together && (goes_on || other.chance >= BESIDE * surest.chance)
    };
    let (mut first, mut last, mut total) = (unit, unit, length(unit));
    loop {
        let before = (first, last);
        if last + 1 < source.units.len() && belongs(last + 1) && total + length(last + 1) <= longest {
            last += 1;
            total += length(last);
        }
        if first > 0 && belongs(first - 1) && total + length(first - 1) <= longest {
            first -= 1;
            total += length(first);
        }
        if before == (first, last) {
            break;
        }
    }
    let steps = steps_after(source, last);
    let all = total + steps.clone().map(length).sum::<usize>();
    let last = if all <= LONGEST.1 { steps.end } else { last + 1 };
    (first..last).collect()
}

/// The steps that a sentence leads to: those right after it under the same headings.
fn steps_after(source: &Source, sentence: usize) -> Range<usize> {
    let from = &source.units[sentence].unit;
    let leads = |at: &usize| {
        let unit = &source.units[*at].unit;
        from.kind == UnitKind::Sentence && unit.kind == UnitKind::Step && unit.under.starts_with(&from.under)
    };
    let first = sentence + 1;
    first..first + (first..source.units.len()).take_while(leads).count()
}

#[cfg(test)]
mod tests {
    use super::super::retrieve::Hit;
    use super::super::source::{Origin, Weighed};
    use super::*;
    use crate::text::unit;

    fn source(n: u32, text: &str, chances: &[f32]) -> Source {
        let hit = Hit {
            document: format!("{n}.md"),
            also: vec![],
            title: String::new(),
            section: String::new(),
            chunk: n,
            text: text.into(),
            score: 1.0,
            relevance: 1.0,
        };
        let units = unit::units(text).into_iter().zip(chances);
        let units = units.map(|(unit, chance)| Weighed { unit, chance: *chance }).collect();
        Source { n, origin: Origin::Passage(hit), text: text.into(), units }
    }

    #[test]
    fn a_paragraph_is_quoted_whole_and_a_row_alone() {
        let prose =
            source(1, "Close the cylinder first. Let the flames burn out.\n\nIt weighs 4 kg.", &[0.9, 0.1, 0.2]);
        let rows = source(2, "| Day | Open |\n|---|---|\n| Saturday | 9 to 5 |\n| Sunday | closed |", &[0.0, 0.7, 0.1]);
        let found = quotes(&[prose, rows], 0.5);
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].source, found[0].units.as_slice()), (0, &[0, 1][..]));
        assert_eq!((found[1].source, found[1].units.as_slice()), (1, &[1][..]));
    }

    #[test]
    fn who_is_told_what_can_be_done_is_told_how() {
        let text = "You can make one entry of two.\n\n1. Press Select.\n2. Tick both.\n3. Press Link.\n\nDone.";
        let units = |chances: &[f32]| best(&[source(1, text, chances)], 0.5).unwrap().units;
        assert_eq!(units(&[0.9, 0.1, 0.1, 0.1, 0.1]), [0, 1, 2, 3]);
        assert_eq!(units(&[0.1, 0.1, 0.1, 0.9, 0.1]), [1, 2, 3]);
        let step = format!("1. {}\n2. {}", "Press this and ".repeat(25), "Turn that and ".repeat(25));
        let long = source(1, &format!("You can make one entry of two.\n\n{step}"), &[0.9, 0.1, 0.1]);
        assert_eq!(best(&[long], 0.5).unwrap().units, [0], "half of what to do is not said");
    }

    #[test]
    fn nothing_is_quoted_that_is_not_sure() {
        let prose = source(1, "Close the cylinder first.", &[0.4]);
        assert!(quotes(std::slice::from_ref(&prose), 0.5).is_empty());
        assert_eq!(quotes(&[prose], 0.4).len(), 1);
        assert!(quotes(&[], 0.0).is_empty());
    }

    #[test]
    fn one_other_is_quoted_that_is_half_as_sure_and_nothing_twice() {
        let long = "A sentence of some length that stands before others and fills the quotation up. ".repeat(3);
        let text = format!("{long}\n\nIt weighs 4 kg.\n\nIt costs 9 pounds.");
        let chances = |second: f32, third: f32| [0.8, 0.1, 0.1, second, third];
        let units = |second, third| {
            let quotes = quotes(&[source(1, &text, &chances(second, third))], 0.5);
            quotes.into_iter().map(|quote| quote.units).collect::<Vec<_>>()
        };
        assert_eq!(units(0.41, 0.39), [vec![0, 1, 2], vec![3]]);
        assert_eq!(units(0.41, 0.45), [vec![0, 1, 2], vec![4]]);
        assert_eq!(units(0.39, 0.1), [vec![0, 1, 2]]);
    }
}
