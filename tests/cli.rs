//! The built program, as people and scripts use it: on real models, real folders and real processes.

mod adapters;
mod asked;
mod backup;
mod demo;
mod device;
mod erase;
mod gate;
pub mod home;
mod interrupt;
mod json;
mod keyed;
mod languages;
pub mod learn;
mod places;
mod pty;
mod records;
mod secrets;
mod shared;
mod signatures;
mod soak;
mod status;
mod terminal;
mod train;
mod trouble;
mod twenty;
mod words;
