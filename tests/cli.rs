//! The built program, as people and scripts use it: on real models, real folders and real processes.

mod adapters;
mod erase;
mod home;
mod interrupt;
mod json;
mod soak;
mod train;
mod trouble;
mod words;
