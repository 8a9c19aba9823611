//! Every source encoding against gguf-py, block by block.

use crate::support::golden;
use wayside::tensor::Encoding;

const ENCODINGS: [(&str, Encoding); 16] = [
    ("f32", Encoding::F32),
    ("f16", Encoding::F16),
    ("bf16", Encoding::BF16),
    ("q8_0", Encoding::Q8_0),
    ("q4_0", Encoding::Q4_0),
    ("q4_1", Encoding::Q4_1),
    ("q4_k", Encoding::Q4_K),
    ("q5_k", Encoding::Q5_K),
    ("q6_k", Encoding::Q6_K),
    ("q5_0", Encoding::Q5_0),
    ("q5_1", Encoding::Q5_1),
    ("q2_k", Encoding::Q2_K),
    ("q3_k", Encoding::Q3_K),
    ("iq4_nl", Encoding::IQ4_NL),
    ("iq4_xs", Encoding::IQ4_XS),
    ("mxfp4", Encoding::MXFP4),
];

#[test]
fn every_encoding_means_what_gguf_py_says() {
    for (name, encoding) in ENCODINGS {
        let bytes = std::fs::read(golden(&format!("gguf/{name}.bin"))).unwrap();
        let exact = std::fs::read(golden(&format!("gguf/{name}.f32"))).unwrap();
        let exact: Vec<f32> = exact.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
        assert_eq!(encoding.bytes(&[4, 512]), Some(bytes.len()), "{name}");
        let mut found = vec![f32::NAN; 4 * 512];
        encoding.decode(&bytes, &mut found);
        for (i, (found, exact)) in found.iter().zip(&exact).enumerate() {
            assert!((found - exact).abs() <= 1e-6 * exact.abs(), "{name} number {i}: {found} instead of {exact}");
        }
    }
}
