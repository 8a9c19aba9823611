//! The bytes that tokens stand for, whatever a vocabulary writes them as.

use super::Tokenizer;
use std::collections::HashMap;

impl Tokenizer {
    /// The bytes that each of the first `many` tokens adds to a text. None where it adds none of its own: a special
    /// token, or a number without a token.
    pub fn bytes(&self, many: usize) -> Vec<Option<Vec<u8>>> {
        let added = self.inner.get_added_tokens_decoder();
        let decoder = self.inner.get_decoder().and_then(|decoder| serde_json::to_string(decoder).ok());
        let letters = decoder.is_some_and(|decoder| decoder.contains("\"ByteLevel\"")).then(letters);
        let bytes = |id: u32| match added.get(&id) {
            Some(token) if token.special => None,
            Some(token) => Some(token.content.clone().into_bytes()),
            None => {
                let token = self.inner.id_to_token(id)?;
                Some(letters.as_ref().map_or_else(|| pieces(&token), |letters| spelled(&token, letters)))
            }
        };
        (0..many).map(|id| bytes(u32::try_from(id).ok()?)).collect()
    }
}

/// The bytes of a token whose vocabulary writes each byte as a letter.
fn spelled(token: &str, letters: &HashMap<char, u8>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(token.len());
    for letter in token.chars() {
        match letters.get(&letter) {
            Some(byte) => bytes.push(*byte),
            None => bytes.extend(letter.encode_utf8(&mut [0; 4]).bytes()),
        }
    }
    bytes
}

/// The bytes of a token of SentencePiece's: `▁` is a space, `<0x0A>` a byte.
fn pieces(token: &str) -> Vec<u8> {
    let byte = token.strip_prefix("<0x").and_then(|rest| rest.strip_suffix('>'));
    match byte.filter(|digits| digits.len() == 2).and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
        Some(byte) => vec![byte],
        None => token.replace('▁', " ").into_bytes(),
    }
}

/// The letters that byte-level vocabularies write bytes as: those that can be seen as themselves, the others counted
/// from 256 on.
fn letters() -> HashMap<char, u8> {
    let seen = |byte: &u8| matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
    let unseen = (0..=255).filter(|byte| !seen(byte)).zip(256..);
    let unseen = unseen.filter_map(|(byte, letter)| Some((char::from_u32(letter)?, byte)));
    (0..=255).filter(seen).map(|byte| (char::from(byte), byte)).chain(unseen).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn the_bytes_of_tokens_are_those_of_the_text() {
        for (name, vocabulary) in [("llama", 384), ("gemma3", 512)] {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/tiny/{name}/tokenizer.json"));
            let tokenizer = Tokenizer::open(&path, usize::MAX).unwrap();
            let bytes = tokenizer.bytes(vocabulary.max(4096));
            for text in ["The stove is £7.50, isn't it?", "\n\tä→ 12", " "] {
                let tokens = tokenizer.encode(text, false).unwrap();
                let joined: Vec<u8> = tokens.iter().flat_map(|id| bytes[*id as usize].clone().unwrap()).collect();
                assert_eq!(String::from_utf8(joined).unwrap().trim_start(), text.trim_start(), "{name}");
            }
            assert_eq!(bytes[4095], None, "no token has so high a number");
        }
    }

    #[test]
    fn each_byte_has_a_letter_of_its_own() {
        let letters = letters();
        assert_eq!(letters.len(), 256);
        assert_eq!((letters[&'Ġ'], letters[&'Ċ'], letters[&'a']), (b' ', b'\n', b'a'));
        assert_eq!((pieces("▁a"), pieces("<0x0A>"), pieces("<0xZ>")), (b" a".to_vec(), vec![10], b"<0xZ>".to_vec()));
    }
}
