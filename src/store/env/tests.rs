//! The environment under hard conditions: damage, growth, other processes, a full disk, sudden death.
//!
//! Other processes are this test program again, asked to run one of the ignored tests below on `STORE`.

#[path = "../../../tests/runner.rs"]
mod runner;

use super::kind::check_record;
use super::*;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

/// Grows at once.
pub(super) static SMALL: Kind =
    Kind { name: "small", remedy: "try again", map_size: 1 << 20, upgrades: &[], check: check_record };
static UPGRADED: Kind =
    Kind { name: "small", remedy: "try again", map_size: 1 << 20, upgrades: &[|_, _| Ok(())], check: check_record };

pub(super) fn open(dir: &Path, kind: &'static Kind) -> Result<(Env, Table)> {
    Env::open(dir, kind, ["meta", "values"]).map(|(env, [_, values])| (env, values))
}

pub(super) fn put(env: &Env, table: Table, key: u32, bytes: usize) -> Result<()> {
    let value = "x".repeat(bytes);
    env.write(|txn| table.put(txn, &key.to_be_bytes(), &value))
}

pub(super) fn count(env: &Env, table: Table) -> Result<u64> {
    env.read(|txn| Ok(table.raw().len(txn)?))
}

fn kind_of(dir: &Path, kind: &'static Kind) -> ErrorKind {
    open(dir, kind).err().unwrap().kind()
}

pub(super) fn child(test: &str, dir: &Path) -> Command {
    let mut command = runner::command(std::env::current_exe().unwrap());
    command.args(["--exact", &format!("store::env::{test}"), "--ignored", "--nocapture", "-q"]);
    command.env("STORE", dir);
    command
}

/// The store that the parent names; nothing when there is no parent.
pub(super) fn store() -> Option<(Env, Table)> {
    let dir = std::env::var_os("STORE")?;
    Some(open(Path::new(&dir), &SMALL).unwrap())
}

#[test]
fn a_damaged_file_is_an_error() {
    let home = tempfile::tempdir().unwrap();
    let (env, table) = open(home.path(), &SMALL).unwrap();
    (0..200).for_each(|key| put(&env, table, key, 1_000).unwrap());
    drop(env);
    let file = home.path().join("data.mdb");
    let whole = std::fs::read(&file).unwrap();
    let noise: Vec<u8> = (0..40_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let mut lying = whole.clone();
    lying[40..44].fill(0);
    for bytes in [&[][..], &noise, &whole[..5_000], &whole[..whole.len() / 2], &lying] {
        std::fs::write(&file, bytes).unwrap();
        let error = open(home.path(), &SMALL).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{} bytes: {error}", bytes.len());
        assert!(error.to_string().contains("data.mdb") && error.to_string().contains("try again"), "{error}");
    }
    std::fs::write(&file, &whole).unwrap();
    let (env, table) = open(home.path(), &SMALL).unwrap();
    assert_eq!(count(&env, table).unwrap(), 200);
}

/// Of pages that LMDB would trust, none is lost unnoticed; what is shown to be whole can be read.
#[test]
fn a_lost_page_is_found() {
    let home = tempfile::tempdir().unwrap();
    let (env, table) = open(home.path(), &SMALL).unwrap();
    let page = env.read(|txn| Ok(table.raw().stat(txn)?.page_size as usize)).unwrap();
    (0..200).for_each(|key| put(&env, table, key, if key % 50 == 0 { 2 * page } else { page / 40 }).unwrap());
    env.verify().unwrap();
    drop(env);
    let file = home.path().join("data.mdb");
    let whole = std::fs::read(&file).unwrap();
    let mut lost = 0;
    for at in (2 * page..whole.len()).step_by(page) {
        let mut bytes = whole.clone();
        bytes[at..][..page].fill(0);
        std::fs::write(&file, bytes).unwrap();
        match open(home.path(), &SMALL) {
            Ok((env, table)) => {
                env.verify().unwrap();
                assert_eq!(count(&env, table).unwrap(), 200);
            }
            Err(e) => {
                assert!(e.kind() == ErrorKind::Corrupt && e.to_string().contains("try again"), "{e}");
                lost += 1;
            }
        }
    }
    assert!(lost > 5, "{lost} pages");
}

#[test]
fn a_file_that_is_short_of_freed_pages_only_is_whole() {
    let home = tempfile::tempdir().unwrap();
    let (env, table) = open(home.path(), &SMALL).unwrap();
    put(&env, table, 1, 10).unwrap();
    // The pages of the large value are used and freed in one transaction: LMDB never writes them.
    env.write(|txn| {
        table.put(txn, b"large", &"x".repeat(500_000))?;
        table.delete(txn, b"large")?;
        table.put(txn, b"small", &"x")
    })
    .unwrap();
    let (pages, bytes) = (env.heed.info().last_page_number as u64 + 1, env.bytes().unwrap());
    let page = env.read(|txn| Ok(u64::from(table.raw().stat(txn)?.page_size))).unwrap();
    drop(env);
    assert!(pages * page > bytes, "{pages} pages in {bytes} bytes: this tests nothing");
    let (env, table) = open(home.path(), &SMALL).unwrap();
    assert_eq!(count(&env, table).unwrap(), 2);
}

#[test]
fn the_map_grows_under_readers_and_writers() {
    let home = tempfile::tempdir().unwrap();
    let (env, table) = open(home.path(), &SMALL).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let env = &env;
            scope.spawn(move || {
                for i in 0..20 {
                    put(env, table, thread * 100 + i, 100_000).unwrap();
                    count(env, table).unwrap();
                }
            });
        }
    });
    assert_eq!(count(&env, table).unwrap(), 80);
    assert!(env.heed.info().map_size > 8_000_000);
    // And in one transaction that is larger than the map.
    env.write(|txn| (0..400u32).try_for_each(|i| table.put(txn, &i.to_be_bytes(), &"y".repeat(100_000)))).unwrap();
    drop(env);
    let (env, table) = open(home.path(), &SMALL).unwrap();
    assert_eq!(count(&env, table).unwrap(), 400);
}

#[test]
fn one_process_opens_a_store_once() {
    let home = tempfile::tempdir().unwrap();
    let open_one = open(home.path(), &SMALL).unwrap();
    assert_eq!(kind_of(home.path(), &SMALL), ErrorKind::Busy);
    drop(open_one);
    open(home.path(), &SMALL).unwrap();
}

#[test]
fn what_cannot_be_a_folder_is_an_error() {
    let error = open(Path::new("/proc/wayside"), &SMALL).err().unwrap();
    assert!(error.to_string().contains("/proc/wayside"), "{error}");
}

#[test]
fn versions_and_kinds_are_told_apart() {
    let home = tempfile::tempdir().unwrap();
    drop(open(home.path(), &SMALL).unwrap());
    assert_eq!(kind_of(home.path(), &LOG), ErrorKind::Incompatible);
    drop(open(home.path(), &UPGRADED).unwrap());
    let error = open(home.path(), &SMALL).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Incompatible);
    assert!(error.to_string().contains("newer Wayside"), "{error}");
    drop(open(home.path(), &UPGRADED).unwrap());
}

#[test]
fn a_failed_commit_refuses_further_writes_but_not_reads() {
    let home = tempfile::tempdir().unwrap();
    let (env, table) = open(home.path(), &SMALL).unwrap();
    put(&env, table, 1, 10).unwrap();
    let fault = env.failed(heed::Error::Io(std::io::Error::from_raw_os_error(5)));
    assert!(matches!(&fault, Fault::Failed(e) if e.kind() == ErrorKind::Io), "{fault:?}");
    let error = put(&env, table, 2, 10).unwrap_err();
    assert!(error.to_string().contains("open it again"), "{error}");
    assert_eq!(count(&env, table).unwrap(), 1);
    drop(env);
    let (env, table) = open(home.path(), &SMALL).unwrap();
    put(&env, table, 2, 10).unwrap();
}

#[test]
fn two_processes_share_a_store_and_follow_its_growth() {
    let home = tempfile::tempdir().unwrap();
    let (env, table) = open(home.path(), &SMALL).unwrap();
    let mut other = child("tests::child_fills", home.path()).stdout(Stdio::null()).spawn().unwrap();
    for key in 1_000..1_040 {
        put(&env, table, key, 1_000).unwrap();
    }
    assert!(other.wait().unwrap().success());
    assert_eq!(count(&env, table).unwrap(), 90);
    put(&env, table, 9_999, 10).unwrap();
}

#[test]
#[ignore = "run by two_processes_share_a_store_and_follow_its_growth"]
fn child_fills() {
    let Some((env, table)) = store() else { return };
    (0..50).for_each(|key| put(&env, table, key, 100_000).unwrap());
}

#[test]
#[cfg(unix)]
fn a_full_disk_changes_nothing() {
    let home = tempfile::tempdir().unwrap();
    let (env, table) = open(home.path(), &SMALL).unwrap();
    put(&env, table, 1, 100_000).unwrap();
    drop(env);
    // A limit on the size of files refuses writes as a full disk does; the signal that comes with it is ignored.
    let program = child("tests::child_meets_the_limit", home.path());
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' XFSZ; ulimit -f 1000; exec \"$0\" \"$@\""]).arg(program.get_program());
    let output = shell.args(program.get_args()).env("STORE", home.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (env, table) = open(home.path(), &SMALL).unwrap();
    assert_eq!(count(&env, table).unwrap(), 2);
    put(&env, table, 2, 3_000_000).unwrap();
}

#[test]
#[ignore = "run by a_full_disk_changes_nothing"]
fn child_meets_the_limit() {
    let Some((env, table)) = store() else { return };
    let error = put(&env, table, 2, 3_000_000).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Full, "{error}");
    assert_eq!(count(&env, table).unwrap(), 1);
    // A full disk is no reason to give up: what fits can still be kept.
    put(&env, table, 3, 10).unwrap();
}

#[test]
fn what_was_acknowledged_survives_a_sudden_end() {
    let home = tempfile::tempdir().unwrap();
    let mut kept = 0;
    for _ in 0..5 {
        let mut writer = child("tests::child_acknowledges", home.path()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(writer.stdout.take().unwrap()).lines();
        let mut acknowledged = lines.filter_map(|l| l.unwrap().strip_prefix("kept ")?.parse::<u64>().ok());
        kept = acknowledged.by_ref().take(20).last().unwrap();
        writer.kill().unwrap();
        writer.wait().unwrap();
        kept = acknowledged.last().unwrap_or(kept);
        let (env, table) = open(home.path(), &SMALL).unwrap();
        assert!(count(&env, table).unwrap() >= kept);
    }
    assert!(kept >= 100);
}

#[test]
#[ignore = "run by what_was_acknowledged_survives_a_sudden_end"]
fn child_acknowledges() {
    let Some((env, table)) = store() else { return };
    let mut out = std::io::stdout();
    for key in count(&env, table).unwrap()..u64::MAX {
        put(&env, table, key as u32, 500).unwrap();
        writeln!(out, "kept {}", key + 1).unwrap();
    }
}
