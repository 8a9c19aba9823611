//! GGUF files that lie, and files and names that are something else.

use super::Home;
use crate::support::golden;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::fs;
use std::path::{Path, PathBuf};
use wayside::import::{Options, import};
use wayside::watch::{Cancel, Quiet};
use wayside::{ErrorKind, Runtime};

fn given(home: &tempfile::TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = home.path().join(name);
    fs::write(&path, bytes).unwrap();
    path
}

/// `from` replaced by `to` of the same length, wherever it stands.
fn patched(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut out = bytes.to_vec();
    let places: Vec<usize> =
        (0..bytes.len() - from.len()).filter(|&at| bytes[at..].starts_with(from.as_bytes())).collect();
    assert!(!places.is_empty(), "{from} is not there");
    for at in places {
        out[at..at + to.len()].copy_from_slice(to.as_bytes());
    }
    out
}

#[test]
fn a_truncated_gguf_is_refused_wherever_it_ends() {
    let (home, files) = (Home::new(), tempfile::tempdir().unwrap());
    for name in ["llama.gguf", "llama3-k.gguf"] {
        let whole = fs::read(golden(&format!("gguf/{name}"))).unwrap();
        // The last tensor may be followed by padding.
        let offsets = (0..64).chain((64..whole.len() - 32).step_by(whole.len() / 90)).chain([whole.len() - 32]);
        for end in offsets {
            let path = given(&files, name, &whole[..end]);
            let error = home.import(&path).err().unwrap_or_else(|| panic!("{name}: {end} bytes were taken"));
            assert!(error.to_string().contains(name), "{error}");
        }
    }
    home.is_unchanged();
}

#[test]
fn a_gguf_with_what_nothing_here_knows_names_it() {
    let (home, files) = (Home::new(), tempfile::tempdir().unwrap());
    let whole = fs::read(golden("gguf/qwen2.gguf")).unwrap();
    for (from, to, words) in [
        ("qwen2", "mamba", ["mamba", "known are"]),
        ("blk.1.ffn_up.weight", "blk.1.ffn_uq.weight", ["lacks the tensor", "layers.1.mlp.up_proj.weight"]),
        ("blk.1.attn_q.bias", "blk.1.attn_q.bits", ["no use for", "blk.1.attn_q.bits"]),
        ("token_embd.weight", "token_embe.weight", ["lacks", "token_embd.weight"]),
        ("qwen2.block_count", "qwen2.block_cound", ["lacks", "qwen2.block_count"]),
        ("tokenizer.ggml.merges", "tokenizer.ggml.merged", ["lacks", "tokenizer.ggml.merges"]),
        ("qwen2.context_length", "qwen2.context_lengty", ["lacks", "qwen2.context_length"]),
    ] {
        home.refuses(&given(&files, "a.gguf", &patched(&whole, from, to)), &words);
    }
}

#[test]
fn altered_bytes_of_a_gguf_header_are_an_error_or_another_model_never_a_panic() {
    let (home, files) = (Home::new(), tempfile::tempdir().unwrap());
    let whole = fs::read(golden("gguf/llama.gguf")).unwrap();
    let mut random = ChaCha8Rng::seed_from_u64(1);
    // Most of the header is the vocabulary: half of the changes fall on the keys before and the tensors after it.
    let at = |what: &str| whole.windows(what.len()).position(|w| w == what.as_bytes()).unwrap();
    let (keys, tensors) =
        (0..at("tokenizer.ggml.tokens"), at("output_norm.weight") - 200..at("output_norm.weight") + 900);
    for round in 0..240 {
        let mut bytes = whole.clone();
        for _ in 0..random.random_range(1..4) {
            let place = match round % 4 {
                0 => random.random_range(keys.clone()),
                1 => random.random_range(tensors.clone()),
                _ => random.random_range(0..tensors.end),
            };
            bytes[place] = random.random();
        }
        let path = given(&files, "a.gguf", &bytes);
        let target = files.path().join("model");
        if let Err(error) = import(&path, &target, Options::default(), &Quiet, &Cancel::new()) {
            assert!(error.to_string().len() < 1000, "{error}");
        }
    }
    home.is_unchanged();
}

/// The file as llama.cpp splits it: the keys in the first part, all tensors in the second.
fn split(whole: &[u8]) -> [Vec<u8>; 2] {
    let number = |at: usize| u64::from_le_bytes(whole[at..at + 8].try_into().unwrap()) as usize;
    let (tensors, pairs) = (number(8), number(16));
    let first = [&17u64.to_le_bytes()[..], b"token_embd.weight"].concat();
    let begin = whole.windows(first.len()).position(|w| w == first).unwrap();
    let mut end = begin;
    for _ in 0..tensors {
        end += 8 + number(end);
        let rank = u32::from_le_bytes(whole[end..end + 4].try_into().unwrap()) as usize;
        end += 4 + 8 * rank + 4 + 8;
    }
    let count = [&11u64.to_le_bytes()[..], b"split.count", &2u32.to_le_bytes(), &2u16.to_le_bytes()].concat();
    let head = |tensors: usize, pairs: usize| {
        [&whole[..8], &(tensors as u64).to_le_bytes(), &(pairs as u64).to_le_bytes()].concat()
    };
    let keys = [head(0, pairs + 1), whole[24..begin].to_vec(), count.clone()].concat();
    let mut rest = [head(tensors, 1), count, whole[begin..end].to_vec()].concat();
    rest.resize(rest.len().next_multiple_of(32), 0);
    rest.extend_from_slice(&whole[end.next_multiple_of(32)..]);
    [keys, rest]
}

#[test]
fn a_split_gguf_is_one_model_whichever_part_or_folder_is_named() {
    let (home, files) = (Home::new(), tempfile::tempdir().unwrap());
    let parts = split(&fs::read(golden("gguf/qwen2.gguf")).unwrap());
    let names = ["tiny-00001-of-00002.gguf", "tiny-00002-of-00002.gguf"];
    let first = given(&files, names[0], &parts[0]);
    home.refuses(&first, &[names[1], "is missing"]);
    let second = given(&files, names[1], &parts[1]);
    let whole = home.import(&golden("gguf/qwen2.gguf")).unwrap().manifest;
    for path in [first.as_path(), &second, files.path()] {
        let bundle = home.import(path).unwrap();
        assert_eq!(bundle.manifest.files["weights.bin"], whole.files["weights.bin"], "{}", path.display());
    }
    let home = Home::new();
    home.refuses(&given(&files, "renamed.gguf", &parts[0]), &["one of 2 parts", "NAME-00001-of-00002.gguf"]);
    home.refuses(files.path(), &["several models", "renamed.gguf", "name the one"]);
}

#[test]
fn another_models_tokenizer_beside_a_gguf_is_left_aside() {
    let (home, files) = (Home::new(), tempfile::tempdir().unwrap());
    let path = given(&files, "a.gguf", &fs::read(golden("gguf/qwen2.gguf")).unwrap());
    let alone = home.import(&path).unwrap();
    let tokenizer = |bundle: &wayside::bundle::Bundle| fs::read(bundle.path("tokenizer.json").unwrap()).unwrap();
    let built = tokenizer(&alone);
    fs::copy(golden("tiny/bert-cls/tokenizer.json"), files.path().join("tokenizer.json")).unwrap();
    assert_eq!(tokenizer(&home.import(&path).unwrap()), built);
    // Its own wins: it knows more than the file says.
    fs::copy(golden("tiny/qwen2/tokenizer.json"), files.path().join("tokenizer.json")).unwrap();
    assert_eq!(tokenizer(&home.import(&path).unwrap()), fs::read(golden("tiny/qwen2/tokenizer.json")).unwrap());
}

#[test]
fn what_is_no_model_is_named() {
    let (home, files) = (Home::new(), tempfile::tempdir().unwrap());
    let onnx = fs::read(golden("ready/genai/model.onnx")).unwrap();
    let safetensors = fs::read(golden("tiny/qwen2/model.safetensors")).unwrap();
    for (name, bytes) in [
        ("empty.gguf", &b""[..]),
        ("notes.txt", b"Dear diary, today I was asked to be a model."),
        ("archive.zip", b"PK\x03\x04 and so on"),
        ("future.gguf", b"GGUF\x09\0\0\0 and so on, for longer than a header"),
        ("model.onnx", &onnx),
        ("model.safetensors", &safetensors),
    ] {
        home.refuses(&given(&files, name, bytes), &[name]);
    }
    let folder = files.path().join("folder");
    fs::create_dir(&folder).unwrap();
    home.refuses(&folder, &["folder"]);
    given(&files, "folder/holiday.jpg", b"\xff\xd8");
    home.refuses(&folder, &["folder"]);
    given(&files, "folder/model.onnx", b"\xff\xff\xff\xff");
    home.refuses(&folder, &["folder/model.onnx"]);
    given(&files, "folder/model.onnx", b"");
    home.refuses(&folder, &["folder/model.onnx"]);
    assert_eq!(home.refuses(Path::new("/nowhere/a.gguf"), &["/nowhere/a.gguf"]).kind(), ErrorKind::NotFound);
    home.refuses(Path::new("/dev/null"), &["/dev/null"]);
}

#[test]
fn names_that_are_no_plain_file_names_are_refused_before_anything_is_written() {
    let home = tempfile::tempdir().unwrap();
    let runtime = Runtime::open(home.path()).unwrap();
    let before = walkdir::WalkDir::new(home.path()).into_iter().count();
    let long = "a".repeat(101);
    for source in [golden("gguf/qwen2.gguf"), golden("ready/optimum")] {
        for name in ["a/b", "../a", "/a", "", ".", "..", ".a", "a b", "a\\b", "ä", "a\0", "a/", &long] {
            let error = runtime.import(&source, name, Options::default()).err().unwrap_or_else(|| panic!("{name:?}"));
            assert_eq!(error.kind(), ErrorKind::Invalid, "{name:?}");
            assert!(error.to_string().contains(&format!("{name:?}")), "{error}");
        }
    }
    assert_eq!(walkdir::WalkDir::new(home.path()).into_iter().count(), before);
}

#[test]
fn a_cancelled_import_leaves_nothing() {
    let home = Home::new();
    let cancel = Cancel::new();
    cancel.cancel();
    for source in ["gguf/llama.gguf", "tiny/llama", "tiny/bert-mean"] {
        let error = import(&golden(source), &home.model(), Options::default(), &Quiet, &cancel).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled);
        home.is_unchanged();
    }
}
