//! Models on the command line: listed, shown, chosen, removed.

use super::home::{Home, text, word};
use crate::support::golden;
use serde_json::Value;
use wayside::parts::{EMBEDDER, LANGUAGE_MODEL};

fn row(list: &Value, name: &str) -> Value {
    list.as_array().unwrap().iter().find(|row| row["name"] == name).cloned().unwrap_or(Value::Null)
}

#[test]
fn models_are_listed_shown_chosen_and_removed() {
    let home = Home::with_models_of_its_own();
    let imported = home.json(&["import", word(&golden("tiny/gemma3")), "--name", "gem"]);
    assert_eq!(imported["architecture"], "gemma3_text");
    home.json(&["import", word(&golden("tiny/bert-mean")), "--name", "vec"]);

    let list = home.json(&["models", "list"]);
    for name in [LANGUAGE_MODEL, EMBEDDER, "gem", "vec"] {
        let row = row(&list, name);
        for key in ["family", "bytes", "weights", "present"] {
            assert!(!row[key].is_null(), "{name} has no {key}: {row}");
        }
        assert_eq!(row["context_mb"].is_number(), [LANGUAGE_MODEL, "gem"].contains(&name), "{row}");
        assert_eq!(row["in_use"], [LANGUAGE_MODEL, EMBEDDER].contains(&name), "{row}");
    }
    let shown = text(&home.run(&["models", "list"]).stdout);
    assert!(shown.starts_with("NAME") && shown.contains(&format!("{LANGUAGE_MODEL}*")), "{shown}");
    let shown = home.json(&["models", "show", "gem"]);
    assert_eq!((&shown["family"], &shown["context"], &shown["in_use"]), (&"gemma3_text".into(), &512.into(), &false.into()));

    // What somebody wrote into the file stays.
    let config = home.path().join("config.toml");
    std::fs::write(&config, "# ours\nthreads = 2 # both\n\n[generate]\nmax_tokens = 9\n").unwrap();
    assert_eq!(home.json(&["models", "use", "gem"])["before"], LANGUAGE_MODEL);
    let text = std::fs::read_to_string(&config).unwrap();
    assert!(text.starts_with("# ours\nthreads = 2 # both\nmodel = \"gem\"\n") && text.contains("max_tokens = 9"), "{text}");
    assert_eq!(row(&home.json(&["models", "list"]), "gem")["in_use"], true);
    assert_eq!(home.json(&["ask", "Why?", "--no-retrieval", "--greedy"])["model"], "gem");
    assert!(home.fails(1, &["models", "remove", "gem"]).contains("models use"));
    home.json(&["models", "use", LANGUAGE_MODEL]);
    assert_eq!(home.json(&["models", "use", "vec"])["setting"], "embedder");
    home.json(&["models", "use", EMBEDDER]);

    assert!(home.json(&["models", "remove", "gem"])["bytes"].as_u64().unwrap() > 10_000);
    assert!(!home.path().join("models/gem").exists());
    for wrong in [&["models", "remove", "gem"][..], &["models", "use", "gem"], &["models", "show", ".."]] {
        assert!(home.fails(1, wrong).contains("there is no model"), "{wrong:?}");
    }
}

#[test]
fn a_model_that_is_too_large_for_the_memory_is_refused_before_it_is_loaded() {
    let home = Home::with_models_of_its_own();
    home.json(&["import", word(&golden("tiny/llama")), "--name", "tiny"]);
    // A manifest that tells of a conversation of some petabytes; nothing is loaded to find out.
    let manifest = home.path().join("models/tiny/manifest.json");
    let mut told: Value = serde_json::from_slice(&std::fs::read(&manifest).unwrap()).unwrap();
    told["model"]["layers"] = 1_000_000_000_u64.into();
    std::fs::write(&manifest, told.to_string()).unwrap();
    let refused = home.fails(1, &["ask", "Why?", "--no-retrieval", "--model", "tiny"]);
    assert!(refused.contains("MiB are free") && refused.contains(LANGUAGE_MODEL), "{refused}");
}

#[test]
fn an_adapter_that_names_another_base_is_refused_until_somebody_says_it_is_the_same() {
    let home = Home::with_models_of_its_own();
    home.json(&["import", word(&golden("tiny/llama")), "--name", "tiny"]);
    let from = golden("lora/llama");
    let dir = home.file("other/README.md", "").with_file_name("");
    for file in ["adapter_config.json", "adapter_model.safetensors"] {
        let bytes = std::fs::read(from.join(file)).unwrap();
        let text = String::from_utf8_lossy(&bytes).replace("tiny/llama", "meta-llama/Llama-3.2-1B");
        std::fs::write(dir.join(file), if file.ends_with("json") { text.into_bytes() } else { bytes }).unwrap();
    }
    let refused = home.fails(1, &["adapters", "import", word(&dir), "--model", "tiny"]);
    assert!(refused.contains("meta-llama/Llama-3.2-1B") && refused.contains("--any-base"), "{refused}");
    assert_eq!(home.json(&["adapters", "list"]), Value::Array(vec![]));
    let taken = home.json(&["adapters", "import", word(&dir), "--model", "tiny", "--any-base"]);
    let named = home.json(&["adapters", "import", word(&from), "--model", "tiny"]);
    assert_eq!(taken["rank"], named["rank"]);
    let file = golden("lora/llama.gguf");
    assert_eq!(home.json(&["adapters", "import", word(&file), "--model", "tiny"])["rank"], named["rank"]);
}
