//! The service on the device, as programs and browsers meet it: the built program, on real models, over real sockets.

#![cfg(feature = "serve")]

mod api;
mod command;
mod doors;
mod forms;
pub mod service;
mod trouble;
