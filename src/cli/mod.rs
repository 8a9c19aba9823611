//! The command line, one file per command. Everything it does goes through the library's public face.
//!
//! | file | what it knows |
//! |---|---|
//! | `args` | the commands and the flags they share |
//! | `app` | where output goes, exit statuses |
//! | `failure` | what an error means for the exit status |
//! | `interrupt` | Ctrl-C |
//! | `progress` | bars |
//! | `style` | colours and columns |
//! | `answer` | the flags of a question, and how an answer looks; for `ask`, `chat` and `demo` |
//! | `served` | asking the service that runs in the same home |
//! | `clusters` | random vectors for `bench search` |
//! | the rest | one command each |

pub mod adapters;
pub mod answer;
pub mod app;
pub mod args;
pub mod arms;
pub mod ask;
pub mod backup;
pub mod bench;
pub mod chat;
pub mod clusters;
pub mod config;
pub mod demo;
pub mod doctor;
pub mod documents;
pub mod eval;
pub mod eval_answers;
pub mod export;
pub mod failure;
pub mod fault;
pub mod figures;
pub mod guide;
pub mod import;
pub mod ingest;
pub mod interrupt;
pub mod keys;
pub mod learn;
pub mod log;
pub mod models;
pub mod progress;
pub mod reader;
pub mod records;
pub mod search;
#[cfg(feature = "serve")]
pub mod serve;
#[cfg(feature = "serve")]
pub mod served;
pub mod shell;
pub mod sign;
pub mod status;
pub mod style;
pub mod train;
pub mod version;
pub mod walls;
pub mod wrap;
