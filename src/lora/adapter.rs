//! An adapter's numbers: for each matrix W it changes, A and B with `y = W x + scaling B A x`.

use super::config::{LoraConfig, Target};
use super::peft;
use crate::error::{Error, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

/// A matrix of the model, by layer and target. Shown as `model.layers.3.self_attn.q_proj`, its name in transformers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Module {
    /// The layer, from 0.
    pub layer: usize,
    /// The matrix in it.
    pub target: Target,
}

impl Module {
    /// The module that is shown as `name`.
    pub fn parse(name: &str) -> Option<Self> {
        let (number, path) = name.strip_prefix("model.layers.")?.split_once('.')?;
        let module = Self { layer: number.parse().ok()?, target: Target::at_path(path)? };
        // "+3" and "03" are numbers too, and would give one module two names.
        (module.layer.to_string() == number).then_some(module)
    }
}

impl fmt::Display for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "model.layers.{}.{}", self.layer, self.target.path())
    }
}

/// The two factors of one matrix's change.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// A, `[rank, inputs]`, row by row.
    pub a: Vec<f32>,
    /// B, `[outputs, rank]`, row by row.
    pub b: Vec<f32>,
    /// Columns of the matrix.
    pub inputs: usize,
    /// Rows of the matrix.
    pub outputs: usize,
}

/// What training learns and PEFT's files hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Adapter {
    /// Shape and scale.
    pub config: LoraConfig,
    /// The factors. A module without any stays as it is.
    pub pairs: BTreeMap<Module, Pair>,
}

impl Adapter {
    /// Reads `adapter_config.json` and `adapter_model.safetensors` in `dir`, as PEFT or [`Adapter::write`] left them.
    ///
    /// The tensors decide which modules are changed, whatever list or pattern the configuration has.
    ///
    /// Errors: `NotFound` for a missing file, `Corrupt` for a damaged one or shapes that contradict each other,
    /// `Unsupported` for what is not plain LoRA on a decoder's linear layers, `Invalid` for an adapter that changes
    /// nothing.
    pub fn read(dir: &Path) -> Result<Self> {
        let adapter = peft::read(dir)?;
        if adapter.changes_nothing() {
            return Err(Error::invalid(format!(
                "the adapter in {} changes nothing: all its updates are zero; train it before it is used",
                dir.display()
            )));
        }
        Ok(adapter)
    }

    /// Writes the two files into `dir`, a folder that is still being made. The same adapter gives the same bytes.
    ///
    /// `base` is the name of the model it belongs to, for PEFT's users to read.
    pub fn write(&self, dir: &Path, base: &str) -> Result<()> {
        self.check_numbers()?;
        peft::write(self, dir, base)
    }

    /// Whether the adapter fits a model with so many `layers`, where `shapes` gives a module's outputs and inputs, or
    /// none for a module the model does not have.
    ///
    /// Errors: `Incompatible` when it was made for another model; `Corrupt` or `Invalid` when its own numbers are
    /// wrong.
    pub fn check(&self, shapes: &dyn Fn(Module) -> Option<(usize, usize)>, layers: usize) -> Result<()> {
        self.check_numbers()?;
        for (module, pair) in &self.pairs {
            let Some((outputs, inputs)) = shapes(*module).filter(|_| module.layer < layers) else {
                return Err(Error::incompatible(format!(
                    "the adapter changes {module}, which a model of {layers} layers does not have; choose the model it was trained on"
                )));
            };
            if (pair.outputs, pair.inputs) != (outputs, inputs) {
                return Err(Error::incompatible(format!(
                    "the adapter takes {module} for {} x {}, in this model it is {outputs} x {inputs}; choose the model it was trained on",
                    pair.outputs, pair.inputs
                )));
            }
        }
        Ok(())
    }

    /// Whether every update is zero, as in an adapter that was never trained: B begins as zeros.
    pub fn changes_nothing(&self) -> bool {
        let rank = self.config.rank;
        let update = |pair: &Pair| {
            // B A is the sum over r of column r of B times row r of A.
            let rows = pair.a.chunks_exact(pair.inputs.max(1));
            rows.enumerate().any(|(r, row)| {
                row.iter().any(|x| *x != 0.0) && pair.b.iter().skip(r).step_by(rank.max(1)).any(|x| *x != 0.0)
            })
        };
        !self.pairs.values().any(update)
    }

    /// How many numbers it has.
    pub fn parameters(&self) -> usize {
        self.pairs.values().map(|pair| pair.a.len() + pair.b.len()).sum()
    }

    /// The module it changes most, and by how much: the root mean square of the update of its weights.
    pub fn largest_change(&self) -> Option<(Module, f64)> {
        let changes = self.pairs.iter().map(|(module, pair)| (*module, self.change(pair)));
        changes.max_by(|(_, a), (_, b)| a.total_cmp(b))
    }

    /// |B A| from the factors' Gram matrices, `|B A|^2 = sum over i, j of (B^T B)ij (A A^T)ij`: no product as large as
    /// the matrix is made.
    fn change(&self, pair: &Pair) -> f64 {
        let rank = self.config.rank;
        let row = |i: usize| pair.a.chunks_exact(pair.inputs.max(1)).nth(i).unwrap_or_default().iter();
        let column = |i: usize| pair.b.iter().skip(i).step_by(rank.max(1));
        let mut sum = 0.0;
        for i in 0..rank {
            for j in 0..rank {
                let a: f64 = row(i).zip(row(j)).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum();
                let b: f64 = column(i).zip(column(j)).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum();
                sum += a * b;
            }
        }
        let weights = (pair.inputs * pair.outputs).max(1) as f64;
        // Rounding may leave a sum of squares a little below zero; what is no number stays none.
        f64::from(self.config.scaling()) * (sum / weights).clamp(0.0, f64::INFINITY).sqrt()
    }

    /// Everything that can be said without knowing the model.
    pub(super) fn check_numbers(&self) -> Result<()> {
        if self.pairs.is_empty() {
            return Err(Error::invalid("the adapter has no matrices; train it on some"));
        }
        self.config.check()?;
        let rank = self.config.rank;
        for (module, pair) in &self.pairs {
            let long = |n: usize| n > 0 && rank.checked_mul(n).is_some();
            let fits = long(pair.inputs) && long(pair.outputs);
            if !fits || pair.a.len() != rank * pair.inputs || pair.b.len() != rank * pair.outputs {
                return Err(Error::corrupt(format!(
                    "the adapter's matrices for {module} are not those of rank {rank} over {} x {}",
                    pair.outputs, pair.inputs
                )));
            }
            if !pair.a.iter().chain(&pair.b).all(|x| x.is_finite()) {
                return Err(Error::corrupt(format!(
                    "the adapter's matrices for {module} hold numbers that are not finite; its training diverged, so train it again with a smaller learning rate"
                )));
            }
        }
        let changed: BTreeSet<Target> = self.pairs.keys().map(|m| m.target).collect();
        match changed.iter().find(|t| !self.config.targets.contains(t)) {
            Some(target) => Err(Error::corrupt(format!("the adapter changes {target}, which is none of its targets"))),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::error::ErrorKind;

    /// Two layers, q and down, rank 2; numbers that differ everywhere.
    pub fn example() -> Adapter {
        let config =
            LoraConfig { rank: 2, alpha: 3.0, targets: vec![Target::Query, Target::Down], ..Default::default() };
        let mut adapter = Adapter { config, pairs: BTreeMap::new() };
        for layer in 0..2 {
            for (target, outputs, inputs) in [(Target::Query, 4, 3), (Target::Down, 3, 5)] {
                let numbers = |n: usize| (0..2 * n).map(|i| (i + layer + 1) as f32 / 8.0).collect();
                let pair = Pair { a: numbers(inputs), b: numbers(outputs), inputs, outputs };
                adapter.pairs.insert(Module { layer, target }, pair);
            }
        }
        adapter
    }

    pub fn shapes(module: Module) -> Option<(usize, usize)> {
        match module.target {
            Target::Query => Some((4, 3)),
            Target::Down => Some((3, 5)),
            _ => None,
        }
    }

    fn query(adapter: &mut Adapter) -> &mut Pair {
        adapter.pairs.get_mut(&Module { layer: 1, target: Target::Query }).unwrap()
    }

    #[test]
    fn modules_have_one_name_each_way() {
        let module = Module { layer: 13, target: Target::Gate };
        assert_eq!(module.to_string(), "model.layers.13.mlp.gate_proj");
        assert_eq!(Module::parse("model.layers.13.mlp.gate_proj"), Some(module));
        for bad in
            ["13.mlp.gate_proj", "model.layers.+1.mlp.up_proj", "model.layers.01.mlp.up_proj", "model.layers.1.up"]
        {
            assert_eq!(Module::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_adapter_for_another_model_is_told_from_a_broken_one() {
        example().check(&shapes, 2).unwrap();
        let kind = |shapes: &dyn Fn(Module) -> Option<(usize, usize)>, layers| {
            example().check(shapes, layers).unwrap_err().kind()
        };
        assert_eq!(kind(&shapes, 1), ErrorKind::Incompatible);
        assert_eq!(kind(&|_| None, 2), ErrorKind::Incompatible);
        assert_eq!(kind(&|_| Some((4, 3)), 2), ErrorKind::Incompatible);
        type Change = fn(&mut Adapter);
        let changes: [(Change, ErrorKind); 6] = [
            (|a| query(a).a[3] = f32::NAN, ErrorKind::Corrupt),
            (|a| query(a).b[3] = f32::INFINITY, ErrorKind::Corrupt),
            (|a| query(a).b.truncate(3), ErrorKind::Corrupt),
            (|a| query(a).inputs = usize::MAX, ErrorKind::Corrupt),
            (|a| a.config.targets = vec![Target::Down], ErrorKind::Corrupt),
            (|a| a.pairs.clear(), ErrorKind::Invalid),
        ];
        for (i, (change, kind)) in changes.into_iter().enumerate() {
            let mut adapter = example();
            change(&mut adapter);
            assert_eq!(adapter.check(&shapes, 2).unwrap_err().kind(), kind, "{i}");
        }
    }

    #[test]
    fn an_update_of_zero_is_seen_whichever_factor_makes_it() {
        let zeroed = |change: fn(&mut Pair)| {
            let mut adapter = example();
            adapter.pairs.values_mut().for_each(change);
            adapter.changes_nothing()
        };
        assert!(!zeroed(|_| {}));
        assert!(zeroed(|p| p.b.fill(0.0)));
        assert!(zeroed(|p| p.a.fill(0.0)));
        // Row 0 of A meets column 0 of B, and that is zero; so is row 1 of A.
        let crossed = |p: &mut Pair| {
            p.a[p.inputs..].fill(0.0);
            p.b.iter_mut().step_by(2).for_each(|x| *x = 0.0);
        };
        assert!(zeroed(crossed));
        let mut adapter = example();
        adapter.pairs.values_mut().skip(1).for_each(|p| p.b.fill(0.0));
        assert!(!adapter.changes_nothing(), "one is enough");
    }
}
