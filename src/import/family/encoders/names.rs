//! How a family calls its tensors, and what BERT calls them: the names that the graph asks for.

use crate::import::source::Own;
use std::collections::BTreeMap;

/// A family's names.
pub(in crate::import) struct Names {
    /// Stands before all of them where a task's head is beside the encoder.
    pub prefix: &'static str,
    /// Stands before a layer's number.
    pub layers: &'static str,
    /// Theirs and ours, without the layer before and `.weight` or `.bias` behind. Others are called as BERT's.
    pub parts: &'static [(&'static str, &'static str)],
    /// Matrices that are one of theirs and several of ours, all with the same number of rows.
    pub joined: &'static [(&'static str, &'static [&'static str])],
    /// How those begin that a sentence's vector does not need.
    pub unused: &'static [&'static str],
}

impl Names {
    /// The tensors called `names` under our names. `rows` says how many rows a tensor of the file has.
    pub fn canonical(&self, names: Vec<String>, rows: impl Fn(&str) -> usize) -> BTreeMap<String, Own> {
        let mut all = BTreeMap::new();
        for name in names {
            let bare = name.strip_prefix(self.prefix).unwrap_or(&name);
            if self.unused.iter().any(|unused| bare.starts_with(unused)) {
                continue;
            }
            let (before, part, what) = self.apart(bare);
            if let Some((_, ours)) = self.joined.iter().find(|(theirs, _)| *theirs == part) {
                let each = rows(&name) / ours.len();
                for (at, ours) in ours.iter().enumerate() {
                    let own = Own::rows(&name, at * each..(at + 1) * each);
                    all.insert(format!("{before}{ours}{what}"), own);
                }
                continue;
            }
            let known = self.parts.iter().find(|(theirs, _)| *theirs == part);
            let ours = known.map_or(part, |(_, ours)| ours);
            all.insert(format!("{before}{ours}{what}"), name.into());
        }
        all
    }

    /// What stands before a part in our name, the part as they call it, and what stands behind.
    fn apart<'a>(&self, name: &'a str) -> (String, &'a str, &'a str) {
        let layer = name.strip_prefix(self.layers).and_then(|rest| rest.split_once('.'));
        let (before, part) = match layer {
            Some((at, part)) if at.parse::<usize>().is_ok() => (format!("encoder.layer.{at}."), part),
            _ => (String::new(), name),
        };
        let what = part.rfind('.').unwrap_or(part.len());
        let (part, what) = part.split_at(what);
        (before, part, what)
    }
}
