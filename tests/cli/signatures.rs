//! Signatures: made, verified, and required before anything is loaded.

use super::home::{Home, word};
use crate::support::{self, golden};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use wayside::parts::RUNTIME;

const ASK: [&str; 6] = ["ask", "Why?", "--no-retrieval", "--greedy", "--max-tokens", "3"];

/// A home with a tiny model, a tiny embedder and a library of its own, that trusts one key and requires signatures.
struct Signed {
    home: Home,
    key: PathBuf,
    library: PathBuf,
}

impl Signed {
    fn new() -> Self {
        let home = Home::new();
        fs::remove_file(home.path().join("models")).unwrap();
        home.json(&["import", word(&golden("tiny/llama")), "--name", "tiny"]);
        home.json(&["import", word(&golden("tiny/bert-mean")), "--name", "vec"]);
        let library = home.file("lib/libonnxruntime.so", fs::read(support::part(RUNTIME)).unwrap());
        let keys = home.json(&["keys", "new", "--out", word(&library.with_file_name("keys"))]);
        home.json(&["keys", "trust", keys["public"].as_str().unwrap()]);
        let settings = format!(
            "model = \"tiny\"\nembedder = \"vec\"\nruntime = {:?}\n[answer]\nmode = \"write\"\n[trust]\nrequire = true\n",
            word(&library)
        );
        fs::write(home.path().join("config.toml"), settings).unwrap();
        Self { home, key: PathBuf::from(keys["private"].as_str().unwrap()), library }
    }

    fn sign(&self, path: &Path) -> Value {
        self.home.json(&["sign", word(path), "--key", word(&self.key)])
    }

    fn model(&self, name: &str) -> PathBuf {
        self.home.path().join("models").join(name)
    }

    /// What a command says that is refused while one byte of `file` is another; then it is put back, and all is well.
    fn flipped(&self, file: &Path, words: &[&str]) -> String {
        let mut bytes = fs::read(file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(file, &bytes).unwrap();
        let told = self.home.fails(1, words);
        bytes[middle] ^= 1;
        fs::write(file, &bytes).unwrap();
        self.home.json(words);
        told
    }
}

#[test]
fn nothing_is_loaded_that_was_not_signed_or_has_changed_since() {
    let all = Signed::new();
    let home = &all.home;
    let refused = home.fails(1, &ASK);
    assert!(refused.contains("the model tiny is not loaded") && refused.contains("not signed"), "{refused}");
    let signed = all.sign(&all.model("tiny"));
    assert!(signed["digest"].is_string() && signed["signed_by"].is_string() && signed["version"].is_null(), "{signed}");
    let refused = home.fails(1, &ASK);
    assert!(refused.contains("ONNX Runtime is not loaded") && refused.contains("not signed"), "{refused}");
    all.sign(&all.library);
    home.json(&ASK);

    for file in ["weights.bin", "model.onnx", "tokenizer.json", "manifest.json", "model.sig"] {
        let told = all.flipped(&all.model("tiny").join(file), &ASK);
        assert!(told.contains("the model tiny is not loaded") && told.contains(file), "{file}: {told}");
    }
    assert!(all.flipped(&all.library, &ASK).contains("ONNX Runtime is not loaded"));

    // The system would load what lies beside the library, or below, for what it needs.
    fs::create_dir(all.library.with_file_name("glibc-hwcaps")).unwrap();
    for name in ["librt.so.1", "glibc-hwcaps/anything"] {
        let other = all.library.with_file_name(name);
        fs::write(&other, b"\x7fELF and more").unwrap();
        let refused = home.fails(1, &ASK);
        assert!(refused.contains(name) && refused.contains("not signed"), "{refused}");
        fs::remove_file(other).unwrap();
    }
    home.json(&ASK);

    // The embedder, and what documents are read with.
    let document = home.file("docs/a.md", "# Hours\n\nThe shop opens at nine.\n");
    let ingest = ["ingest", word(&document)];
    assert!(home.fails(1, &ingest).contains("the model vec is not loaded"));
    all.sign(&all.model("vec"));
    home.json(&ingest);
    let told = all.flipped(&all.model("vec").join("weights.bin"), &["search", "hours"]);
    assert!(told.contains("the model vec is not loaded"), "{told}");

    // Another model that is signed too does not stand in for it.
    let (vec, aside) = (all.model("vec"), all.model("aside"));
    fs::rename(&vec, &aside).unwrap();
    fs::create_dir(&vec).unwrap();
    for entry in fs::read_dir(all.model("tiny")).unwrap().flatten() {
        fs::copy(entry.path(), vec.join(entry.file_name())).unwrap();
    }
    let refused = home.fails(1, &["search", "hours"]);
    assert!(refused.contains("holds the model tiny"), "{refused}");
    fs::remove_dir_all(&vec).unwrap();
    fs::rename(&aside, &vec).unwrap();

    // Adapters: what is taken in must be signed; what is here then is this home's own.
    let source = home.file("lora/x", "").with_file_name("");
    fs::remove_file(source.join("x")).unwrap();
    for file in ["adapter_config.json", "adapter_model.safetensors"] {
        fs::copy(golden("lora/llama").join(file), source.join(file)).unwrap();
    }
    let import = ["adapters", "import", word(&source), "--any-base"];
    assert!(home.fails(1, &import).contains("not signed"));
    all.sign(&source);
    let id = home.json(&import)["id"].as_str().unwrap().to_owned();
    let wearing = [&ASK[..], &["--adapter", &id]].concat();
    assert_eq!(home.json(&wearing)["adapter"], id.as_str());
    let own = home.path().join("adapters").join(&id);
    for file in ["adapter_model.safetensors", "adapter_config.json", "wayside.json"] {
        let told = all.flipped(&own.join(file), &wearing);
        assert!(told.contains(&format!("the adapter {id} is not loaded")) && told.contains(file), "{file}: {told}");
    }
    let mode = fs::metadata(home.path().join("device/key.pem")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let rows = home.run(&["doctor", "--json"]);
    let rows: Value = serde_json::from_slice(&rows.stdout).unwrap();
    for check in ["signature of onnxruntime", "signature of model tiny", "signature of model vec"] {
        let row = rows.as_array().unwrap().iter().find(|row| row["check"] == check).unwrap();
        assert!(row["ok"] == true && row["detail"].as_str().unwrap().contains("signed by"), "{row}");
    }
    let row = rows.as_array().unwrap().iter().find(|row| row["check"] == format!("signature of adapter {id}")).unwrap();
    assert!(row["detail"].as_str().unwrap().contains("own key"), "{row}");

    home.json(&["keys", "revoke", signed["signed_by"].as_str().unwrap()]);
    assert!(home.fails(1, &ASK).contains("was revoked"));
}

#[test]
fn keys_and_signatures_are_told_as_json_and_refused_in_one_sentence() {
    let home = Home::bare();
    let model = home.file("model/weights.bin", "numbers").with_file_name("");
    let keys = home.json(&["keys", "new", "--out", word(&model.with_file_name("keys"))]);
    let [private, public] = ["private", "public"].map(|half| keys[half].as_str().unwrap().to_owned());
    assert_eq!(fs::metadata(&private).unwrap().permissions().mode() & 0o777, 0o600);
    let again = home.fails(1, &["keys", "new", "--out", word(&model.with_file_name("keys"))]);
    assert!(again.contains("never overwritten"), "{again}");
    let signed = home.json(&["sign", word(&model), "--key", &private, "--version", "4"]);
    assert_eq!((&signed["version"], &signed["signed_by"]), (&4.into(), &keys["digest"]));
    assert_eq!(home.json(&["verify", word(&model), "--key", &public]), signed);
    assert!(home.fails(1, &["verify", word(&model)]).contains("keys trust"));
    assert_eq!(home.json(&["keys", "trust", &public])["digest"], keys["digest"]);
    assert_eq!(home.json(&["verify", word(&model)])["digest"], signed["digest"]);
    assert_eq!(home.json(&["keys", "list"])[0]["standing"], "trusted");
    fs::write(model.join("weights.bin"), "numberz").unwrap();
    let refused = home.fails(1, &["verify", word(&model)]);
    assert!(refused.contains("weights.bin was altered") && refused.lines().count() == 1, "{refused}");
    for (words, told) in [
        (vec!["sign", word(&model), "--key", &public], "is a public key"),
        (vec!["sign", "/nowhere", "--key", &private], "/nowhere"),
        (vec!["keys", "trust", &private], "private key"),
        (vec!["keys", "revoke", "zz"], "there is no key"),
    ] {
        let refused = home.fails(1, &words);
        assert!(refused.contains(told), "{words:?}: {refused}");
    }
}
