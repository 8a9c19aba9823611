//! Integration tests, one binary. Each module is one promise of the README.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod campaign;
mod capi;
mod cli;
mod examples;
mod golden;
mod grad;
mod import;
mod learn;
mod runner;
mod serve;
mod support;
mod tidy;
