//! Vectors as bytes, and their dot product read where they lie.
//!
//! Float32, little-endian, at any alignment: the bytes come from a memory map and are not copied.

use crate::error::{Error, Result};
use multiversion::multiversion;

/// Bytes of a number.
pub(super) const FLOAT: usize = 4;
/// Sums that run side by side, so that the processor need not wait for the one before: 16 fill one AVX-512 or four
/// SSE or NEON registers.
const LANES: usize = 16;

/// The dot product of `query` and the vector in `bytes`, which is as long.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2"))]
pub(super) fn dot(query: &[f32], bytes: &[u8]) -> f32 {
    let (groups, rest) = query.as_chunks::<LANES>();
    let (byte_groups, byte_rest) = bytes.as_chunks::<{ LANES * FLOAT }>();
    let mut sums = [0.0f32; LANES];
    for (q, b) in groups.iter().zip(byte_groups) {
        let (v, _) = b.as_chunks::<FLOAT>();
        for ((sum, q), v) in sums.iter_mut().zip(q).zip(v) {
            *sum += q * f32::from_le_bytes(*v);
        }
    }
    let (last, _) = byte_rest.as_chunks::<FLOAT>();
    let tail: f32 = rest.iter().zip(last).map(|(q, v)| q * f32::from_le_bytes(*v)).sum();
    sums.iter().sum::<f32>() + tail
}

/// Appends a vector's bytes.
pub(super) fn push(bytes: &mut Vec<u8>, vector: &[f32]) {
    bytes.extend(vector.iter().flat_map(|x| x.to_le_bytes()));
}

/// The vector in `bytes`.
pub(super) fn read(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<FLOAT>().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
}

/// Scales `vector` to length one, so that dot products are cosines.
///
/// Invalid when it has no direction: empty, all zero, or holding what is no number.
pub(super) fn normalize(vector: &mut [f32]) -> Result<()> {
    let length = vector.iter().map(|x| f64::from(*x) * f64::from(*x)).sum::<f64>().sqrt();
    if !length.is_finite() || length == 0.0 {
        return Err(Error::invalid("a vector needs finite numbers that are not all zero"));
    }
    for x in vector {
        *x = (f64::from(*x) / length) as f32;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn dot_is_the_sum_of_products_at_any_alignment(
            pairs in prop::collection::vec((-1.0f32..1.0, -1.0f32..1.0), 0..100), shift in 0..4usize,
        ) {
            let (a, b): (Vec<f32>, Vec<f32>) = pairs.iter().copied().unzip();
            let mut bytes = vec![0; shift];
            push(&mut bytes, &b);
            let expected: f64 = pairs.iter().map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
            prop_assert!((f64::from(dot(&a, &bytes[shift..])) - expected).abs() < 1e-4);
            prop_assert_eq!(read(&bytes[shift..]), b);
        }

        #[test]
        fn normalizing_gives_length_one_or_an_error(mut vector: Vec<f32>) {
            if normalize(&mut vector).is_ok() {
                let length: f64 = vector.iter().map(|x| f64::from(*x).powi(2)).sum();
                prop_assert!((length - 1.0).abs() < 1e-3, "{length}");
            }
        }
    }

    #[test]
    fn vectors_without_a_direction_are_refused() {
        for mut vector in [vec![], vec![0.0; 3], vec![f32::NAN, 1.0], vec![f32::INFINITY, 1.0]] {
            assert!(normalize(&mut vector).is_err(), "{vector:?}");
        }
        let mut large = [f32::MAX, f32::MAX];
        normalize(&mut large).unwrap();
        assert!((large[0] - 0.5f32.sqrt()).abs() < 1e-6);
    }
}
