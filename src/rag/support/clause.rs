//! Clauses: the stretch of a sentence over which a denial reaches, and within which numbers belong to their words.

use super::lex::{Token, What};

/// Words that a mere addition begins with: "On Sunday, ...".
const PREPOSITIONS: &[&str] = &[
    "in", "on", "at", "for", "with", "during", "by", "under", "from", "an", "am", "im", "bei", "mit", "für", "von",
    "zu",
];
/// Words that stand between the items of a list.
const LISTING: &[&str] = &["and", "or", "und", "oder", "the", "a", "an", "der", "die", "das", "ein", "eine", "nor"];

/// A stretch between two signs or conjunctions.
struct Piece {
    start: usize,
    end: usize,
    /// Whether a full stop or the like stands before it.
    fresh: bool,
    /// Whether a comma follows it.
    comma: bool,
}

/// Gives every token the number of its clause.
pub fn number(tokens: &mut [Token]) {
    let pieces = pieces(tokens);
    let mut clause = 0;
    let mut joins = false;
    for (at, piece) in pieces.iter().enumerate() {
        let inner = &tokens[piece.start..piece.end];
        if at > 0 && !joins && (piece.fresh || !continues(inner)) {
            clause += 1;
        }
        // An addition in front belongs to what follows.
        joins = piece.comma && (piece.fresh || at == 0) && begins(inner) && light(inner);
        for token in &mut tokens[piece.start..piece.end] {
            token.clause = clause;
        }
    }
}

/// Cuts at signs, and at conjunctions that more than a word follows.
fn pieces(tokens: &[Token]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let (mut start, mut fresh) = (0, true);
    for (at, token) in tokens.iter().enumerate() {
        let (cut, strong) = match &token.what {
            What::Break('–' | '—' | '-') if is_between_numbers(tokens, at) => (false, false),
            What::Break(c) => (true, !matches!(c, ',' | '(' | ')' | '–' | '—' | '-')),
            What::Function(f) if matches!(f.as_str(), "but" | "aber" | "sondern" | "whereas") => (true, true),
            What::Function(f) if matches!(f.as_str(), "and" | "und") => (matter_after(tokens, at) >= 2, false),
            _ => (false, false),
        };
        if cut {
            pieces.push(Piece { start, end: at, fresh, comma: token.what == What::Break(',') });
            (start, fresh) = (at, strong);
        }
    }
    pieces.push(Piece { start, end: tokens.len(), fresh, comma: false });
    pieces
}

fn is_between_numbers(tokens: &[Token], at: usize) -> bool {
    let number = |i: Option<usize>| i.and_then(|i| tokens.get(i)).is_some_and(|t| matches!(t.what, What::Quantity(_)));
    number(at.checked_sub(1)) && number(Some(at + 1))
}

/// How many words and numbers follow up to the next cut; two numbers in a row joined are one.
fn matter_after(tokens: &[Token], at: usize) -> usize {
    if is_between_numbers(tokens, at) {
        return 0;
    }
    let rest = tokens[at + 1..].iter();
    let ends = |t: &&Token| {
        !matches!(&t.what, What::Break(_))
            && !matches!(&t.what, What::Function(f) if f == "and" || f == "und" || f == "but")
    };
    rest.take_while(ends).filter(|t| is_matter(t)).count()
}

fn is_matter(token: &Token) -> bool {
    matches!(token.what, What::Word(_) | What::Quantity(_) | What::Code(_) | What::Days(_) | What::Not)
}

/// Few words and no denial.
fn light(piece: &[Token]) -> bool {
    let has_not = piece.iter().any(|t| matches!(t.what, What::Not | What::Limit(_)));
    !has_not && piece.iter().filter(|t| is_matter(t)).count() <= 3
}

fn begins(piece: &[Token]) -> bool {
    let first = piece.iter().find(|t| !matches!(t.what, What::Break(_)));
    matches!(first.map(|t| &t.what), Some(What::Function(f)) if PREPOSITIONS.contains(&f.as_str()))
}

/// Whether a piece goes on with the clause before: an addition, or further items of a list.
fn continues(piece: &[Token]) -> bool {
    let has_number = piece.iter().any(|t| matches!(t.what, What::Quantity(_)));
    let is_list = piece.iter().all(|t| match &t.what {
        What::Function(f) => LISTING.contains(&f.as_str()),
        What::Word(_) | What::Code(_) | What::Days(_) | What::Break(_) => true,
        _ => false,
    });
    let empty = !piece.iter().any(is_matter);
    empty || light(piece) && !has_number && (begins(piece) || is_list)
}
