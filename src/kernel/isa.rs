//! What an instruction set brings: vectors, and the few things that kernels do with them. Kernels are written once
//! over this, and every set gives the same bits. Integers are exact; floats are multiplied, added and fused where it
//! says so, and sums have an order.

use super::formats::Format;
use half::{bf16, f16};

/// Floats that go together.
pub const LANES: usize = 16;

/// Sixteen outputs' weights for 32 inputs: eight groups of four inputs, each `[output][input]`.
pub type PanelBlock = [[[u8; 4]; LANES]; 8];

/// An instruction set's floats. A value of it is a proof that the machine has it, so that what follows is safe.
///
/// All of it is to be inlined into functions that are compiled for the set.
pub trait Vectors: Copy {
    /// Sixteen float32.
    type Floats: Copy;

    /// How many [`Vectors::Floats`] can be summed into at once without leaving the registers.
    const ACCUMULATORS: usize;

    /// Sixteen times one number.
    fn splat(self, x: f32) -> Self::Floats;
    /// From an array.
    fn load(self, x: &[f32; LANES]) -> Self::Floats;
    /// From float16.
    fn load_f16(self, x: &[f16; LANES]) -> Self::Floats;
    /// From bfloat16.
    fn load_bf16(self, x: &[bf16; LANES]) -> Self::Floats;
    /// To an array.
    fn store(self, x: Self::Floats) -> [f32; LANES];
    /// `a b`.
    fn mul(self, a: Self::Floats, b: Self::Floats) -> Self::Floats;
    /// `a b + c`, rounded once.
    fn fma(self, a: Self::Floats, b: Self::Floats, c: Self::Floats) -> Self::Floats;
    /// The sum of each: of every four numbers `(0 + 2) + (1 + 3)`, and of these four sums `(0 + 1) + (2 + 3)`.
    fn sums(self, x: [Self::Floats; 4]) -> [f32; 4];
}

/// An instruction set.
pub trait Isa: Vectors {
    /// Four float32.
    type Four: Copy;
    /// Sixteen int32.
    type Ints: Copy;
    /// Four int32.
    type FourInts: Copy;
    /// 32 bytes: the numbers of a block.
    type Bytes: Copy;
    /// Eight int32: sums of each four products of a block.
    type Dots: Copy;

    /// Whether it is worth the code to take several rows together, and to turn weights for many.
    const TILES: bool;
    /// Rows that go over a turned panel together: 2 or 4.
    const PANEL_ROWS: usize;

    /// Four times one number.
    fn splat_four(self, x: f32) -> Self::Four;
    /// From an array.
    fn load_four(self, x: &[f32; 4]) -> Self::Four;
    /// From float16, as bits.
    fn four_halves(self, x: [u16; 4]) -> [f32; 4];
    /// To an array.
    fn store_four(self, x: Self::Four) -> [f32; 4];
    /// `a + b`.
    fn add_four(self, a: Self::Four, b: Self::Four) -> Self::Four;
    /// `a b`.
    fn mul_four(self, a: Self::Four, b: Self::Four) -> Self::Four;
    /// `a b + c`, rounded once.
    fn fma_four(self, a: Self::Four, b: Self::Four, c: Self::Four) -> Self::Four;

    /// A block of two groups of sixteen.
    fn bytes(self, first: &[u8; 16], last: &[u8; 16]) -> Self::Bytes;
    /// A block as it lies.
    fn block(self, bytes: &[u8; 32]) -> Self::Bytes;
    /// The lower halves of sixteen bytes, then the upper.
    fn nibbles(self, bytes: &[u8; 16]) -> Self::Bytes;
    /// To an array.
    fn store_bytes(self, x: Self::Bytes) -> [u8; 32];
    /// `(x >> from) & mask`, where all of the mask's bits come from the same byte.
    fn bits(self, x: Self::Bytes, from: u32, mask: u8) -> Self::Bytes;
    /// `low | high << at`, where nothing of `high` leaves its byte.
    fn join(self, low: Self::Bytes, high: Self::Bytes, at: u32) -> Self::Bytes;
    /// Each byte with these bits turned.
    fn turned(self, x: Self::Bytes, bits: u8) -> Self::Bytes;
    /// 16 for every bit that is set, from the lowest on.
    fn sixteens(self, bits: u32) -> Self::Bytes;
    /// What numbers below sixteen stand for.
    fn look_up(self, levels: &[u8; 16], x: Self::Bytes) -> Self::Bytes;

    /// Whether products come out as those of weights around [`Format::CENTRE`]; otherwise its share is still to be
    /// taken from them.
    fn is_centred<E: Format>() -> bool;
    /// The products of a block's weights with activations, which are signed and within 127: sums of four.
    fn dots<E: Format>(self, weights: Self::Bytes, x: Self::Bytes) -> Self::Dots;
    /// Of four outputs: the sums of the first groups and those of the last.
    fn groups(self, dots: [Self::Dots; 4]) -> [Self::FourInts; 2];
    /// `a + b`.
    fn add_ints(self, a: Self::FourInts, b: Self::FourInts) -> Self::FourInts;
    /// Each with a number added.
    fn plus(self, x: Self::FourInts, add: i32) -> Self::FourInts;
    /// As floats.
    fn four_floats(self, x: Self::FourInts) -> Self::Four;

    /// The products of sixteen outputs with `R` rows, over the groups of sixteen inputs that `halves` names: 0 is the
    /// first, 1 the last.
    fn panel_dots<E: Format, const R: usize>(
        self,
        weights: &PanelBlock,
        x: [[&[i8; 16]; 2]; R],
        halves: std::ops::Range<usize>,
    ) -> [Self::Ints; R];
    /// Each with a number added, as floats.
    fn floats_plus(self, x: Self::Ints, add: i32) -> Self::Floats;

    /// Asks the cache for what is at an address, which may be anywhere.
    fn prefetch(self, at: *const u8);
}
