//! One turn of a conversation as tokens: the prompt exactly as it is served, and the answer that should follow.

use super::language::Language;
use crate::error::Result;
use crate::store::log::Message;

/// A prompt and its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// What the server gives the model before it begins to speak.
    pub prompt: Vec<u32>,
    /// What the model should then say, as the template writes it; it ends with the token that ends an answer.
    pub answer: Vec<u32>,
}

/// The tokens of `answer` after `prompt`.
///
/// What follows the end of the answer (a line break, in most templates) is not part of it: the server stops there. A
/// template that ends no turn with a token that the server knows gets one, or the model would never learn to stop.
pub fn turn(language: &Language, prompt: &[Message], answer: &Message) -> Result<Turn> {
    let Language { tokenizer, template, .. } = language;
    let asked = template.render(prompt, true)?;
    let answered = template.render(&[prompt, std::slice::from_ref(answer)].concat(), false)?;
    let prompt = tokenizer.encode(&asked, false)?;
    let mut said = match tokenizer.encode(&answered, false)?.strip_prefix(prompt.as_slice()) {
        Some(rest) => rest.to_vec(),
        // Tokens can reach over the border, and templates write a conversation anew once it is answered. The server
        // decodes from the border on, so that is where the answer's tokens begin.
        None => tokenizer.encode(rest(&asked, &answered, answer.content.trim()), false)?,
    };
    match said.iter().position(|token| language.eos.contains(token)) {
        Some(end) => said.truncate(end + 1),
        None => said.extend(language.eos.first()),
    }
    Ok(Turn { prompt, answer: said })
}

/// What `answered` says after `asked`; `content` is the answer's own text.
fn rest<'t>(asked: &str, answered: &'t str, content: &'t str) -> &'t str {
    if let Some(rest) = answered.strip_prefix(asked) {
        return rest;
    }
    let Some(at) = answered.rfind(content) else { return content };
    let (before, rest) = answered.split_at(at);
    // White space before the answer is part of it where the prompt does not bring it.
    let space = before.len() - before.trim_end().len();
    if asked.ends_with(char::is_whitespace) { rest } else { &answered[at - space..] }
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
            // Thoughts are part of what follows the prompt, though the answer has none.
            ("thinking", "<|im_start|>assistant\n", "<think>\n\n</think>\n\nHold it.<|im_end|>"),
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
