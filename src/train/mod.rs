//! Training: examples out of what people have, and the graphs that learn from them, in an order and at a rate that can
//! be taken up again after a power cut.
//!
//! ```text
//! documents ──► text_data ─┐                        ┌─► checkpoint
//!                          ├─► examples ──► order ──┤      step, position, losses, arrays
//! chats ──► chat_data ─────┘               schedule └─► curve
//! ```
//!
//! | file | what it knows |
//! |---|---|
//! | `language` | how a model reads: tokenizer, chat template, marks |
//! | `example` | tokens, and which of them are learnt |
//! | `data` | examples with where they come from and what was left out |
//! | `text_data` | documents to windows |
//! | `chat_data`, `turn` | conversations to examples, loss on the answers alone |
//! | `order` | which examples go into which step |
//! | `schedule` | the learning rate at a step |
//! | `checkpoint` | a run as it can be taken up again |
//! | `curve` | the loss as a picture |
//!
//! | `shape`, `frozen`, `told` | what the base is, and where its weights lie |
//! | `block`, `linear`, `ends` | the graphs: a layer, its matrices, what is before and behind the layers |
//! | `batch`, `step`, `strips` | examples side by side, a step over them, and the loss over the vocabulary |
//!
//! The same seed, data and position give the same steps on every machine.

mod batch;
mod block;
pub mod chat_data;
mod checkpoint;
pub mod curve;
mod data;
mod dropout;
mod ends;
mod example;
mod flat;
pub mod frozen;
mod language;
mod linear;
mod order;
mod plan;
mod run;
mod schedule;
pub mod shape;
mod step;
mod strips;
pub mod text_data;
mod told;
mod turn;

pub use batch::Batch;
pub use block::{Block, Keep, Place, block, places};
pub use checkpoint::Checkpoint;
pub use data::{Data, Origin, Skipped};
pub use example::Example;
pub use flat::{flatten, fresh, unflatten};
pub use language::Language;
pub use order::{Order, Position};
pub use plan::{Plan, Work};
pub use run::{CHECKPOINT, Diverged, Keeping, Progressed, Recipe, Run};
pub use schedule::Schedule;
pub use step::{State, Step};
