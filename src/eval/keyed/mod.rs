//! Questions with accepted keys: whether an answer is right, and how many are.
//!
//! A reference answer says how a thing is put; a key says what must be in it. So an answer in other words, or a
//! quotation that says more, counts as right, and one that sounds alike with another number in it does not. Where the
//! documents do not say, there is no key, and the right answer is none.

mod key;
mod line;
mod share;
mod tally;

pub use key::holds;
pub use line::{Keyed, Part, read};
pub use share::Share;
pub use tally::{Counts, Outcome, Score, Tally};
