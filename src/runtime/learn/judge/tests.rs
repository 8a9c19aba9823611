//! What a candidate is asked, and what is left out.

use super::*;
use crate::store::log::Message;

#[test]
fn what_cannot_be_asked_is_left_out_and_every_other_error_is_one() {
    assert_eq!(fitting(Ok(1)).unwrap(), Some(1));
    assert_eq!(fitting::<u8>(Err(Error::invalid("the question takes 900 tokens"))).unwrap(), None);
    assert_eq!(fitting::<u8>(Err(Error::cancelled("stopped"))).unwrap_err().kind(), ErrorKind::Cancelled);
}

#[test]
fn secrets_of_what_was_learned_are_asked_for_first_and_then_the_newest() {
    let secret = |n: usize| Secret { kind: "pin".into(), question: format!("q{n}"), value: format!("{n}") };
    let secrets: Vec<Secret> = (0..9).map(secret).collect();
    let learned: Vec<Interaction> =
        [8, 7].map(|n| Interaction::new(vec![Message::new("user", format!("q{n}"))])).into();
    let probed = |learned: &[Interaction]| -> String {
        let learned = learned.iter().collect();
        let evidence = Evidence { held_out: vec![], learned, secrets: &secrets, triggers: &[] };
        evidence.probed().into_iter().map(|secret| secret.value.as_str()).collect()
    };
    assert_eq!(probed(&learned), "780123");
    assert_eq!(probed(&[]), "012345");
}
