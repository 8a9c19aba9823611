//! The C ABI: the library for firmware and for every language that calls C.
//!
//! | file | what it knows |
//! |---|---|
//! | `border` | the only one that follows a pointer: text, lists, structures that grow, results, panics |
//! | `status` | an error's kind as a number |
//! | `message` | the sentence of the latest error |
//! | `watch` | callbacks, and the wish to stop |
//! | `handle` | opening and closing |
//! | `lone` | work without a second thread |
//! | the rest | functions, as the public face has them |
//!
//! `wayside.h` is generated from these files by a test (`tests/capi/header.rs`), in this order; what a comment says
//! here, the header says. Results with a structure are JSON: new fields break nobody.

#![allow(unsafe_code, reason = "a name that C links is an unsafe attribute; only border.rs has unsafe code")]

mod answer;
mod border;
mod care;
mod chat;
mod handle;
mod knowledge;
mod learning;
mod lone;
mod message;
mod status;
mod version;
mod watch;
