//! Adapters: what training learns, as PEFT keeps it, and a library of them.
//!
//! ```text
//! adapters/<id>/
//!   wayside.json                what it belongs to and what it was made from        (manifest.rs)
//!   adapter_config.json         PEFT's: rank, scale, targets                        (peft.rs)
//!   adapter_model.safetensors   PEFT's: A and B of each module, float32
//! ```
//!
//! Nothing here computes: an adapter is numbers with names.

mod adapter;
mod config;
mod library;
mod manifest;
mod peft;

pub use adapter::{Adapter, Module, Pair};
pub use config::{LoraConfig, Target};
pub use library::{Entry, Library};
pub use manifest::{Dataset, Kind, Lineage, Manifest};
