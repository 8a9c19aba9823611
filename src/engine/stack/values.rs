//! What a stack reads and writes: inputs of the node, its outputs, and arrays of its own that values take in turn.

use crate::kernel::{Place, Program};
use std::collections::HashMap;

/// Where a value that a step makes lies.
#[derive(Clone, Copy, Debug)]
pub enum Home {
    /// In an output of the node.
    Output(usize),
    /// In one of its own arrays.
    Array(usize),
}

/// A matrix's extents.
#[derive(Clone, Copy, Debug)]
pub struct Extents {
    /// The input whose leading axes it has.
    pub like: usize,
    pub rows: usize,
    pub width: usize,
}

/// Where the values of a program lie: an array is taken again once nobody reads what is in it.
pub fn homes(program: &Program) -> Vec<Home> {
    let last_read = |made: usize| program.steps.iter().rposition(|s| s.reads.contains(&Some(Place::Made(made))));
    let mut homes = Vec::with_capacity(program.made());
    // For each array the value in it.
    let mut arrays: Vec<usize> = Vec::new();
    for (at, step) in program.steps.iter().enumerate() {
        for made in step.makes.iter().copied() {
            homes.push(match program.outputs.iter().position(|o| *o == made) {
                Some(output) => Home::Output(output),
                None => {
                    // What this step reads or makes stays where it is until the step is done.
                    let over = |value: &usize| !step.makes.contains(value) && last_read(*value).is_none_or(|l| l < at);
                    let array = arrays.iter().position(over).unwrap_or(arrays.len());
                    arrays.resize(arrays.len().max(array + 1), made);
                    arrays[array] = made;
                    Home::Array(array)
                }
            });
        }
    }
    homes
}

/// The values of one run.
pub struct Values<'a> {
    pub inputs: Vec<Option<&'a [f32]>>,
    /// Constants in the file of weights, by where they begin.
    pub stored: HashMap<usize, &'a [f32]>,
    pub outputs: Vec<&'a mut [f32]>,
    pub arrays: &'a mut Vec<Vec<f32>>,
    pub homes: &'a [Home],
    pub extents: Vec<Extents>,
}

impl Values<'_> {
    /// What lies at a place; nothing where there are no float32 numbers.
    pub fn read(&self, place: Place) -> &[f32] {
        match place {
            Place::Input(i) => self.inputs[i].unwrap_or_default(),
            Place::Stored { offset, .. } => self.stored.get(&offset).copied().unwrap_or_default(),
            Place::Made(made) => match self.homes[made] {
                Home::Output(o) => self.outputs[o],
                Home::Array(a) => &self.arrays[a][..self.extents[made].rows * self.extents[made].width],
            },
        }
    }

    /// Writes a value with `write`, which reads others meanwhile.
    pub fn write(&mut self, made: usize, write: impl FnOnce(&mut Self, &mut [f32])) {
        let numbers = self.extents[made].rows * self.extents[made].width;
        match self.homes[made] {
            Home::Output(o) => {
                let output = std::mem::take(&mut self.outputs[o]);
                write(self, output);
                self.outputs[o] = output;
            }
            Home::Array(a) => {
                let mut array = std::mem::take(&mut self.arrays[a]);
                if array.len() < numbers {
                    array.resize(numbers, 0.0);
                }
                write(self, &mut array[..numbers]);
                self.arrays[a] = array;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{Step, Work};

    #[test]
    fn an_array_is_taken_again_when_nobody_reads_it() {
        let step = |reads: &[Place], makes: &[usize]| Step {
            work: Work::Add,
            reads: reads.iter().copied().map(Some).collect(),
            makes: makes.to_vec(),
        };
        let made = Place::Made;
        let steps = vec![
            step(&[Place::Input(0)], &[0]),
            step(&[made(0)], &[1, 2]),
            step(&[made(1)], &[3]),
            step(&[made(3), made(2)], &[4]),
            step(&[made(4)], &[5]),
        ];
        let homes = homes(&Program { steps, outputs: vec![5] });
        let arrays: Vec<_> =
            homes.iter().filter_map(|h| if let Home::Array(a) = h { Some(*a) } else { None }).collect();
        assert_eq!(arrays, [0, 1, 2, 0, 1]);
        assert!(matches!(homes[5], Home::Output(0)));
    }
}
