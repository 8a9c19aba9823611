//! What files say of rotary positions; the angles themselves are [`crate::bundle::Rope`]'s.

/// How much longer YaRN makes heads whose frequencies it divides by `factor`; `by` is 1 unless a model says otherwise.
pub(super) fn stretch(factor: f64, by: f64) -> f64 {
    if factor > 1.0 { 0.1 * by * factor.ln() + 1.0 } else { 1.0 }
}
