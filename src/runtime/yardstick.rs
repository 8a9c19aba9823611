//! What this machine can do at best, measured beside everything else: so that figures can be held to a floor, and runs
//! on different days or machines to one another.

use super::speed::median;
use crate::error::Result;
use crate::thread;
use serde::{Deserialize, Serialize};
use std::hint::black_box;
use std::time::Instant;

/// Rounds of each measurement; the median counts, as it does for what is held to it.
const ROUNDS: usize = 9;
/// Numbers that are read: more than caches hold.
const READ: usize = 32 << 20;
/// Products that each thread takes.
const PRODUCTS: usize = 1 << 26;

/// Two rates of a machine, with all its processors.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Yardstick {
    /// Bytes read from memory a second, in GB.
    pub memory_gb_s: f64,
    /// Multiplications and additions in float32 a second, in thousand millions, by what any compiler makes of a loop.
    pub arithmetic_gflop_s: f64,
}

impl Yardstick {
    /// Measures with `threads` of them.
    ///
    /// Errors: `Io` when no thread can be begun.
    pub fn measure(threads: usize) -> Result<Self> {
        let numbers: Vec<u64> = (0..READ as u64).collect();
        let usual = |work: &(dyn Fn(usize) + Sync)| {
            let round = |_| {
                let begin = Instant::now();
                std::thread::scope(|scope| {
                    (0..threads).try_for_each(|t| thread::spawn_in(scope, "yardstick", move || work(t)).map(drop))
                })?;
                Ok(begin.elapsed().as_secs_f64())
            };
            Ok(median(&mut (0..ROUNDS).map(round).collect::<Result<Vec<_>>>()?))
        };
        let part = READ / threads;
        let reading = usual(&|t| {
            black_box(total(&numbers[t * part..(t + 1) * part]));
        })?;
        let computing = usual(&|_| {
            black_box(products());
        })?;
        Ok(Self {
            memory_gb_s: (threads * part * size_of::<u64>()) as f64 / reading / 1e9,
            arithmetic_gflop_s: (2 * threads * PRODUCTS) as f64 / computing / 1e9,
        })
    }

    /// The middle of several, each rate by itself.
    pub fn middle(several: &[Self]) -> Self {
        let middle = |rate: fn(&Self) -> f64| median(&mut several.iter().map(rate).collect::<Vec<_>>());
        Self { memory_gb_s: middle(|y| y.memory_gb_s), arithmetic_gflop_s: middle(|y| y.arithmetic_gflop_s) }
    }
}

fn total(numbers: &[u64]) -> u64 {
    let mut lanes = [0u64; 8];
    for eight in numbers.chunks_exact(8) {
        lanes.iter_mut().zip(eight).for_each(|(lane, n)| *lane = lane.wrapping_add(*n));
    }
    lanes.iter().fold(0, |sum, lane| sum.wrapping_add(*lane))
}

fn products() -> f32 {
    let mut lanes = [1.0f32; 64];
    let factor = black_box(0.999_f32);
    for _ in 0..PRODUCTS / lanes.len() {
        lanes.iter_mut().for_each(|lane| *lane = *lane * factor + 0.001);
    }
    lanes.iter().sum()
}
