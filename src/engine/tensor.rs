//! Arrays in ONNX Runtime's hands.

use super::{failed, gpu};
use crate::error::{Error, Result};
use half::f16;
use memmap2::Mmap;
use ort::memory::{AllocationDevice, Allocator, AllocatorType, MemoryInfo, MemoryType};
use ort::session::SessionInputValue;
use ort::value::{DynTensor, DynValue, PrimitiveTensorElementType, Shape, TensorElementType, TensorRefMut};
use std::borrow::Cow;
use std::sync::Arc;

/// An array that goes into or comes out of a session.
#[derive(Debug)]
pub struct Tensor {
    pub(super) value: DynTensor,
}

/// An array in a memory-mapped file, which goes into sessions and is copied by none.
#[derive(Debug)]
pub struct Mapped {
    value: View,
    /// Keeps the pages where `value` points.
    _map: Arc<Mmap>,
}

#[derive(Debug)]
enum View {
    U8(TensorRefMut<'static, u8>),
    F32(TensorRefMut<'static, f32>),
}

/// What goes into a session.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// An array in memory.
    Tensor(&'a Tensor),
    /// An array in a file.
    Mapped(&'a Mapped),
}

impl<'a> From<&'a Tensor> for Input<'a> {
    fn from(tensor: &'a Tensor) -> Self {
        Self::Tensor(tensor)
    }
}

impl<'a> From<&'a Mapped> for Input<'a> {
    fn from(mapped: &'a Mapped) -> Self {
        Self::Mapped(mapped)
    }
}

impl<'a> Input<'a> {
    pub(super) fn value(self) -> SessionInputValue<'a> {
        match self {
            Self::Tensor(tensor) => (&tensor.value).into(),
            Self::Mapped(Mapped { value: View::U8(view), .. }) => (&**view).into(),
            Self::Mapped(Mapped { value: View::F32(view), .. }) => (&**view).into(),
        }
    }

    /// A copy in a device's memory, which is not a session's: nothing else is ever written there.
    pub(super) fn copied(self, device: AllocationDevice) -> Result<Tensor> {
        let leaves = matches!(self, Self::Tensor(tensor) if !tensor.is_in_memory());
        let _alone = (leaves || device != AllocationDevice::CPU).then(gpu::alone);
        let value = match self {
            Self::Tensor(tensor) => tensor.value.to(device, 0),
            Self::Mapped(Mapped { value: View::U8(view), .. }) => view.to(device, 0).map(|copy| copy.upcast()),
            Self::Mapped(Mapped { value: View::F32(view), .. }) => view.to(device, 0).map(|copy| copy.upcast()),
        };
        Ok(Tensor { value: value.map_err(failed("a copy to another memory"))? })
    }
}

impl Mapped {
    /// Bytes at `offset` of a file.
    pub fn u8(map: &Arc<Mmap>, offset: usize, shape: &[usize]) -> Result<Self> {
        Ok(Self { value: View::U8(view(map, offset, shape)?), _map: map.clone() })
    }

    /// float32 numbers at `offset` of a file, a multiple of four.
    pub fn f32(map: &Arc<Mmap>, offset: usize, shape: &[usize]) -> Result<Self> {
        Ok(Self { value: View::F32(view(map, offset, shape)?), _map: map.clone() })
    }
}

#[allow(unsafe_code, reason = "a view into a memory map; what makes it sound is said at the call")]
fn view<T>(map: &Arc<Mmap>, offset: usize, shape: &[usize]) -> Result<TensorRefMut<'static, T>>
where
    T: PrimitiveTensorElementType + std::fmt::Debug,
{
    let count = shape.iter().try_fold(size_of::<T>(), |n, &d| n.checked_mul(d));
    let bytes = count.and_then(|n| map.get(offset..offset.checked_add(n)?));
    let Some(bytes) = bytes.filter(|b| b.as_ptr().cast::<T>().is_aligned()) else {
        return Err(Error::corrupt("a constant lies outside its file of weights; import the model again"));
    };
    let memory = MemoryInfo::new(AllocationDevice::CPU, 0, AllocatorType::Device, MemoryType::Default);
    let memory = memory.map_err(failed("memory"))?;
    let shape = Shape::new(shape.iter().map(|&d| d as i64));
    // SAFETY: the bytes are as many as the shape takes, and aligned. `Mapped` keeps the map as long as the view.
    // Sessions only read their inputs, and nothing here hands the view out for writing: the pages may be read-only.
    unsafe { TensorRefMut::from_raw(memory, bytes.as_ptr().cast_mut().cast(), shape) }.map_err(failed("mapped weights"))
}

impl Tensor {
    fn of<T>(shape: &[usize], data: Vec<T>, what: &'static str) -> Result<Self>
    where
        T: PrimitiveTensorElementType + std::fmt::Debug + Clone + 'static,
    {
        let tensor = ort::value::Tensor::from_array((shape.to_vec(), data)).map_err(failed(what))?;
        Ok(Self { value: tensor.upcast() })
    }

    /// 64-bit integers of a shape.
    pub fn i64(shape: &[usize], data: Vec<i64>) -> Result<Self> {
        Self::of(shape, data, "integers")
    }

    /// 32-bit integers of a shape.
    pub fn i32(shape: &[usize], data: Vec<i32>) -> Result<Self> {
        Self::of(shape, data, "integers")
    }

    /// Bytes of a shape.
    pub fn u8(shape: &[usize], data: Vec<u8>) -> Result<Self> {
        Self::of(shape, data, "bytes")
    }

    /// A float32 number without a shape.
    pub fn scalar(value: f32) -> Result<Self> {
        Self::f32(&[], vec![value])
    }

    /// float32 numbers of a shape.
    pub fn f32(shape: &[usize], data: Vec<f32>) -> Result<Self> {
        Self::of(shape, data, "floats")
    }

    /// Zeros of a kind that models take and give.
    pub(super) fn zeros(kind: TensorElementType, shape: &[usize]) -> Result<Self> {
        let count = shape.iter().product();
        match kind {
            TensorElementType::Float16 => Self::of(shape, vec![f16::ZERO; count], "floats"),
            TensorElementType::Int32 => Self::i32(shape, vec![0; count]),
            TensorElementType::Int64 => Self::i64(shape, vec![0; count]),
            _ => Self::f32(shape, vec![0.0; count]),
        }
    }

    /// Uninitialized numbers that a session can read and write in place.
    pub(super) fn buffer(allocator: &Allocator, kind: TensorElementType, shape: &[usize]) -> Result<Self> {
        Ok(Self { value: DynTensor::new(allocator, kind, shape.to_vec()).map_err(failed("buffer"))? })
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

    /// The bytes of its numbers, float32 or float16, wherever they lie: a copy of those on a GPU.
    pub fn bytes(&self) -> Result<Cow<'_, [u8]>> {
        if !self.is_in_memory() {
            return Ok(Cow::Owned(self.in_memory()?.bytes()?.into_owned()));
        }
        match self.value.try_extract_tensor::<f16>() {
            Ok((_, halves)) => Ok(Cow::Borrowed(bytemuck::cast_slice(halves))),
            Err(_) => Ok(Cow::Borrowed(bytemuck::cast_slice(self.as_f32()?))),
        }
    }

    /// Lets `change` write the bytes of its numbers, float32 or float16, wherever they lie.
    pub fn change(&mut self, change: impl FnOnce(&mut [u8])) -> Result<()> {
        if !self.is_in_memory() {
            let mut copy = self.in_memory()?;
            copy.change(change)?;
            return copy.copy_into(self);
        }
        if self.value.try_extract_tensor::<f16>().is_ok() {
            let halves = self.value.try_extract_tensor_mut::<f16>().map_err(failed("floats expected"))?.1;
            change(bytemuck::cast_slice_mut(halves));
        } else {
            change(bytemuck::cast_slice_mut(self.as_f32_mut()?));
        }
        Ok(())
    }

    /// Writes its numbers over those of another, of the same shape and type, wherever that lies.
    pub fn copy_into(&self, other: &mut Self) -> Result<()> {
        let _alone = (!self.is_in_memory() || !other.is_in_memory()).then(gpu::alone);
        self.value.copy_into(&mut other.value).map_err(failed("a copy to another memory"))
    }

    /// A copy in the CPU's memory.
    pub fn in_memory(&self) -> Result<Self> {
        Input::from(self).copied(AllocationDevice::CPU)
    }

    fn is_in_memory(&self) -> bool {
        self.value.memory_info().is_cpu_accessible()
    }
}
