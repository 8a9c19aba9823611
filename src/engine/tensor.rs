//! Arrays in ONNX Runtime's hands.

use super::failed;
use crate::error::Result;
use ort::memory::Allocator;
use ort::value::{DynTensor, DynValue};

/// An array that goes into or comes out of a session.
#[derive(Debug)]
pub struct Tensor {
    pub(super) value: DynTensor,
}

impl Tensor {
    /// 64-bit integers of a shape.
    pub fn i64(shape: &[usize], data: Vec<i64>) -> Result<Self> {
        let tensor = ort::value::Tensor::from_array((shape.to_vec(), data)).map_err(failed("integers"))?;
        Ok(Self { value: tensor.upcast() })
    }

    /// float32 numbers of a shape.
    pub fn f32(shape: &[usize], data: Vec<f32>) -> Result<Self> {
        let tensor = ort::value::Tensor::from_array((shape.to_vec(), data)).map_err(failed("floats"))?;
        Ok(Self { value: tensor.upcast() })
    }

    /// Uninitialized float32 numbers that a session can read and write in place.
    pub(super) fn buffer(allocator: &Allocator, shape: &[usize]) -> Result<Self> {
        let tensor = ort::value::Tensor::<f32>::new(allocator, shape.to_vec()).map_err(failed("buffer"))?;
        Ok(Self { value: tensor.upcast() })
    }

    pub(super) fn from_value(value: DynValue) -> Result<Self> {
        Ok(Self { value: value.downcast().map_err(failed("output"))? })
    }

    /// Its shape.
    pub fn shape(&self) -> Vec<usize> {
        self.value.shape().iter().map(|&d| d.max(0) as usize).collect()
    }

    /// Its numbers, if they are float32.
    pub fn as_f32(&self) -> Result<&[f32]> {
        Ok(self.value.try_extract_tensor::<f32>().map_err(failed("floats expected"))?.1)
    }

    /// Its numbers for writing, if they are float32.
    pub fn as_f32_mut(&mut self) -> Result<&mut [f32]> {
        Ok(self.value.try_extract_tensor_mut::<f32>().map_err(failed("floats expected"))?.1)
    }
}
