//! What is on the disk, damaged: every durable file, byte by byte and page by page, looked at by the program.
//!
//! ```text
//! cargo test --release --test wayside -- --ignored --nocapture campaign
//! ```
//!
//! prints a report: how many were tried, and how many ended as an error, as what was there before, or otherwise.
//! `WAYSIDE_CAMPAIGN` is how many of each kind, 2,500 otherwise; `WAYSIDE_CAMPAIGN_SEED` which.

mod damage;
mod stores;
