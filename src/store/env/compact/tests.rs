//! What was removed is gone, and nothing else ever is: not by a sudden end, not by another process.

use super::*;
use crate::store::env::tests::{SMALL, child, count, open, put, store};
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

const SECRET: &[u8] = b"the secret of number ";

/// How often the secret stands in the files of a folder.
fn found(dir: &Path) -> usize {
    let files = walkdir::WalkDir::new(dir).into_iter().flatten().filter(|e| e.file_type().is_file());
    let bytes = files.map(|e| std::fs::read(e.path()).unwrap());
    bytes.map(|b| b.windows(SECRET.len()).filter(|w| *w == SECRET).count()).sum()
}

/// A store with what is kept and what is removed, of sizes that LMDB puts into pages of all kinds.
fn filled(dir: &Path) {
    let (env, table) = open(dir, &SMALL).unwrap();
    for n in 0..120u32 {
        let size = [10, 90, 500, 1_900, 2_500, 9_000][n as usize % 6];
        let secret = format!("the secret of number {n} ").repeat(1 + size / 24);
        env.write(|txn| table.put(txn, format!("secret {n}").as_bytes(), &secret)).unwrap();
        put(&env, table, n, size).unwrap();
    }
}

fn forget(dir: &Path) {
    let (env, [meta, table]) = Env::open(dir, &SMALL, ["meta", "values"]).unwrap();
    env.write(|txn| {
        for n in 0..120 {
            table.delete(txn, format!("secret {n}").as_bytes())?;
        }
        mark(txn, &meta)
    })
    .unwrap();
    assert!(env.uncompacted(&meta).unwrap().unwrap().contains("opened again"));
}

/// Opens the store and says why it is not compacted.
fn why(dir: &Path) -> Option<String> {
    let (env, [meta, table]) = Env::open(dir, &SMALL, ["meta", "values"]).unwrap();
    assert_eq!(count(&env, table).unwrap(), 120);
    env.uncompacted(&meta).unwrap()
}

fn entries(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn no_byte_of_what_was_removed_stays() {
    let home = tempfile::tempdir().unwrap();
    filled(home.path());
    forget(home.path());
    assert!(found(home.path()) > 1_000, "this tests nothing");
    assert_eq!(why(home.path()), None);
    assert_eq!(found(home.path()), 0);
    assert_eq!(entries(home.path()), ["data.mdb", "lock.mdb", "open.lock"]);
    let (env, table) = open(home.path(), &SMALL).unwrap();
    for n in 0..120u32 {
        let kept: Option<String> = env.read(|txn| table.get(txn, &n.to_be_bytes())).unwrap();
        assert_eq!(kept.unwrap().len(), [10, 90, 500, 1_900, 2_500, 9_000][n as usize % 6]);
    }
}

#[test]
fn an_interruption_leaves_the_old_file_or_the_new_one() {
    let home = tempfile::tempdir().unwrap();
    filled(home.path());
    forget(home.path());
    // The power goes when the copy is done, and again in the middle of a copy.
    let staged = stage(home.path(), &SMALL, ["meta", "values"]).unwrap().keep();
    std::fs::create_dir(home.path().join(".tmp-half")).unwrap();
    std::fs::copy(home.path().join(DATA), home.path().join(".tmp-half").join(DATA)).unwrap();
    assert!(found(home.path()) > 1_000);
    assert_eq!(why(home.path()), None);
    assert_eq!((found(home.path()), staged.exists()), (0, false));
    // And when the file is in its place, before anything is cleared away.
    forget(home.path());
    let staged = stage(home.path(), &SMALL, ["meta", "values"]).unwrap().keep();
    take_place(&staged, home.path()).unwrap();
    assert_eq!(why(home.path()), None);
}

#[test]
fn a_full_disk_puts_it_off() {
    let home = tempfile::tempdir().unwrap();
    filled(home.path());
    forget(home.path());
    // A limit on the size of files refuses writes as a full disk does.
    let data = std::fs::metadata(home.path().join(DATA)).unwrap();
    let program = child("compact::tests::child_cannot_write", home.path());
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", "trap '' XFSZ; ulimit -f 100; exec \"$0\" \"$@\""]).arg(program.get_program());
    let output = shell.args(program.get_args()).env("STORE", home.path()).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && told.contains("put off"), "{told}");
    assert_eq!(std::fs::metadata(home.path().join(DATA)).unwrap().len(), data.len());
    // A child that another test is starting holds every open file for a moment, locks too, until it is its program.
    let last = (0..50).map(|_| why(home.path())).find(|told| {
        std::thread::sleep(std::time::Duration::from_millis(if told.is_some() { 20 } else { 0 }));
        told.is_none()
    });
    assert_eq!(last, Some(None));
}

#[test]
#[ignore = "run by a_full_disk_puts_it_off"]
fn child_cannot_write() {
    let Some(dir) = std::env::var_os("STORE") else { return };
    let told = why(Path::new(&dir)).unwrap();
    assert!(told.contains("space"), "{told}");
    println!("\nput off");
}

#[test]
fn it_waits_until_nobody_else_has_the_store_open() {
    let home = tempfile::tempdir().unwrap();
    filled(home.path());
    let mut other =
        child("compact::tests::child_holds", home.path()).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(other.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.by_ref().any(|line| line == "open"));
    forget(home.path());
    assert!(why(home.path()).unwrap().contains("another process"));
    assert!(found(home.path()) > 1_000);
    writeln!(other.stdin.take().unwrap(), "go").unwrap();
    assert!(other.wait().unwrap().success());
    // What the other process wrote at the end is there.
    assert_eq!(why(home.path()), None);
    let (env, table) = open(home.path(), &SMALL).unwrap();
    assert_eq!(env.read(|txn| table.get::<String>(txn, &7u32.to_be_bytes())).unwrap().unwrap(), "x".repeat(77));
    assert_eq!(found(home.path()), 0);
}

#[test]
#[ignore = "run by it_waits_until_nobody_else_has_the_store_open"]
fn child_holds() {
    let Some((env, table)) = store() else { return };
    println!("\nopen");
    std::io::stdin().read_line(&mut String::new()).unwrap();
    put(&env, table, 7, 77).unwrap();
}

#[test]
fn writers_that_come_and_go_lose_nothing() {
    let home = tempfile::tempdir().unwrap();
    filled(home.path());
    let mut other = child("compact::tests::child_comes_and_goes", home.path()).stdout(Stdio::null()).spawn().unwrap();
    let mut alone = 0;
    while other.try_wait().unwrap().is_none() {
        let (env, [meta, _]) = Env::open(home.path(), &SMALL, ["meta", "values"]).unwrap();
        alone += u32::from(env.uncompacted(&meta).unwrap().is_none());
        env.write(|txn| mark(txn, &meta)).unwrap();
    }
    assert!(other.wait().unwrap().success());
    assert!(alone > 0, "this tests nothing");
    let (env, table) = open(home.path(), &SMALL).unwrap();
    assert_eq!(count(&env, table).unwrap(), 240 + 60);
}

#[test]
#[ignore = "run by writers_that_come_and_go_lose_nothing"]
fn child_comes_and_goes() {
    for key in 1_000..1_060 {
        let Some((env, table)) = store() else { return };
        put(&env, table, key, 50).unwrap();
    }
}

#[test]
fn a_sudden_end_at_any_time_loses_nothing() {
    let home = tempfile::tempdir().unwrap();
    filled(home.path());
    for round in 0..20 {
        let mut writer = child("compact::tests::child_compacts", home.path()).stdout(Stdio::piped()).spawn().unwrap();
        let mut acknowledged = BufReader::new(writer.stdout.take().unwrap())
            .lines()
            .filter_map(|l| l.unwrap().strip_prefix("kept ")?.parse::<u32>().ok());
        let mut kept = acknowledged.next().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(round * 7));
        writer.kill().unwrap();
        writer.wait().unwrap();
        kept = acknowledged.last().unwrap_or(kept);
        let (env, [meta, table]) = Env::open(home.path(), &SMALL, ["meta", "values"]).unwrap();
        assert_eq!(env.uncompacted(&meta).unwrap(), None);
        for key in 1_000..=kept {
            assert!(env.read(|txn| table.get::<String>(txn, &key.to_be_bytes())).unwrap().is_some(), "{key}");
        }
    }
    assert_eq!(entries(home.path()).iter().filter(|name| !name.starts_with(".tmp-")).count(), 3);
}

#[test]
#[ignore = "run by a_sudden_end_at_any_time_loses_nothing"]
fn child_compacts() {
    let Some(dir) = std::env::var_os("STORE") else { return };
    for key in 1_000..u32::MAX {
        let (env, [meta, table]) = Env::open(Path::new(&dir), &SMALL, ["meta", "values"]).unwrap();
        env.write(|txn| {
            table.put(txn, &key.to_be_bytes(), &"y")?;
            mark(txn, &meta)
        })
        .unwrap();
        println!("\nkept {key}");
    }
}
