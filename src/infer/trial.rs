//! Whether a device computes what it should: a layer of attention there and on the CPU, and what else it has kernels of
//! its own for.
//!
//! The trial goes the way of every answer: float16 where the device wants it, a cache that stays on the device and is
//! written in place, rows that are copied when it moves. What goes wrong there would go wrong in every answer.

use super::cache::Cache;
use super::step::Step;
use crate::bundle::{Cache as Growth, Decoder};
use crate::engine::{Engine, Tensor};
use crate::error::{Error, Result};
use crate::graph::{Attention, DType, Data, Extent, Graph, Op, PAST_LENGTH, TOTAL_LENGTH, half, lower};
use crate::tensor::{BLOCK, Bits};
use prost::Message;
use std::path::Path;

/// Queries that share a key: as many as in the default model, for which devices have other kernels than for two.
const HEADS: usize = 3;
const WIDTH: usize = 64;
/// Numbers of a token: queries, a key and a value.
const NUMBERS: usize = (HEADS + 2) * WIDTH;
/// Tokens appended by each pass. Single ones are recorded and repeated where the engine does that; before the passes of
/// 90 and 600 the cache moves, with and without.
const PASSES: [usize; 9] = [3, 1, 1, 90, 1, 1, 600, 1, 1];
/// Rows that are looked up, of so many.
const IDS: [i64; 5] = [3, 0, 7, 7, 1];
const ROWS: usize = 8;
/// Positions there are.
const POSITIONS: usize = 1024;

/// How far the results may differ, beside values of up to 1: float16 has 11 bits.
const TOLERANCE: f32 = 0.01;

/// Tries `engine` against `cpu`.
///
/// Errors: `Engine` when the device does not work, or computes something else.
pub fn trial(engine: &Engine, cpu: &Engine) -> Result<()> {
    let compare =
        |what, there: &[f32], here: &[f32]| compare(what, there, here).map_err(|e| e.context(engine.device()));
    compare("attention", &attend(engine)?, &attend(cpu)?)?;
    compare("a model in blocks", &look_up(engine)?, &look_up(cpu)?)
}

fn compare(what: &str, there: &[f32], here: &[f32]) -> Result<()> {
    // What is no number is not near one either.
    let is_near = |(there, here): (&f32, &f32)| (there - here).abs() <= TOLERANCE;
    if there.len() == here.len() && there.iter().zip(here).all(is_near) {
        return Ok(());
    }
    Err(Error::engine(format!("{what} is computed wrongly: the result is not the CPU's")))
}

/// What a few tokens see, pass after pass.
fn attend(engine: &Engine) -> Result<Vec<f32>> {
    let graph = if engine.has_half() { half(layer())? } else { layer() };
    let (model, nowhere) = (lower(&graph).encode_to_vec(), Path::new("."));
    let session = match engine.records() {
        true => engine.recording_session(&model, nowhere),
        false => engine.session(&model, nowhere),
    }?;
    let mut binding = session.bind()?;
    binding.output("attended");
    let mut cache = Cache::new(&Decoder {
        layers: 1,
        kv_heads: 1,
        head_dim: WIDTH,
        vocabulary: 0,
        context: POSITIONS,
        bos: None,
        eos: vec![],
        cache: Growth::InPlace,
        hyperparameters: None,
    });
    let (mut seen, mut attended, mut step) = (0, Vec::new(), None::<Step>);
    for rows in PASSES {
        let total = seen + rows;
        cache.reserve(&session, &mut binding, seen, total)?;
        let numbers = (seen * NUMBERS..total * NUMBERS).map(|i| (i * 7919 % 23) as f32 / 11.0 - 1.0).collect();
        let inputs = [
            ("qkv", Tensor::f32(&[1, rows, NUMBERS], numbers)?),
            (PAST_LENGTH, Tensor::i32(&[1], vec![total as i32 - 1])?),
        ];
        seen = total;
        if session.records() && rows == 1 {
            let step = Step::over(&mut step, &mut cache, |cache| {
                Step::new(&session, cache, &inputs, ("attended", &[1, 1, HEADS * WIDTH]))
            })?;
            attended.extend_from_slice(step.run(&session, &inputs)?.as_f32()?);
            continue;
        }
        inputs.iter().try_for_each(|(name, numbers)| binding.input(name, numbers))?;
        binding.input(TOTAL_LENGTH, &Tensor::i32(&[1], vec![total as i32])?)?;
        for (_, output) in session.run_bound(&mut binding)? {
            attended.extend_from_slice(output.as_f32()?);
        }
    }
    Ok(attended)
}

/// What comes of a few ids.
fn look_up(engine: &Engine) -> Result<Vec<f32>> {
    let session = engine.session(&lower(&blocks()).encode_to_vec(), Path::new("."))?;
    let outputs = session.run(&[("ids", (&Tensor::i64(&[1, IDS.len()], IDS.to_vec())?).into())])?;
    let numbers = outputs.iter().map(|(_, output)| output.as_f32()).collect::<Result<Vec<_>>>()?;
    Ok(numbers.concat())
}

/// Rows of tables in blocks, products with the same blocks, and attention in both directions, of which one is hidden.
fn blocks() -> Graph {
    let mut graph = Graph::new();
    let ids = graph.input("ids", DType::I64, [1.into(), "ids".into()]);
    let floats = |value: f32| Data::Inline(value.to_le_bytes().repeat(ROWS * WIDTH / BLOCK));
    let numbers = |width: usize| -> [Extent; 3] { [1.into(), "ids".into(), width.into()] };
    for bits in [Bits::Int4, Bits::Int8] {
        let (name, width) = (bits.count(), WIDTH / BLOCK * bits.bytes());
        let quants = Data::Inline((0..ROWS * width).map(|i| (i * 31 % 251) as u8).collect());
        let quants = graph.constant(&format!("quants.{name}"), DType::U8, &[ROWS, WIDTH / BLOCK, bits.bytes()], quants);
        let step = 2.0 / (1u32 << bits.count()) as f32;
        // Rounding the inputs of a product, as the CPU does, stays far below what is tolerated.
        let [scales, small] = [("scales", step), ("small", step / 8.0)].map(|(kind, scale)| {
            graph.constant(&format!("{kind}.{name}"), DType::F32, &[ROWS, WIDTH / BLOCK], floats(scale))
        });
        let table = graph.reshaped(quants, &[ROWS, width]);
        let x = graph.op(Op::GatherBlocks(bits), &[table, ids, scales]);
        let y = graph.op(Op::MatMulBlocks { bits, rows: ROWS, columns: WIDTH }, &[x, quants, small]);
        graph.output(&format!("product.{name}"), y, DType::F32, numbers(ROWS));
        let seen = (0..IDS.len()).flat_map(|at| i32::from(at != 1).to_le_bytes()).collect();
        let seen = graph.constant(&format!("seen.{name}"), DType::I32, &[1, IDS.len()], Data::Inline(seen));
        let attention = Op::MultiHeadAttention { heads: 2 };
        let attended = graph.node(attention, &[Some(x), Some(x), Some(x), None, Some(seen)], 1)[0];
        graph.output(&format!("attended.{name}"), attended, DType::F32, numbers(WIDTH));
    }
    graph
}

/// One layer of attention.
fn layer() -> Graph {
    let mut graph = Graph::new();
    let qkv = graph.input("qkv", DType::F32, [1.into(), "rows".into(), NUMBERS.into()]);
    let cache = |length: &'static str| -> [Extent; 4] { [1.into(), 1.into(), length.into(), WIDTH.into()] };
    let past =
        ["key", "value"].map(|side| graph.input(&format!("past_key_values.0.{side}"), DType::F32, cache("past")));
    let lengths = [PAST_LENGTH, TOTAL_LENGTH].map(|name| graph.input(name, DType::I32, [1.into()]));
    let angles = |of: fn(f32) -> f32| {
        let angle = |i: usize| (i / (WIDTH / 2)) as f32 / (1 + i % (WIDTH / 2)) as f32;
        Data::Inline((0..POSITIONS * WIDTH / 2).flat_map(|i| of(angle(i)).to_le_bytes()).collect())
    };
    let tables = [("cosines", angles(f32::cos)), ("sines", angles(f32::sin))]
        .map(|(name, data)| graph.constant(name, DType::F32, &[POSITIONS, WIDTH / 2], data));
    let op = Op::GroupQueryAttention(Attention {
        heads: HEADS,
        kv_heads: 1,
        window: None,
        scale: None,
        cap: None,
        turns: true,
    });
    let rest = past.into_iter().chain(lengths).chain(tables).map(Some);
    let inputs: Vec<_> = [Some(qkv), None, None].into_iter().chain(rest).collect();
    let out = graph.node(op, &inputs, 3);
    graph.output("attended", out[0], DType::F32, [1.into(), "rows".into(), (HEADS * WIDTH).into()]);
    for (side, value) in ["key", "value"].into_iter().zip(&out[1..]) {
        graph.output(&format!("present.0.{side}"), *value, DType::F32, cache("present"));
    }
    graph
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_near_is_the_same() {
        compare("it", &[0.5, -1.0], &[0.501, -1.0]).unwrap();
        for wrong in [&[0.6, -1.0][..], &[f32::NAN, -1.0], &[f32::INFINITY, -1.0], &[0.5], &[0.5, -1.0, 0.0]] {
            assert!(compare("it", wrong, &[0.5, -1.0]).is_err(), "{wrong:?}");
        }
    }
}
