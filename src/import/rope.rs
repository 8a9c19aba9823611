//! Rotary position tables, with the stretches that long-context models use.

/// How positions turn into angles.
#[derive(Clone, Debug)]
pub(super) struct Rope {
    pub theta: f64,
    pub scaling: Scaling,
}

/// What is done to the frequencies.
#[derive(Clone, Debug)]
pub(super) enum Scaling {
    None,
    /// Every frequency divided.
    Linear(f64),
    /// Llama 3: low frequencies divided, high ones kept, a ramp between.
    Llama3 {
        factor: f64,
        low: f64,
        high: f64,
        original: f64,
    },
    /// A divisor for each frequency, as GGUF's `rope_freqs` holds it.
    Divisors(Vec<f32>),
}

impl Rope {
    /// Cosines and sines, each `[positions, head_dim / 2]`.
    pub fn tables(&self, positions: usize, head_dim: usize) -> (Vec<f32>, Vec<f32>) {
        let frequencies: Vec<f64> =
            (0..head_dim / 2).map(|i| self.stretch(i, self.theta.powf(-((2 * i) as f64) / head_dim as f64))).collect();
        let angles = || (0..positions).flat_map(|p| frequencies.iter().map(move |f| p as f64 * f));
        (angles().map(|a| a.cos() as f32).collect(), angles().map(|a| a.sin() as f32).collect())
    }

    fn stretch(&self, i: usize, frequency: f64) -> f64 {
        match &self.scaling {
            Scaling::None => frequency,
            Scaling::Linear(factor) => frequency / factor,
            Scaling::Divisors(divisors) => frequency / f64::from(divisors.get(i).copied().unwrap_or(1.0)),
            Scaling::Llama3 { factor, low, high, original } => {
                let turns = original * frequency / std::f64::consts::TAU;
                let keep = ((turns - low) / (high - low)).clamp(0.0, 1.0);
                frequency * (keep + (1.0 - keep) / factor)
            }
        }
    }
}
