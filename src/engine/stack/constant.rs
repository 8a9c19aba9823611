//! What of a model does not change from run to run: in the map of its weights, or in ONNX Runtime's hands.

use super::wrong;
use crate::kernel::Place;
use bytemuck::Pod;
use memmap2::Mmap;
use ort::operator::KernelContext;
use ort::value::{PrimitiveTensorElementType, TensorValueType, ValueRef};
use std::fmt::Debug;
use std::sync::Arc;

/// An array of constants.
pub enum Constant<'a, T: PrimitiveTensorElementType + Debug> {
    Mapped { map: Arc<Mmap>, offset: usize, bytes: usize },
    Given(ValueRef<'a, TensorValueType<T>>),
}

impl<'a, T: PrimitiveTensorElementType + Debug + Pod> Constant<'a, T> {
    /// The constant at a place; none where what is there changes.
    pub fn open(place: Place, about: &KernelContext<'a>, map: Option<&Arc<Mmap>>) -> ort::Result<Option<Self>> {
        Ok(match place {
            Place::Made(_) => None,
            Place::Input(i) => about.constant_input(i).ok().map(Self::Given),
            Place::Stored { offset, bytes, .. } => {
                let map = map.ok_or_else(|| wrong("the file of weights is missing"))?.clone();
                let constant = Self::Mapped { map, offset, bytes };
                constant.view()?;
                Some(constant)
            }
        })
    }

    /// Its numbers.
    pub fn view(&self) -> ort::Result<&[T]> {
        match self {
            Self::Given(value) => Ok(value.try_extract_tensor::<T>()?.1),
            Self::Mapped { map, offset, bytes } => {
                let there = offset.checked_add(*bytes).and_then(|end| map.get(*offset..end));
                let numbers = there.and_then(|bytes| bytemuck::try_cast_slice(bytes).ok());
                numbers.ok_or_else(|| wrong("a constant lies outside the file of weights; import the model again"))
            }
        }
    }
}
