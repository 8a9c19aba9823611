//! Devices, on machines that have no GPU: who asks for one is told why there is none, and answered all the same.

use super::home::{Home, text};
use wayside::engine;

/// A home; none on a machine with a GPU, where all of this is otherwise.
fn home_without_a_gpu() -> Option<Home> {
    engine::driver().is_err().then(Home::new)
}

const ASK: [&str; 5] = ["ask", "--no-retrieval", "--greedy", "--max-tokens", "6"];

#[test]
fn without_a_gpu_the_cpu_answers_with_a_warning() {
    let Some(home) = home_without_a_gpu() else { return };
    let ask = |more: &[&str]| home.run(&[&ASK[..], more, &["--json", "What is a lamp?"]].concat());
    let answer = |output: &std::process::Output| {
        let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        said["answer"].clone()
    };
    let plain = ask(&[]);
    for device in ["cuda", "tensorrt"] {
        let asked = ask(&["--device", device]);
        let told = text(&asked.stderr);
        assert!(told.contains(&format!("instead of {device}")) && told.contains("NVIDIA driver"), "{told}");
        assert_eq!(told.matches("models run on the CPU").count(), 1, "{told}");
        assert_eq!(answer(&asked), answer(&plain));
    }
    let silent = ask(&["--device", "auto"]);
    assert_eq!((text(&silent.stderr), answer(&silent)), (text(&plain.stderr), answer(&plain)));
}

#[test]
fn without_a_gpu_and_without_the_cpu_there_is_an_error() {
    let Some(home) = home_without_a_gpu() else { return };
    let ask = |more: &[&str]| home.fails(1, &[&ASK[..], more, &["What is a lamp?"]].concat());
    let told = ask(&["--device", "cuda", "--no-fallback"]);
    assert!(told.contains("libcuda.so.1") && told.lines().count() == 1, "{told}");
    home.file("home/config.toml", "device = \"cuda\"\ndevice_fallback = false\n");
    assert_eq!(ask(&[]), told);
    // Who only wants what is best has no wish that can fail.
    home.json(&[&ASK[..], &["--device", "auto", "--no-fallback", "What is a lamp?"]].concat());
    assert!(home.fails(2, &["ask", "--device", "gpu", "What?"]).contains("tensorrt"));
}

#[test]
fn doctor_says_which_device_and_why_not() {
    let Some(home) = home_without_a_gpu() else { return };
    let row = |more: &[&str]| {
        let output = home.run(&[&["doctor", "--json"], more].concat());
        let checks: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap();
        checks.into_iter().find(|c| c["check"] == "device").unwrap()
    };
    let [asked, auto, cuda, strict] =
        [&[][..], &["--device", "auto"], &["--device", "cuda"], &["--device", "cuda", "--no-fallback"]].map(row);
    assert_eq!((&asked["ok"], &asked["detail"]), (&true.into(), &"cpu, as asked".into()));
    assert!(auto["ok"] == true && auto["detail"].as_str().unwrap().contains("libcuda.so.1"), "{auto}");
    assert!(cuda["ok"] == false && cuda["blocks"] == false, "{cuda}");
    assert!(cuda["detail"].as_str().unwrap().contains("libcuda.so.1"), "{cuda}");
    assert_eq!(strict["blocks"], true, "{strict}");
}
