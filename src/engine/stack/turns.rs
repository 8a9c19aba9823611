//! The tables of ropes for the rows of a pass: made once for all layers that a rope turns.

use super::attend::{Lane, Tables};
use crate::bundle::Rope;

/// Where the rows of a lane stand: positions before them, and after.
type Span = (usize, usize);

/// What was made in this pass: for which rope, for which rows, cosines and sines.
#[derive(Default)]
pub struct Turns<'p>(Vec<(&'p Rope, Vec<Span>, [Vec<f32>; 2])>);

impl<'p> Turns<'p> {
    /// The tables of a rope for the rows of all lanes, one after the other.
    pub fn of(&mut self, rope: &'p Rope, lanes: &[Lane<'_>]) -> Tables<'_> {
        let spans: Vec<Span> = lanes.iter().map(|lane| (lane.past, lane.total)).collect();
        let known = self.0.iter().position(|(own, made_for, _)| *own == rope && *made_for == spans);
        let at = known.unwrap_or(self.0.len());
        if known.is_none() {
            let mut tables = [Vec::new(), Vec::new()];
            for (past, total) in &spans {
                let own = rope.tables(*past..*total);
                tables.iter_mut().zip(own).for_each(|(table, own)| table.extend(own));
            }
            self.0.push((rope, spans, tables));
        }
        let [cosines, sines] = &self.0[at].2;
        Tables { cosines, sines, whole: false }
    }
}
