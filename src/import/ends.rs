//! Where texts begin and answers end, as the model's files say it.

use crate::error::{Error, Result};
use crate::text::tokenizer::Tokenizer;

/// Tokens that end a turn or a text, by what they say: files often name only one of those that the model was taught.
const ENDS: [&str; 18] = [
    "<|im_end|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|eot|>",
    "<|end|>",
    "<|return|>",
    "<|call|>",
    "<|end_of_text|>",
    "<|endoftext|>",
    "<|end_of_turn|>",
    "<|END_OF_TURN_TOKEN|>",
    "<end_of_turn>",
    "<end_of_utterance>",
    "<｜end▁of▁sentence｜>",
    "<turn|>",
    "<eos>",
    "</s>",
    "[EOS]",
];

/// All tokens that end an answer: those that files name, then those whose text says so.
///
/// Errors: `Unsupported` where there is none, because such a model would never stop.
pub(super) fn ends(named: impl IntoIterator<Item = u32>, tokenizer: &Tokenizer) -> Result<Vec<u32>> {
    let mut ends: Vec<u32> = Vec::new();
    let specials = tokenizer.specials();
    let said = ENDS.iter().filter(|end| specials.iter().any(|special| special == *end));
    for id in named.into_iter().chain(said.filter_map(|end| tokenizer.id(end))) {
        if tokenizer.token(id).is_some() && !ends.contains(&id) {
            ends.push(id);
        }
    }
    if ends.is_empty() {
        return Err(Error::unsupported(
            "nothing says which token ends an answer; put a generation_config.json with \"eos_token_id\" beside the model",
        ));
    }
    Ok(ends)
}

/// The token that begins every text, if one does: what the tokenizer puts before a text that is not the text's own.
pub(super) fn begin(tokenizer: &Tokenizer) -> Result<Option<u32>> {
    let (bare, whole) = (tokenizer.encode("a", false)?, tokenizer.encode("a", true)?);
    let before = whole.len().saturating_sub(bare.len());
    // What stands only behind a text ends it.
    Ok(if before > 0 && !whole.starts_with(&bare) { whole.first().copied() } else { None })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tokenizer of the letters a and b and two special tokens, with `processor` around a text.
    fn tokenizer(processor: &str) -> Tokenizer {
        let added = |id: u32, text: &str| {
            format!(
                r#"{{"id":{id},"content":"{text}","special":true,"single_word":false,"lstrip":false,"rstrip":false,"normalized":false}}"#
            )
        };
        let json = format!(
            r#"{{"version":"1.0","added_tokens":[{},{}],"post_processor":{processor},
            "model":{{"type":"BPE","vocab":{{"a":0,"b":1,"<s>":2,"<|im_end|>":3}},"merges":[]}}}}"#,
            added(2, "<s>"),
            added(3, "<|im_end|>"),
        );
        Tokenizer::from_bytes(json.as_bytes(), 4).unwrap()
    }

    fn around(parts: &str) -> String {
        format!(
            r#"{{"type":"TemplateProcessing","single":[{parts}],"pair":[{parts},{{"Sequence":{{"id":"B","type_id":0}}}}],
            "special_tokens":{{"<s>":{{"id":"<s>","ids":[2],"tokens":["<s>"]}},
            "<|im_end|>":{{"id":"<|im_end|>","ids":[3],"tokens":["<|im_end|>"]}}}}}}"#
        )
    }

    const BEGIN: &str = r#"{"SpecialToken":{"id":"<s>","type_id":0}}"#;
    const TEXT: &str = r#"{"Sequence":{"id":"A","type_id":0}}"#;
    const END: &str = r#"{"SpecialToken":{"id":"<|im_end|>","type_id":0}}"#;

    #[test]
    fn a_begin_token_stands_before_a_text() {
        assert_eq!(begin(&tokenizer("null")).unwrap(), None);
        assert_eq!(begin(&tokenizer(&around(&format!("{BEGIN},{TEXT}")))).unwrap(), Some(2));
        assert_eq!(begin(&tokenizer(&around(&format!("{BEGIN},{TEXT},{END}")))).unwrap(), Some(2));
        assert_eq!(begin(&tokenizer(&around(&format!("{TEXT},{END}")))).unwrap(), None);
    }

    #[test]
    fn an_end_that_no_file_names_is_found_by_its_text() {
        let tokenizer = tokenizer("null");
        assert_eq!(ends([2, 2, 99], &tokenizer).unwrap(), [2, 3]);
        assert_eq!(ends([], &tokenizer).unwrap(), [3]);
    }
}
