//! Guessing what comes next by looking it up: an answer over retrieved passages quotes them, and a list repeats its own
//! phrases. So the guess is what followed the last tokens where they stood before, in the prompt or in the answer.

/// The longest end of the text that is looked up. Longer ones hardly ever tell two places apart.
pub const LONGEST: usize = 4;

/// Tokens that may come next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The guess.
    pub tokens: Vec<u32>,
    /// How many tokens at the end of the text stood before the guess already, at most [`LONGEST`]; 0 when the last
    /// token is new, and the guess is that it comes again.
    pub matched: usize,
}

/// Guesses `length` tokens after `text`: those after the latest of the places that match its end the longest. Where
/// that place is so near the end that the text runs out, the guess goes on with itself, as a loop does.
///
/// It reads the whole text, which takes microseconds where a pass through a model takes milliseconds.
pub fn draft(text: &[u32], length: usize) -> Draft {
    let end = text.len();
    let (mut matched, mut from) = (0, end.saturating_sub(1));
    for at in (1..end).rev() {
        let longest = LONGEST.min(at);
        let same = (0..longest).take_while(|i| text[at - 1 - i] == text[end - 1 - i]).count();
        if same > matched {
            (matched, from) = (same, at);
        }
        if matched == LONGEST {
            break;
        }
    }
    let mut tokens = Vec::with_capacity(length);
    for at in (from..).take(length) {
        let next = text.get(at).or_else(|| tokens.get(at - end)).copied();
        tokens.extend(next);
    }
    Draft { tokens, matched }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn guessed(text: &[u32], length: usize) -> (Vec<u32>, usize) {
        let draft = draft(text, length);
        (draft.tokens, draft.matched)
    }

    #[test]
    fn the_longest_match_wins_and_among_equals_the_latest() {
        assert_eq!(guessed(&[1, 2, 3, 9, 2, 3, 8, 1, 2, 3], 3), (vec![9, 2, 3], 3));
        assert_eq!(guessed(&[2, 3, 9, 2, 3, 8, 2, 3], 2), (vec![8, 2], 2));
        assert_eq!(guessed(&[4, 5, 4], 1), (vec![5], 1));
    }

    #[test]
    fn a_loop_goes_on_and_a_new_token_comes_again() {
        assert_eq!(guessed(&[7, 1, 2, 1, 2], 5), (vec![1, 2, 1, 2, 1], 2));
        assert_eq!(guessed(&[1, 2, 3], 2), (vec![3, 3], 0));
        assert_eq!(guessed(&[], 2), (vec![], 0));
    }

    proptest! {
        #[test]
        fn a_guess_is_what_stands_after_an_earlier_match(
            text in proptest::collection::vec(0u32..6, 1..80), length in 0usize..20,
        ) {
            let Draft { tokens, matched } = draft(&text, length);
            prop_assert_eq!(tokens.len(), length);
            let whole = [&text[..], &tokens].concat();
            let end = &text[text.len() - matched..];
            let stands = |at: usize| text[..at].ends_with(end) && whole[at..].starts_with(&tokens);
            let is_new = text.iter().filter(|t| *t == &text[text.len() - 1]).count() == 1;
            let found = if matched == 0 { is_new } else { (1..text.len()).any(stands) };
            prop_assert!(found);
            // Nothing in the text matches longer.
            if matched < LONGEST && matched < text.len() {
                let longer = &text[text.len() - matched - 1..];
                prop_assert!(!(1..text.len()).any(|at| text[..at].ends_with(longer)));
            }
        }
    }
}
