//! The API that programs speak: OpenAI's, as far as a machine of its own has something to say to it.
//!
//! | file | what it answers |
//! |---|---|
//! | `asked` | what requests have in common: models, how tokens are chosen, forms |
//! | `message` | messages, as clients write them |
//! | `chat` | `/v1/chat/completions` |
//! | `grounded` | the same over the documents |
//! | `outright` | the same and `/v1/completions`, of a model alone |
//! | `tools` | functions that a model asks for |
//! | `list` | `/v1/models` |
//! | `embeddings` | `/v1/embeddings` |
//! | `responses` | `/v1/responses` |

pub mod asked;
pub mod chat;
pub mod completions;
pub mod embeddings;
pub mod grounded;
pub mod list;
pub mod message;
pub mod outright;
pub mod responses;
pub mod tools;
