//! Integration tests, one binary. Each module is one promise of the README.

mod golden;
mod support;
