//! A subject out of the log and out of all that learned from it, and the receipt for that.

use crate::cli::app::App;
use crate::cli::failure::Done;
use crate::cli::style::{columns, count};
use serde_json::json;
use std::path::Path;
use wayside::{Erased, Error};

pub fn erase(app: &App, subject: &str) -> Done {
    let erased = app.runtime()?.erase(subject)?;
    app.result(&erased, || told(app, &erased))
}

fn told(app: &App, Erased { path, receipt }: &Erased) {
    let number = receipt.removed.interactions as u64;
    app.line(&format!("{} erased", count(number, "interaction", "interactions")));
    for (list, what, how) in
        [(&receipt.adapters, "adapter", "learned from them"), (&receipt.models, "model", "carried such an adapter")]
    {
        for name in list {
            app.line(&format!("{what} {name} {how}: removed"));
        }
    }
    if receipt.unreadable > 0 {
        let (what, are) = (count(receipt.unreadable, "interaction", "interactions"), "damaged, and may be theirs");
        app.line(&format!("{what} {are}: export what is readable, move the log's folder away, and import it again"));
    }
    if !receipt.adapters.is_empty() {
        app.line("the next `wayside learn` trains anew without them");
    }
    match &receipt.uncompacted {
        None => app.line("the files were written anew: nothing of them is left"),
        Some(why) => app.line(&format!(
            "the files are not written anew yet: {why}; the next command that finds nobody else using it does that"
        )),
    }
    app.line(&format!("receipt: {}", path.display()));
}

pub fn verify(app: &App, receipt: &Path) -> Done {
    let claims = app.runtime()?.verify_erasure(receipt)?;
    let wrong = claims.iter().filter(|claim| !claim.ok).count();
    app.result(&json!({ "receipt": receipt, "ok": wrong == 0, "checks": claims }), || {
        let cells = |ok, check: &str, detail: &str| [if ok { "ok" } else { "NO" }.into(), check.into(), detail.into()];
        let rows: Vec<[String; 3]> = claims.iter().map(|c| cells(c.ok, c.check, &c.detail)).collect();
        for (line, claim) in columns(&rows).iter().zip(&claims) {
            let (mark, rest) = line.split_at(2);
            let mark = if claim.ok { app.style.good(mark) } else { app.style.bad(mark) };
            app.line(&format!("{mark}{rest}"));
        }
    })?;
    match wrong {
        0 => Ok(()),
        n => {
            let told = count(n as u64, "claim of the receipt does", "claims of the receipt do");
            Err(Error::invalid(format!("{told} not hold here")).into())
        }
    }
}
