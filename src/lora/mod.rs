//! Adapters: what training learns, as PEFT keeps it, and a library of them.
//!
//! ```text
//! adapters/<id>/
//!   wayside.json                what it belongs to and what it was made from        (manifest.rs)
//!   adapter_config.json         PEFT's: rank, scale, targets                        (peft.rs)
//!   adapter_model.safetensors   PEFT's: A and B of each module, float32
//! ```
//!
//! Nothing here computes: an adapter is numbers with names. `places` says where they go in a model's graph, `factors`
//! in which arrays, `inject` puts them there as inputs, `merge` as constants of a new bundle.

mod adapter;
mod base;
mod config;
mod factors;
mod inject;
mod library;
mod manifest;
mod merge;
mod peft;
mod places;

pub use adapter::{Adapter, Module, Pair};
pub use base::check_base;
pub use config::{LoraConfig, Target};
pub use factors::Factors;
pub use inject::inject;
pub use library::{Entry, Library};
pub(crate) use manifest::ID_DIGITS;
pub use manifest::{Dataset, Kind, Lineage, Manifest};
pub use merge::merge;
pub use places::{Place, Places};
