//! The two matrices that a place of the graph takes: those of its adapters and, in front of them, its own offsets.
//!
//! Offsets are constant within each block of 32 inputs, so they are an adapter too, one that was never trained: its A
//! sums the inputs of each block, its B is the offsets. One pair of products then does for both, and for all parts of a
//! joined matrix:
//!
//! ```text
//! y = dequantized(x) + (x a) b        a = [ E | A_q' | A_k' | A_v' ]
//!                                     b = [ offsets            ]
//!                                         [ s B_q'   0     0   ]
//!                                         [   0    s B_k'  0   ]
//!                                         [   0      0   s B_v']
//! ```
//!
//! where `'` transposes, and `E` has a one where an input lies in a block. A part without an adapter has no columns. In
//! wide matrices `E` is left out of a, and the graph sums the blocks.

use super::adapter::{Adapter, Module};
use super::places::{Place, Places, Sums};
use crate::error::Result;
use crate::tensor::BLOCK;

/// What a place takes.
#[derive(Clone, Debug, PartialEq)]
pub struct Factors {
    /// `[inputs, columns]`, row by row.
    pub a: Vec<f32>,
    /// `[rows, outputs]`, row by row.
    pub b: Vec<f32>,
    /// The ranks of the parts' adapters together, and one for each block that is summed. May be 0.
    pub columns: usize,
    /// The ranks together, and one for each block of offsets.
    pub rows: usize,
}

impl Places {
    /// What `place` takes to wear `adapter`, which must fit; none where the adapter leaves it as it is.
    pub fn factors(&self, place: &Place, adapter: &Adapter) -> Result<Option<Factors>> {
        let changed =
            |(target, _): &(_, usize)| adapter.pairs.contains_key(&Module { layer: place.layer, target: *target });
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
    let blocks = offsets.len() / place.outputs.max(1);
    let summed = if place.sums() == Sums::InFactors { blocks } else { 0 };
    let (columns, rows) = (summed + own * pairs.len(), blocks + own * pairs.len());
    let mut a = Vec::with_capacity(place.inputs * columns);
    for k in 0..place.inputs {
        a.extend((0..summed).map(|block| f32::from(u8::from(k / BLOCK == block))));
        a.extend(pairs.iter().flat_map(|(_, pair)| pair.a.iter().skip(k).step_by(place.inputs)));
    }
    let mut b = offsets;
    b.resize(rows * place.outputs, 0.0);
    for (i, (begin, pair)) in pairs.iter().enumerate() {
        for r in 0..own {
            let row = (blocks + i * own + r) * place.outputs + begin;
            let column = pair.b.iter().skip(r).step_by(own);
            b.iter_mut().skip(row).zip(column).for_each(|(to, from)| *to = scale * from);
        }
    }
    Factors { a, b, columns, rows }
}

#[cfg(test)]
mod tests {
    use super::super::adapter::Pair;
    use super::super::config::{LoraConfig, Target};
    use super::*;
    use proptest::prelude::*;

    const PARTS: [(Target, usize); 3] = [(Target::Query, 4), (Target::Key, 2), (Target::Value, 2)];

    /// Whole numbers, so that every order of sums gives the same.
    fn numbers(n: usize, seed: usize) -> Vec<f32> {
        (0..n).map(|i| ((i * 7 + seed * 5) % 11) as f32 - 5.0).collect()
    }

    /// `x [k]` times a matrix `[k, n]`.
    fn times(x: &[f32], matrix: &[f32], n: usize) -> Vec<f32> {
        (0..n).map(|j| x.iter().zip(matrix.iter().skip(j).step_by(n)).map(|(a, b)| a * b).sum()).collect()
    }

    proptest! {
        #[test]
        fn two_products_are_the_offsets_and_every_part_s_change(
            blocks in prop_oneof![1usize..4, 32usize..35], rank in 1usize..4, has_offsets: bool, changed: [bool; 3],
        ) {
            let (inputs, outputs) = (blocks * BLOCK, 8);
            let place = Place::joined(PARTS.to_vec(), inputs, has_offsets);
            let config = LoraConfig { rank, alpha: 2.0 * rank as f32, ..LoraConfig::default() };
            let mut adapter = Adapter { config, pairs: Default::default() };
            for (i, (target, rows)) in PARTS.into_iter().enumerate().filter(|(i, _)| changed[*i]) {
                let pair = Pair { a: numbers(rank * inputs, i), b: numbers(rows * rank, i + 3), inputs, outputs: rows };
                adapter.pairs.insert(Module { layer: 0, target }, pair);
            }
            let offsets = if has_offsets { numbers(blocks * outputs, 9) } else { vec![] };
            let factors = join(&place, &adapter, offsets.clone());

            let x = numbers(inputs, 1);
            let sums: Vec<f32> = x.chunks(BLOCK).map(|block| block.iter().sum()).collect();
            let mut inner = times(&x, &factors.a, factors.columns);
            if place.sums() == Sums::InGraph {
                inner.splice(0..0, sums.iter().copied());
            }
            prop_assert_eq!(inner.len(), factors.rows);
            let mut exact = if has_offsets { times(&sums, &offsets, outputs) } else { vec![0.0; outputs] };
            let mut row = 0;
            for (target, rows) in PARTS {
                if let Some(pair) = adapter.pairs.get(&Module { layer: 0, target }) {
                    let u: Vec<f32> = pair.a.chunks(inputs).map(|a| times(&x, a, 1)[0]).collect();
                    let change = pair.b.chunks(rank).map(|b| 2.0 * times(&u, b, 1)[0]);
                    exact[row..row + rows].iter_mut().zip(change).for_each(|(y, d)| *y += d);
                }
                row += rows;
            }
            prop_assert_eq!(times(&inner, &factors.b, outputs), exact);
        }
    }
}
