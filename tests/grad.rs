//! Gradients, held to finite differences of float64 functions that are written here once more, with ndarray.

mod flow;
mod loss;
mod optimizer;
mod reference;
mod rules;
mod slope;
