//! Questions that are refused.

use super::*;
use crate::ErrorKind;

#[test]
fn what_cannot_be_kept_is_refused_before_anything_is_loaded() {
    let home = tempfile::tempdir().unwrap();
    let runtime = Runtime::open(home.path()).unwrap();
    for subject in ["", "a\tb", &"x".repeat(201)] {
        let mut question = runtime.question("Is it open?");
        question.subject = Some(subject.to_owned());
        let refused = runtime.ask(&question, &Cancel::new(), &mut |_| panic!("nothing is said")).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Invalid, "{refused}");
    }
}
