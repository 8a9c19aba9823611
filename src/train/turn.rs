//! One turn of a conversation as tokens: the prompt exactly as it is served, and the answer that should follow.

use super::language::Language;
use crate::error::Result;
use crate::store::log::Message;
use crate::text::reply::{Speech, Turn};

/// The tokens of `answer` after `prompt`, as the gate measures them too.
pub fn turn(language: &Language, prompt: &[Message], answer: &Message) -> Result<Turn> {
    let Language { tokenizer, template, eos, .. } = *language;
    Speech { tokenizer, template, eos }.turn(prompt, answer)
}

#[cfg(test)]
mod tests {
    use super::super::language::tests::Fixture;
    use super::*;

    fn both(fixture: &Fixture, prompt: &[(&str, &str)], answer: &str) -> (String, String) {
        let prompt: Vec<Message> = prompt.iter().map(|(role, text)| Message::new(*role, *text)).collect();
        let turn = turn(&fixture.language(), &prompt, &Message::new("assistant", answer)).unwrap();
        // Special tokens are wanted too: one at a time, by name.
        let text = |tokens: &[u32]| -> String {
            let one = |token: &u32| match fixture.tokenizer.decode(&[*token]).unwrap() {
                text if text.is_empty() => fixture.tokenizer.token(*token).unwrap(),
                text => text,
            };
            tokens.iter().map(one).collect()
        };
        assert_eq!(turn.prompt, {
            let asked = fixture.template.render(&prompt, true).unwrap();
            fixture.tokenizer.encode(&asked, false).unwrap()
        });
        (text(&turn.prompt), text(&turn.answer))
    }

    #[test]
    fn the_answer_is_what_the_model_says_and_its_end() {
        let (prompt, answer) = both(&Fixture::llama(), &[("system", "Be brief."), ("user", "How?")], "So.");
        assert_eq!(
            prompt,
            "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHow?<|im_end|>\n<|im_start|>assistant\n"
        );
        assert_eq!(answer, "So.<|im_end|>");
    }

    #[test]
    fn every_template_of_the_goldens_gives_the_answer_alone() {
        for (name, prompt_ends, wanted) in [
            ("smollm2", "<|im_start|>assistant\n", "Hold it.<|im_end|>"),
            ("calls", "<|im_start|>assistant\n", "Hold it.<|im_end|>"),
            // A model that can think is asked not to: its empty thoughts are part of the prompt.
            ("thinking", "<|im_start|>assistant\n<think>\n\n</think>\n\n", "Hold it.<|im_end|>"),
            // The system's words move once there is an answer; the end is the model's own token.
            ("brackets", "[ASK] Be brief.\n\nHow? [/ASK]", " Hold it.<|im_end|>"),
            // Ends a turn with words: the model's end is added.
            ("headers", "<|head|>assistant<|/head|>\n\n", "Hold it.<|end|><|im_end|>"),
        ] {
            let fixture = Fixture::templated(name);
            let (prompt, answer) = both(&fixture, &[("system", "Be brief."), ("user", "How?")], "Hold it.");
            assert!(prompt.ends_with(prompt_ends), "{name}: {prompt}");
            assert_eq!(answer, wanted, "{name}");
        }
    }

    #[test]
    fn an_answer_that_melts_into_the_prompt_begins_where_the_server_goes_on() {
        let fixture = Fixture::new(
            "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}\
             {% if add_generation_prompt %}assistant: {% endif %}",
        );
        let encode = |text: &str| fixture.tokenizer.encode(text, false).unwrap();
        assert!(!encode("assistant: the pump").starts_with(&encode("assistant: ")), "the space belongs to the word");
        let (prompt, answer) = both(&fixture, &[("user", "How?")], "the pump");
        assert!(prompt.ends_with("How?\nassistant: "));
        assert_eq!(answer, "the pump\n<|im_end|>");
    }

    #[test]
    fn an_answer_ends_where_the_server_would_stop() {
        let (_, answer) = both(&Fixture::llama(), &[("user", "How?")], "So.<|im_end|>\n<|im_start|>user\nMore?");
        assert_eq!(answer, "So.<|im_end|>");
    }
}
