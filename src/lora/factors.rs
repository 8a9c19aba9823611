//! The two matrices that a place of the graph takes: those of its adapters and, in front of them, its own offsets.
//!
//! Offsets are constant within each block of 32 inputs, so they are an adapter too, one that was never trained: its A
//! sums the inputs of each block, its B is the offsets. One pair of products then does for both, and for all parts of a
//! joined matrix:
//!
//! ```text
//! y = dequantized(x) + (x a) b        a = [ E | A_q' | A_k' | A_v' ]       [inputs, rank]
//!                                     b = [ offsets            ]           [rank, outputs]
//!                                         [ s B_q'   0     0   ]
//!                                         [   0    s B_k'  0   ]
//!                                         [   0      0   s B_v']
//! ```
//!
//! where `'` transposes, and `E` has a one where an input lies in a block. A part without an adapter has no columns.

use super::adapter::{Adapter, Module};
use super::places::{Place, Places};
use crate::error::Result;
use crate::tensor::BLOCK;

/// What a place takes.
#[derive(Clone, Debug, PartialEq)]
pub struct Factors {
    /// `[inputs, rank]`, row by row.
    pub a: Vec<f32>,
    /// `[rank, outputs]`, row by row.
    pub b: Vec<f32>,
    /// Ranks of the parts' adapters together, and a row for each block of offsets. May be 0.
    pub rank: usize,
}

impl Places {
    /// What `place` takes to wear `adapter`, which must fit; none where the adapter leaves it as it is.
    pub fn factors(&self, place: &Place, adapter: &Adapter) -> Result<Option<Factors>> {
        let changed = |(target, _): &(_, usize)| adapter.pairs.contains_key(&Module { layer: place.layer, target: *target });
        Ok(if place.parts.iter().any(changed) { Some(self.all_factors(place, adapter)?) } else { None })
    }

    /// As [`Places::factors`], with the offsets alone where the adapter leaves it as it is.
    pub fn all_factors(&self, place: &Place, adapter: &Adapter) -> Result<Factors> {
        Ok(join(place, adapter, self.offsets(place)?))
    }
}

fn join(place: &Place, adapter: &Adapter, offsets: Vec<f32>) -> Factors {
    let pairs = place.parts.iter().scan(0, |row, (target, rows)| {
        let begin = std::mem::replace(row, *row + rows);
        Some((begin, adapter.pairs.get(&Module { layer: place.layer, target: *target })))
    });
    let pairs: Vec<_> = pairs.filter_map(|(begin, pair)| Some((begin, pair?))).collect();
    let (own, scale) = (adapter.config.rank, adapter.config.scaling());
    let blocks = if place.has_offsets { place.inputs / BLOCK } else { 0 };
    let rank = blocks + own * pairs.len();
    let mut a = Vec::with_capacity(place.inputs * rank);
    for k in 0..place.inputs {
        a.extend((0..blocks).map(|block| f32::from(u8::from(k / BLOCK == block))));
        a.extend(pairs.iter().flat_map(|(_, pair)| pair.a.iter().skip(k).step_by(place.inputs)));
    }
    let mut b = offsets;
    b.resize(rank * place.outputs, 0.0);
    for (i, (begin, pair)) in pairs.iter().enumerate() {
        for r in 0..own {
            let row = (blocks + i * own + r) * place.outputs + begin;
            let column = pair.b.iter().skip(r).step_by(own);
            b.iter_mut().skip(row).zip(column).for_each(|(to, from)| *to = scale * from);
        }
    }
    Factors { a, b, rank }
}
