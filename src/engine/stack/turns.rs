//! The tables of ropes for the rows of a pass: made once for all layers that a rope turns.

use super::attend::{Lane, Tables};
use crate::bundle::Rope;

/// What was made in this pass.
#[derive(Default)]
pub struct Turns<'p>(Vec<Made<'p>>);

/// Cosines and sines for the rows of all lanes, one after the other.
struct Made<'p> {
    rope: &'p Rope,
    /// Where the rows of each lane stand: positions before them, and after.
    spans: Vec<(usize, usize)>,
    tables: [Vec<f32>; 2],
}

impl<'p> Turns<'p> {
    /// The tables of a rope for the rows of all lanes.
    pub fn of(&mut self, rope: &'p Rope, lanes: &[Lane<'_>]) -> Tables<'_> {
        let spans = || lanes.iter().map(|lane| (lane.past, lane.total));
        let known = self.0.iter().position(|made| *made.rope == *rope && made.spans.iter().copied().eq(spans()));
        let at = known.unwrap_or(self.0.len());
        if known.is_none() {
            let mut tables = [Vec::new(), Vec::new()];
            for (past, total) in spans() {
                let own = rope.tables(past..total);
                tables.iter_mut().zip(own).for_each(|(table, own)| table.extend(own));
            }
            self.0.push(Made { rope, spans: spans().collect(), tables });
        }
        let [cosines, sines] = &self.0[at].tables;
        Tables { cosines, sines, whole: false }
    }
}
