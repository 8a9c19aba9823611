//! Numbers into blocks, for models that come without: a search over scales, in the encodings that everybody reads.
//!
//! ```text
//! bits   rows of whole blocks of 256   others   tables and output layers
//! 8      Q8_0                          Q8_0     Q8_0
//! 4      Q4_K                          Q4_1     Q6_K, or Q8_0 for others
//! ```
//!
//! What is minimised is the square of what rounding does to each weight, and large weights count for more: products
//! with them are what activations carry on.

mod affine;
mod q4_1;
mod q4_k;
mod q6_k;
mod q8_0;

use super::{Bits, Encoding, Tensor};
use crate::error::{Error, Result};
use crate::thread;
use affine::Affine;
use half::f16;

/// The encoding that rows of `columns` numbers are rounded to.
pub fn target(bits: Bits, columns: usize, table: bool) -> Encoding {
    let whole = columns.is_multiple_of(Encoding::Q4_K.block().0);
    match (bits, whole, table) {
        (Bits::Int4, true, false) => Encoding::Q4_K,
        (Bits::Int4, false, false) => Encoding::Q4_1,
        (Bits::Int4, true, true) => Encoding::Q6_K,
        (Bits::Int8, ..) | (Bits::Int4, false, true) => Encoding::Q8_0,
    }
}

/// Rows of a tensor in the order `order` names them, in an encoding that [`target`] names; all processors help.
///
/// Errors: `Io` when no thread can be begun.
pub fn quantized(tensor: &Tensor<'_>, order: &[usize], encoding: Encoding) -> Result<Vec<u8>> {
    let some = |order: &[usize]| {
        let mut numbers = vec![0.0; tensor.matrix().1];
        let mut bytes = Vec::new();
        for row in order {
            tensor.encoding.decode(tensor.row(*row), &mut numbers);
            quantize(encoding, &numbers, &mut bytes);
        }
        bytes
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let shares = order.chunks(order.len().div_ceil(threads).max(1));
        let begin = |order| thread::spawn_in(scope, "quantize", move || some(order));
        let running = shares.map(begin).collect::<Result<Vec<_>>>()?;
        let mut bytes = Vec::new();
        for share in running {
            bytes.extend(share.join().map_err(|_| Error::engine("a tensor could not be quantized"))?);
        }
        Ok(bytes)
    })
}

/// Appends whole blocks of `numbers` to `out`.
fn quantize(encoding: Encoding, numbers: &[f32], out: &mut Vec<u8>) {
    let write: fn(&[f32], &mut Vec<u8>) = match encoding {
        Encoding::Q8_0 => q8_0::write,
        Encoding::Q4_1 => q4_1::write,
        Encoding::Q4_K => q4_k::write,
        Encoding::Q6_K => q6_k::write,
        _ => return,
    };
    numbers.chunks_exact(encoding.block().0).for_each(|block| write(block, out));
}

/// A number in half precision, as it is read again.
fn halved(number: f32) -> (f16, f32) {
    // What has no half is the largest there is: blocks that hold such weights are nobody's.
    let half = f16::from_f32(number.clamp(f16::MIN.to_f32(), f16::MAX.to_f32()));
    (half, half.to_f32())
}

/// Eight bits for some weights: the scale, and how many steps of it each is.
pub fn symmetric(block: &[f32]) -> (f32, impl Iterator<Item = f32>) {
    let (scale, steps) = q8_0::round(block);
    (scale.to_f32(), steps)
}

/// Four bits for some weights, with a scale and a minimum that may be any.
pub fn affine(block: &[f32]) -> Affine {
    Affine::fit(block, &importance(block), 15.0, false)
}

/// The nearest whole number, ties to the even one, of a number of less than 22 bits: without the call that processors
/// need which have no instruction for it.
fn nearest(x: f32) -> f32 {
    /// Where a step of float32 is 1.
    const WHOLE: f32 = 1.5 * (1 << 23) as f32;
    (x + WHOLE) - WHOLE
}

/// How much the error of each weight counts.
fn importance(block: &[f32]) -> Vec<f32> {
    let mean = (block.iter().map(|w| w * w).sum::<f32>() / block.len() as f32).sqrt();
    block.iter().map(|w| mean + w.abs()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn there_and_back(encoding: Encoding, row: &[f32]) -> Vec<f32> {
        let (numbers, width) = encoding.block();
        let mut bytes = Vec::new();
        quantize(encoding, row, &mut bytes);
        assert_eq!(bytes.len(), row.len() / numbers * width);
        let mut back = vec![f32::NAN; row.len()];
        encoding.decode(&bytes, &mut back);
        back
    }

    /// The largest step that an encoding may take over a row, of the row's range.
    fn step(encoding: Encoding) -> f32 {
        match encoding {
            Encoding::Q8_0 => 1.0 / 254.0,
            Encoding::Q6_K => 1.0 / 60.0,
            _ => 1.0 / 14.0,
        }
    }

    proptest! {
        #[test]
        fn no_weight_moves_further_than_a_step(row in prop::collection::vec(-3f32..3.0, 512)) {
            for encoding in [Encoding::Q8_0, Encoding::Q4_1, Encoding::Q4_K, Encoding::Q6_K] {
                let back = there_and_back(encoding, &row);
                for (was, is) in row.iter().zip(&back) {
                    prop_assert!((was - is).abs() <= 6.0 * step(encoding), "{encoding:?}: {was} became {is}");
                }
            }
        }

        #[test]
        fn what_was_rounded_stays(seed in prop::collection::vec(-1f32..1.0, 256)) {
            for encoding in [Encoding::Q8_0, Encoding::Q4_1, Encoding::Q4_K, Encoding::Q6_K] {
                let once = there_and_back(encoding, &seed);
                let twice = there_and_back(encoding, &once);
                let largest = once.iter().fold(0.0f32, |a, w| a.max(w.abs()));
                let error: f32 = once.iter().zip(&twice).map(|(a, b)| (a - b).powi(2)).sum::<f32>() / 256.0;
                prop_assert!(error.sqrt() <= 0.12 * step(encoding) * 2.0 * largest, "{encoding:?}: {}", error.sqrt());
            }
        }
    }

    #[test]
    fn nothing_stays_nothing_and_one_value_stays() {
        for encoding in [Encoding::Q8_0, Encoding::Q4_1, Encoding::Q4_K, Encoding::Q6_K] {
            assert!(there_and_back(encoding, &[0.0; 256]).iter().all(|w| *w == 0.0), "{encoding:?}");
            for value in [0.25f32, -0.25, 1e-20, f32::MAX] {
                let back = there_and_back(encoding, &[value; 256]);
                assert!(back.iter().all(|w| w.is_finite()), "{encoding:?} of {value}");
                if value.abs() == 0.25 {
                    assert!(back.iter().all(|w| (w - value).abs() < 0.005), "{encoding:?}: {} for {value}", back[0]);
                }
            }
        }
    }
}
