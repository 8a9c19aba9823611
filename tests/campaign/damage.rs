//! Ways in which a file is not what was written.

use rand::RngExt;
use rand_chacha::ChaCha12Rng;

const PAGE: usize = 4096;

/// What was done to a file, so that it can be done again.
pub type Told = String;

/// The `n`th kind of damage at a random place.
pub fn damage(bytes: &mut Vec<u8>, n: usize, random: &mut ChaCha12Rng) -> Told {
    let at = random.random_range(0..bytes.len());
    let pages = bytes.len() / PAGE;
    let mut page = || random.random_range(0..pages) * PAGE;
    match n % 8 {
        0 => {
            let bit = n / 8 % 8;
            bytes[at] ^= 1 << bit;
            format!("bit {bit} of byte {at}")
        }
        // Where pages say what they are: the places that a program believes.
        1 => {
            let at = page() + n / 8 % 80;
            let byte = random.random();
            bytes[at] = byte;
            format!("byte {at} is {byte}")
        }
        2 => {
            let at = page();
            bytes[at..at + PAGE].fill(0);
            format!("the page at {at} is zeros")
        }
        3 => {
            let at = page();
            random.fill(&mut bytes[at..at + PAGE]);
            format!("the page at {at} is noise")
        }
        // A card that wrote elsewhere, or not at all.
        4 => {
            let (from, to) = (page(), page());
            bytes.copy_within(from..from + PAGE, to);
            format!("the page at {from} is at {to} too")
        }
        5 => {
            bytes.truncate(at);
            format!("cut off at {at}")
        }
        6 => {
            let end = (at + 512).min(bytes.len());
            bytes[at..end].fill(0xFF);
            format!("half a kilobyte of ones at {at}")
        }
        _ => {
            // A number of a header or of a tree.
            let at = random.random_range(0..2 * PAGE);
            let byte = random.random();
            bytes[at] = byte;
            format!("byte {at} is {byte}")
        }
    }
}
