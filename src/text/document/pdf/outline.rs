//! Pages to sections: the headings above a text, by the size of their letters, and the page it stands on.

use super::layout::Block;
use super::prose::Piece;
use crate::text::document::Section;

/// More headings than one in so many pieces are no headings.
const MOST: usize = 2;

/// The size that most letters have.
pub fn body<'a>(blocks: impl Iterator<Item = &'a Block>) -> f32 {
    let mut sizes = std::collections::BTreeMap::<i32, usize>::new();
    for block in blocks {
        if let Block::Lines(lines) = block {
            for line in lines {
                *sizes.entry(step(line.size)).or_default() += line.text().len();
            }
        }
    }
    sizes.into_iter().max_by_key(|(_, letters)| *letters).map_or(10.0, |(size, _)| size as f32 / 2.0)
}

/// A size in half points.
fn step(size: f32) -> i32 {
    (size * 2.0).round() as i32
}

/// The sections of `pages`. A heading stands above what follows it, and stays in the text: that it is one is a guess.
pub fn sections(pages: Vec<(usize, Vec<Piece>)>) -> Vec<Section> {
    let all = || pages.iter().flat_map(|(_, pieces)| pieces);
    let headings = all().filter(|p| matches!(p, Piece::Heading(..))).count();
    let believed = headings * MOST <= all().count();
    let mut sizes: Vec<i32> =
        all().filter_map(|p| if let Piece::Heading(_, size) = p { Some(-step(*size)) } else { None }).collect();
    sizes.sort_unstable();
    sizes.dedup();
    let mut above: Vec<(i32, String)> = Vec::new();
    let mut sections: Vec<Section> = Vec::new();
    for (page, pieces) in pages {
        let place = format!("page {page}");
        let mut fresh = true;
        for piece in pieces {
            let text = match piece {
                Piece::Heading(text, size) if believed => {
                    above.retain(|(s, _)| *s > step(size));
                    above.push((step(size), crate::text::document::line(&text)));
                    fresh = true;
                    text
                }
                Piece::Heading(text, _) | Piece::Text(text) => text,
            };
            match sections.last_mut().filter(|_| !fresh) {
                Some(section) => {
                    section.text.push_str("\n\n");
                    section.text.push_str(&text);
                }
                None => {
                    let path = above.iter().map(|(_, heading)| heading.clone()).collect();
                    sections.push(Section { path, place: Some(place.clone()), text });
                }
            }
            fresh = false;
        }
    }
    sections
}
