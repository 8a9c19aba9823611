//! The exponential function, as plain arithmetic that the compiler makes into vectors.

/// e to the x within two units in the last place, after Cephes' `expf`: a power of two times a polynomial over half an
/// octave. What would underflow is the smallest normal number, what would overflow the largest power.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    let x = x.clamp(-87.0, 88.0);
    let octaves = (x * std::f32::consts::LOG2_E).round_ties_even();
    // ln 2 in two parts, the first with so few bits that its products are exact.
    let r = octaves.mul_add(-0.693_359_4, x);
    let r = octaves.mul_add(2.121_944_4e-4, r);
    let p = 1.987_569_1e-4_f32;
    let p = p.mul_add(r, 1.398_199_9e-3);
    let p = p.mul_add(r, 8.333_452e-3);
    let p = p.mul_add(r, 4.166_579_6e-2);
    let p = p.mul_add(r, 1.666_666_5e-1);
    let p = p.mul_add(r, 0.5);
    let p = p.mul_add(r * r, r + 1.0);
    // A number from which on a float counts by ones: what is added to it lies in the last bits as an integer.
    const ONES: f32 = 12_582_912.0;
    p * f32::from_bits((octaves + (ONES + 127.0)).to_bits() << 23)
}
