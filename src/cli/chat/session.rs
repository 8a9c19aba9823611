//! Who is served, and the clock that ends it.

use super::command::Command;
use std::time::{Duration, Instant};
use wayside::Error;
use wayside::config::{Language, Phrases};

/// What is left of the time when it is shown; of a short time, half.
#[cfg(feature = "tui")]
const WARNING: Duration = Duration::from_secs(15);

/// One person's time at the terminal.
#[derive(Debug)]
pub struct Session {
    subject: Option<String>,
    /// Whether every question must belong to somebody.
    named: bool,
    /// None: nothing ends by itself.
    idle: Option<Duration>,
    /// When the person was last heard of. None: there is nobody to go away, or an answer is under way.
    heard: Option<Instant>,
    /// In whose words the terminal speaks.
    phrases: &'static Phrases,
}

impl Session {
    /// A session of `subject`, or one of nobody in particular; it ends after `idle`, or never where that is zero.
    pub fn new(subject: Option<String>, idle: Duration, now: Instant) -> Self {
        let named = subject.is_some();
        let (idle, phrases) = ((!idle.is_zero()).then_some(idle), Language::default().phrases());
        let mut session = Self { subject: None, named, idle, heard: None, phrases };
        session.turn_to(subject, now);
        session
    }

    /// The same in a language.
    pub fn speaking(self, language: Language) -> Self {
        Self { phrases: language.phrases(), ..self }
    }

    /// In whose words the terminal speaks.
    #[cfg(feature = "tui")]
    pub fn phrases(&self) -> &'static Phrases {
        self.phrases
    }

    /// Who is served.
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    /// Who is served, in words.
    pub fn served(&self) -> String {
        let Phrases { serving, serving_nobody, .. } = self.phrases;
        self.subject.as_ref().map_or_else(|| (*serving_nobody).to_owned(), |id| serving.replace("{who}", id))
    }

    /// Whether a question may be asked. Errors: `Invalid` while it would be nobody's and must be somebody's.
    pub fn check(&self) -> Result<(), Error> {
        if self.named && self.subject.is_none() {
            return Err(Error::invalid("nobody is being served; /serve ID says who asks"));
        }
        Ok(())
    }

    /// What a farewell asks for: it ends the conversation of somebody who is served, as /end does; a terminal that
    /// serves people goes on for the next. Where it serves nobody, it leaves, as Ctrl-D does.
    pub fn bye(&self) -> Command<'static> {
        if self.named || self.subject.is_some() { Command::End } else { Command::Quit }
    }

    /// Ends this session; the next is `subject`'s, whose clock begins, or nobody's until somebody is heard.
    pub fn turn_to(&mut self, subject: Option<String>, now: Instant) {
        self.heard = subject.is_some().then_some(now);
        self.subject = subject;
    }

    /// The person is there: the clock begins anew.
    pub fn hear(&mut self, now: Instant) {
        self.heard = Some(now);
    }

    /// The clock stands, because the person waits for an answer.
    pub fn pause(&mut self) {
        self.heard = None;
    }

    /// What is left until the session ends; none while the clock stands.
    pub fn left(&self, now: Instant) -> Option<Duration> {
        let idle = self.idle?;
        self.heard.map(|heard| idle.saturating_sub(now.saturating_duration_since(heard)))
    }

    /// Whole seconds left, once they are few. Lines have nowhere to show them.
    #[cfg(feature = "tui")]
    pub fn warning(&self, now: Instant) -> Option<u64> {
        let few = WARNING.min(self.idle? / 2);
        self.left(now).filter(|left| *left <= few).map(|left| left.as_millis().div_ceil(1000) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_clock_runs_from_the_last_sign_of_somebody() {
        let now = Instant::now();
        let mut session = Session::new(Some("C-1".into()), 20 * SECOND, now);
        assert_eq!(session.left(now + SECOND), Some(19 * SECOND));
        session.hear(now + 19 * SECOND);
        assert_eq!(session.left(now + 38 * SECOND), Some(SECOND));
        assert_eq!(session.left(now + 40 * SECOND), Some(Duration::ZERO));
        session.pause();
        assert_eq!(session.left(now + 400 * SECOND), None);
        let mut endless = Session::new(None, Duration::ZERO, now);
        endless.hear(now);
        assert_eq!(endless.left(now + 400 * SECOND), None);
    }

    #[test]
    fn after_somebody_only_somebody_named_may_ask() {
        let now = Instant::now();
        let mut session = Session::new(Some("C-1".into()), SECOND, now);
        assert!(session.check().is_ok() && session.served() == "serving C-1");
        session.turn_to(None, now);
        assert_eq!(session.left(now), None);
        assert!(session.check().is_err() && session.served() == "nobody is being served");
        session.turn_to(Some("C-2".into()), now);
        assert!(session.check().is_ok() && session.subject() == Some("C-2"));
        let mut open = Session::new(None, SECOND, now);
        open.turn_to(Some("C-1".into()), now);
        open.turn_to(None, now);
        assert!(open.check().is_ok());
    }

    #[test]
    fn a_farewell_ends_the_conversation_and_only_ones_own_terminal() {
        let now = Instant::now();
        let mut kiosk = Session::new(Some("C-1".into()), SECOND, now);
        assert_eq!(kiosk.bye(), Command::End);
        kiosk.turn_to(None, now);
        assert_eq!(kiosk.bye(), Command::End, "the next person comes");
        let mut open = Session::new(None, SECOND, now);
        assert_eq!(open.bye(), Command::Quit);
        open.turn_to(Some("C-1".into()), now);
        assert_eq!(open.bye(), Command::End);
    }
}
