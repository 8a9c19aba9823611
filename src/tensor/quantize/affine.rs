//! A scale and a minimum for some numbers: `w ~ scale q + minimum`, q from 0 to `top`.

use super::nearest;

/// How much of a step the range is cut by, each in its turn: a few weights clipped are worth a finer grid for the rest.
const CUTS: [f32; 12] = [0.0, -0.5, 0.3, 0.6, 0.9, 1.2, 1.5, 1.8, 2.1, 2.4, 2.8, 3.2];

/// Strands in which sums run, so that they are vectors'.
const STRANDS: usize = 8;

/// What is found.
#[derive(Clone, Copy, Debug, Default)]
pub struct Affine {
    pub scale: f32,
    pub minimum: f32,
}

/// Sums over weights w, what they are rounded to q, and how much each counts.
#[derive(Clone, Copy, Default)]
struct Sums {
    n: f64,
    q: f64,
    qq: f64,
    w: f64,
    qw: f64,
    ww: f64,
}

impl Affine {
    /// The whole number that a weight becomes.
    pub fn round(self, w: f32, top: f32) -> f32 {
        let inverse = if self.scale > 0.0 { 1.0 / self.scale } else { 0.0 };
        nearest(((w - self.minimum) * inverse).clamp(0.0, top))
    }

    /// What rounding costs, each weight as much as its importance says.
    pub fn cost(self, numbers: &[f32], importance: &[f32], top: f32) -> f32 {
        let mut sums = [0.0f32; STRANDS];
        for (w, much) in numbers.chunks_exact(STRANDS).zip(importance.chunks_exact(STRANDS)) {
            for i in 0..STRANDS {
                let off = self.scale * self.round(w[i], top) + self.minimum - w[i];
                sums[i] += much[i] * off * off;
            }
        }
        sums.iter().sum()
    }

    /// The best of several cuts of the range, each settled by least squares. With `below` the minimum is 0 or less, as
    /// encodings want it that store it without a sign.
    pub fn fit(numbers: &[f32], importance: &[f32], top: f32, below: bool) -> Self {
        let low = numbers.iter().copied().fold(f32::INFINITY, f32::min);
        let low = if below { low.min(0.0) } else { low };
        let high = numbers.iter().copied().fold(f32::NEG_INFINITY, f32::max).max(low);
        let mut best = (f64::INFINITY, Self { scale: (high - low) / top, minimum: low });
        for cut in CUTS {
            let tried = Self { scale: (high - low) / (top + cut), minimum: low };
            let Some((cost, settled)) = tried.sums(numbers, importance, top).settled(below) else { continue };
            if cost < best.0 {
                best = (cost, settled);
            }
        }
        // Once more from there, for what is rounded otherwise by now.
        let again = best.1.sums(numbers, importance, top).settled(below);
        again.filter(|(cost, _)| *cost < best.0).unwrap_or(best).1
    }

    fn sums(self, numbers: &[f32], importance: &[f32], top: f32) -> Sums {
        let mut strands = [[0.0f32; STRANDS]; 6];
        for (w, much) in numbers.chunks_exact(STRANDS).zip(importance.chunks_exact(STRANDS)) {
            for i in 0..STRANDS {
                let (w, much) = (w[i], much[i]);
                let q = self.round(w, top);
                let terms = [much, much * q, much * q * q, much * w, much * q * w, much * w * w];
                strands.iter_mut().zip(terms).for_each(|(sums, term)| sums[i] += term);
            }
        }
        let [n, q, qq, w, qw, ww] = strands.map(|strand| strand.iter().copied().map(f64::from).sum());
        Sums { n, q, qq, w, qw, ww }
    }
}

impl Sums {
    /// Scale and minimum that fit best what weights are rounded to, and what that costs.
    fn settled(self, below: bool) -> Option<(f64, Affine)> {
        let Self { n, q, qq, w, qw, ww } = self;
        let determinant = n * qq - q * q;
        let (mut scale, mut minimum) = ((n * qw - q * w) / determinant, (qq * w - q * qw) / determinant);
        if below && minimum > 0.0 {
            (scale, minimum) = (qw / qq, 0.0);
        }
        let squares = ww + scale * scale * qq + minimum * minimum * n;
        let cost = squares + 2.0 * (scale * minimum * q - scale * qw - minimum * w);
        let affine = Affine { scale: scale as f32, minimum: minimum as f32 };
        (affine.scale > 0.0 && cost.is_finite()).then_some((cost, affine))
    }
}
