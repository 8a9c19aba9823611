//! Rotary positions: which angle turns which numbers of a head, and the tables of it.

use serde::{Deserialize, Serialize};
use std::f64::consts::TAU;
use std::ops::Range;

/// How positions turn into angles.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rope {
    /// The base of the frequencies.
    pub theta: f64,
    /// How many numbers of a head are turned, from the first on; an even number.
    pub width: usize,
    /// What is done to the frequencies.
    pub scaling: Scaling,
}

impl Rope {
    /// What the table of a model's `at`th rope is called in its graph; `which` is "cosines" or "sines".
    pub fn table(at: usize, which: &str) -> String {
        if at == 0 { format!("rope.{which}") } else { format!("rope.{at}.{which}") }
    }

    /// As text, for an attribute.
    pub fn encode(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// From text; none where it says nothing that can be.
    pub fn decode(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok().filter(|rope: &Self| rope.width.is_multiple_of(2))
    }

    /// Cosines and sines of some positions, each `[positions, width / 2]`.
    pub fn tables(&self, positions: Range<usize>) -> [Vec<f32>; 2] {
        let frequencies: Vec<f64> = (0..self.width / 2).map(|pair| self.frequency(pair)).collect();
        let stretch = match self.scaling {
            Scaling::Yarn { stretch, .. } | Scaling::Divisors { stretch, .. } => stretch,
            _ => 1.0,
        };
        let angles = positions.flat_map(|p| frequencies.iter().map(move |f| p as f64 * f));
        let (cosines, sines) = angles.map(|a| ((stretch * a.cos()) as f32, (stretch * a.sin()) as f32)).unzip();
        [cosines, sines]
    }

    /// The angle from one position to the next.
    fn frequency(&self, pair: usize) -> f64 {
        let (width, theta) = (self.width as f64, self.theta);
        let frequency = theta.powf(-((2 * pair) as f64) / width);
        match &self.scaling {
            Scaling::None => frequency,
            Scaling::Linear { factor } => frequency / factor,
            Scaling::Divisors { divisors, .. } => frequency / f64::from(divisors.get(pair).copied().unwrap_or(1.0)),
            Scaling::Llama3 { factor, low, high, original } => {
                let turns = original * frequency / TAU;
                let keep = ((turns - low) / (high - low)).clamp(0.0, 1.0);
                frequency * (keep + (1.0 - keep) / factor)
            }
            Scaling::Yarn { factor, fast, slow, original, whole, .. } => {
                // The pair that turns so often within the original context.
                let pair_of = |turns: f64| width * (original / (turns * TAU)).ln() / (2.0 * theta.ln());
                let (begin, end) = (pair_of(*fast), pair_of(*slow));
                let (begin, end) = if *whole { (begin.floor(), end.ceil()) } else { (begin, end) };
                let (begin, end) = (begin.max(0.0), end.min(width - 1.0));
                let end = if begin == end { end + 0.001 } else { end };
                let divided = ((pair as f64 - begin) / (end - begin)).clamp(0.0, 1.0);
                frequency * (1.0 - divided + divided / factor)
            }
        }
    }
}

/// What is done to the frequencies of a rope.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Scaling {
    /// Nothing.
    None,
    /// All are divided.
    Linear {
        /// By this.
        factor: f64,
    },
    /// Llama 3: low frequencies are divided, high ones kept, with a ramp between.
    Llama3 {
        /// What low ones are divided by.
        factor: f64,
        /// Turns within the original context below which a frequency is low.
        low: f64,
        /// Turns above which it is high.
        high: f64,
        /// The context it was trained with first.
        original: f64,
    },
    /// YaRN: a ramp over the pairs of a head, and longer heads.
    Yarn {
        /// What low frequencies are divided by.
        factor: f64,
        /// Turns within the original context above which a frequency is kept.
        fast: f64,
        /// Turns below which it is divided.
        slow: f64,
        /// The context it was trained with first.
        original: f64,
        /// What cosines and sines are multiplied by.
        stretch: f64,
        /// Whether the ramp begins and ends at whole pairs.
        whole: bool,
    },
    /// A divisor for each pair: GGUF's `rope_freqs`, and LongRoPE.
    Divisors {
        /// They, `width / 2`.
        divisors: Vec<f32>,
        /// What cosines and sines are multiplied by.
        stretch: f64,
    },
}
