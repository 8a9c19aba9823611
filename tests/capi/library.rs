//! The shared library of the C ABI, as the tests link it: an example, because those are built along with the tests,
//! from the library that is compiled for them anyway.

use wayside as _;
