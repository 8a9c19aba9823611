//! What strips of the output layer give, joined as they come: see [`crate::grad::Strips`].

use super::ends;
use super::frozen::Weight;
use super::shape::Shape;
use super::step::{run, take};
use crate::engine::{Input, Session, Tensor};
use crate::error::Result;
use crate::grad::Strips;
use std::ops::Range;

/// What strips of the output layer have given for some rows; see [`ends::strip`].
pub(super) struct Given {
    chosen: Tensor,
    /// By the names of [`ends::joined`].
    joined: Vec<(&'static str, Tensor)>,
}

impl Given {
    /// Before the first strip.
    pub fn nothing(shape: &Shape, chosen: &[i64]) -> Result<Self> {
        let n = chosen.len();
        let joined = ends::joined(shape).map(|(name, width)| {
            let begin = if name == "largest" { Strips::LEAST } else { 0.0 };
            Ok((name, Tensor::f32(&[n, width], vec![begin; n * width])?))
        });
        let joined = joined.into_iter().collect::<Result<_>>()?;
        Ok(Self { chosen: Tensor::i64(&[n], chosen.to_vec())?, joined })
    }

    /// As what the graphs take.
    pub fn inputs(&self) -> Vec<(&str, Input<'_>)> {
        let joined = self.joined.iter().map(|(name, tensor)| (*name, Input::from(tensor)));
        joined.chain([("chosen", Input::from(&self.chosen))]).collect()
    }

    /// Takes in what the strip `w` gives, which is `rows` of the vocabulary.
    pub fn take(
        &mut self,
        session: &Session,
        x: &Tensor,
        w: &Tensor,
        rows: &Range<usize>,
        labels: &[i64],
        gain: &[Weight],
    ) -> Result<()> {
        let place = |label: &i64| usize::try_from(*label).ok().filter(|label| rows.contains(label));
        let local = labels.iter().map(|label| place(label).map_or(0, |label| (label - rows.start) as i64)).collect();
        let own = labels.iter().map(|label| if place(label).is_some() { 1.0 } else { 0.0 }).collect();
        let (local, own) = (Tensor::i64(&[labels.len()], local)?, Tensor::f32(&[labels.len(), 1], own)?);
        let mut inputs = self.inputs();
        inputs.extend([
            ("x", Input::from(x)),
            ("w", Input::from(w)),
            ("labels", Input::from(&local)),
            ("own", Input::from(&own)),
        ]);
        let names = self.joined.iter().map(|(name, tensor)| (format!("{name}_next"), tensor.shape()));
        let names: Vec<_> = names.collect();
        let made: Vec<(&str, &[usize])> = names.iter().map(|(name, shape)| (name.as_str(), &shape[..])).collect();
        let mut outputs = run(session, &inputs, &[gain], &made)?;
        for ((_, tensor), (name, _)) in self.joined.iter_mut().zip(&names) {
            *tensor = take(&mut outputs, name)?;
        }
        Ok(())
    }
}
