//! A conversation as it is kept: turns, each with its question, what was shown for it, and its answer.

use super::source::Source;
use crate::store::log::Message;

/// What a conversation has come to.
#[derive(Clone, Debug, Default)]
pub struct Conversation {
    /// Instructions of its own, which take the place of the house's.
    pub system: Option<String>,
    /// The turns, the oldest first.
    pub turns: Vec<Turn>,
}

/// A question and its answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    /// The question as it was asked.
    pub question: String,
    /// The messages before the answer as a model is shown them: the question under its sources.
    pub shown: Vec<Message>,
    /// What it showed for the first time.
    pub sources: Vec<Source>,
    /// All that was found for it and may be in its answer, shown to a model or not.
    pub found: Vec<Source>,
    /// The answer, without marks.
    pub answer: Message,
}

impl Conversation {
    /// Whether nothing was asked yet.
    pub fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }

    /// The latest question.
    pub fn question(&self) -> Option<&str> {
        self.turns.last().map(|turn| turn.question.as_str())
    }

    /// The number of the next source.
    pub fn next(&self) -> u32 {
        1 + self.found().chain(self.sources()).map(|source| source.n).max().unwrap_or(0)
    }

    /// All that was shown.
    pub fn sources(&self) -> impl Iterator<Item = &Source> {
        self.turns.iter().flat_map(|turn| &turn.sources)
    }

    /// All that was found.
    pub fn found(&self) -> impl Iterator<Item = &Source> {
        self.turns.iter().flat_map(|turn| &turn.found)
    }

    /// A conversation of which only the messages are known, with its questions as they were shown, and the latest as it
    /// was `asked`.
    pub fn of(messages: &[Message], asked: Option<&str>) -> Self {
        let mut conversation = Self::default();
        let mut shown: Vec<Message> = Vec::new();
        for message in messages {
            match message.role.as_str() {
                "system" if shown.is_empty() && conversation.is_empty() => {
                    conversation.system = Some(message.content.clone());
                }
                "assistant" => {
                    let question = shown.last().map(|m| m.content.clone()).unwrap_or_default();
                    let shown = std::mem::take(&mut shown);
                    conversation.turns.push(Turn {
                        question,
                        shown,
                        sources: vec![],
                        found: vec![],
                        answer: message.clone(),
                    });
                }
                _ => shown.push(message.clone()),
            }
        }
        if let (Some(last), Some(asked)) = (conversation.turns.last_mut(), asked) {
            asked.clone_into(&mut last.question);
        }
        conversation
    }
}

impl Turn {
    /// Its messages, the answer last.
    pub fn messages(&self) -> impl Iterator<Item = &Message> {
        self.shown.iter().chain([&self.answer])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_become_turns() {
        let messages = [("system", "s"), ("user", "P\n\nQuestion: a"), ("assistant", "b"), ("user", "c")];
        let messages: Vec<Message> = messages.iter().map(|(role, text)| Message::new(*role, *text)).collect();
        let conversation = Conversation::of(&messages, Some("a"));
        assert_eq!((conversation.system.as_deref(), conversation.turns.len()), (Some("s"), 1));
        assert_eq!((conversation.question(), conversation.next()), (Some("a"), 1));
        assert!(Conversation::of(&messages[..2], None).is_empty());
    }
}
