//! The profile is opened: by itself, or with its passphrase.

use std::sync::Arc;
use std::time::Duration;

use iced::widget::{button, column, text};
use iced::{Element, Task};
use privmsg_client::{
    Client, ClientError, Endpoint, EngineError, KeyError, KeyPlace, LoggedIn, OpenError, Profile, ProfileError,
};
use privmsg_protocol::{Secret, UserId};

use super::locked;
use crate::failure;
use crate::lang::Lang;
use crate::session::Session;
use crate::theme::{gap, type_size};
use crate::widget::{Typed, alarm, hint, sheet};

/// How long a server is asked whether a device that it has called signed out may come in, before its history is shown.
const BRIEFLY: Duration = Duration::from_secs(5);

/// The same for somebody who wants to sign in, over the slowest way there is.
const PATIENTLY: Duration = Duration::from_secs(60);

/// Where opening stands.
#[derive(Debug)]
pub(crate) struct Opening {
    profile: Profile,
    purpose: Purpose,
    state: State,
}

/// What a profile is opened for in which somebody was signed in, and is not any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To show what it holds.
    Read,
    /// To sign in again.
    SignIn,
}

#[derive(Debug)]
enum State {
    /// Nobody is needed so far.
    Trying,
    /// The key lies under a passphrase.
    Locked { typed: Secret, is_trying: bool, failure: Option<Failure> },
    /// It does not open.
    Failed(Failure),
}

/// Why a profile is not there to be used.
#[derive(Debug, Clone)]
pub enum Failure {
    /// It does not open.
    Profile(Arc<OpenError>),
    /// It opens, and nobody can run its engine.
    Engine(Arc<EngineError>),
}

impl Failure {
    /// What happened, and what to do.
    pub(super) fn said(&self, lang: Lang) -> String {
        match self {
            Self::Profile(error) => failure::opening(lang, error),
            Self::Engine(error) => failure::engine(lang, error),
        }
    }

    fn is_wrong_passphrase(&self) -> bool {
        let Self::Profile(error) = self else { return false };
        matches!(**error, OpenError::Profile(ProfileError::Key(KeyError::WrongPassphrase | KeyError::PassphraseNeeded)))
    }
}

/// What was found.
#[derive(Debug, Clone)]
pub enum Found {
    /// No profile: somebody is to sign in.
    Nothing,
    /// A profile whose key lies under a passphrase.
    Locked,
    /// A profile with nobody signed in: never, or not any more.
    Unfinished(Box<Unfinished>),
    /// Somebody is signed in.
    Ready(Ready),
}

/// A profile that is there, and in which nobody is signed in.
#[derive(Debug, Clone)]
pub struct Unfinished {
    /// The passphrase that opens it, if it has one.
    pub passphrase: Option<Secret>,
    /// Whose it is, if anybody's.
    pub known: Option<Known>,
}

/// Whose a profile is in which nobody is signed in any more, or not yet.
#[derive(Debug, Clone)]
pub struct Known {
    /// The account.
    pub user: UserId,
    /// How its server is reached.
    pub endpoint: Option<Endpoint>,
    /// As the user's other devices see this one.
    pub device_name: String,
}

/// A signed-in profile.
#[derive(Debug, Clone)]
pub struct Ready {
    /// It, open.
    pub session: Session,
    /// What is to be shown once, and was not.
    pub unshown: Option<Unshown>,
}

/// Secrets that are shown once.
#[derive(Debug, Clone)]
pub struct Unshown {
    /// The twelve words.
    pub words: Option<Secret>,
    /// The access key, where this device has made it.
    pub access_key: Option<Secret>,
}

/// What happened.
#[derive(Debug, Clone)]
pub enum Message {
    /// It was tried.
    Tried(Result<Found, Failure>),
    /// The passphrase is being typed.
    Typed(Secret),
    /// It is to be tried.
    Submitted,
}

/// What the application has to do.
pub(crate) enum Action {
    /// Nothing.
    None,
    /// Goes on here.
    Run(Task<Message>),
    /// Somebody is to sign in.
    SignIn(Option<Box<Unfinished>>),
    /// Somebody is signed in.
    Open(Ready),
}

impl Opening {
    /// Tries without a passphrase.
    pub(crate) fn new(profile: Profile, purpose: Purpose) -> (Self, Task<Message>) {
        let task = Task::perform(look(profile.clone(), purpose), Message::Tried);
        (Self { profile, purpose, state: State::Trying }, task)
    }

    /// Does what a message asks for.
    pub(crate) fn update(&mut self, message: Message) -> Action {
        match (message, &mut self.state) {
            (Message::Tried(Ok(Found::Nothing)), _) => Action::SignIn(None),
            (Message::Tried(Ok(Found::Unfinished(unfinished))), _) => Action::SignIn(Some(unfinished)),
            (Message::Tried(Ok(Found::Ready(ready))), _) => Action::Open(ready),
            (Message::Tried(Ok(Found::Locked)), _) => {
                self.state = State::Locked { typed: Secret::new(String::new()), is_trying: false, failure: None };
                Action::Run(locked::asks())
            }
            (Message::Tried(Err(failed)), State::Locked { is_trying, failure, .. }) => {
                *is_trying = false;
                let again = failed.is_wrong_passphrase();
                *failure = Some(failed);
                if again { Action::Run(locked::asks()) } else { Action::None }
            }
            (Message::Tried(Err(failure)), _) => {
                self.state = State::Failed(failure);
                Action::None
            }
            (Message::Typed(now), State::Locked { typed, .. }) => {
                *typed = now;
                Action::None
            }
            (Message::Submitted, State::Locked { typed, is_trying, .. }) if !*is_trying => {
                *is_trying = true;
                Action::Run(Task::perform(
                    open(self.profile.clone(), self.purpose, Some(typed.clone())),
                    Message::Tried,
                ))
            }
            (Message::Submitted, State::Failed(_)) => {
                self.state = State::Trying;
                Action::Run(Task::perform(look(self.profile.clone(), self.purpose), Message::Tried))
            }
            (Message::Typed(_) | Message::Submitted, _) => Action::None,
        }
    }

    /// Draws it.
    pub(crate) fn view(&self, lang: Lang) -> Element<'_, Message> {
        match &self.state {
            State::Trying => sheet(hint(lang.text("opening"))),
            State::Failed(failure) => sheet(
                column![
                    text(lang.text("opening-failed")).size(type_size::TITLE),
                    alarm(failure.said(lang)),
                    button(text(lang.text("try-again"))).on_press(Message::Submitted),
                ]
                .spacing(gap::MEDIUM),
            ),
            State::Locked { typed, is_trying, failure } => {
                let input: Typed<Message> = |text| Message::Typed(Secret::new(text));
                let failure = failure.as_ref().map(|failure| failure.said(lang));
                locked::form(lang, typed, (!is_trying).then_some(input), failure, Message::Submitted)
            }
        }
    }
}

async fn look(profile: Profile, purpose: Purpose) -> Result<Found, Failure> {
    let place = profile.key_place().map_err(|error| failed(OpenError::Profile(error.into())))?;
    match place {
        None => Ok(Found::Nothing),
        Some(KeyPlace::Passphrase) => Ok(Found::Locked),
        Some(_) => open(profile, purpose, None).await,
    }
}

async fn open(profile: Profile, purpose: Purpose, passphrase: Option<Secret>) -> Result<Found, Failure> {
    let client = match Client::open(&profile, passphrase.as_ref().map(Secret::expose)).await {
        Ok(client) => client,
        Err(OpenError::Client(ClientError::NotSignedIn)) => {
            return Ok(Found::Unfinished(Box::new(Unfinished { passphrase, known: None })));
        }
        Err(error) => return Err(failed(error)),
    };
    let mut me = client.whoami().await.map_err(|error| failed(error.into()))?;
    if !me.signed_in {
        let patience = if purpose == Purpose::Read { BRIEFLY } else { PATIENTLY };
        // Whatever came of it stands in the profile, also where nobody has waited for it.
        let _ = tokio::time::timeout(patience, client.comes_back()).await;
        me = client.whoami().await.map_err(|error| failed(error.into()))?;
    }
    if !me.signed_in {
        let signed_out = client.signed_out().await.map_err(|error| failed(error.into()))?;
        if let Some(signed_out) = signed_out.filter(|_| purpose == Purpose::Read) {
            let session = Session::of_signed_out(client, signed_out);
            return Ok(Found::Ready(Ready { session, unshown: None }));
        }
        let endpoint = client.endpoint().await.map_err(|error| failed(error.into()))?;
        let known = Some(Known { user: me.user_id, endpoint, device_name: me.device_name });
        return Ok(Found::Unfinished(Box::new(Unfinished { passphrase, known })));
    }
    ready(client, None).await.map(Found::Ready)
}

/// Begins the session of a profile that is signed in, just now or earlier.
///
/// # Errors
/// [`Failure`] of the database, or of who runs the engine.
pub(crate) async fn ready(client: Client, signed_in: Option<LoggedIn>) -> Result<Ready, Failure> {
    let (words, access_key) = match signed_in {
        Some(signed_in) => (signed_in.recovery_key, signed_in.access_key),
        // What was not shown, because the sign-in was cut off at its very end.
        None => {
            let words = client.recovery_key().await.map_err(|error| failed(error.into()))?;
            (words, client.access_key().await.map_err(|error| failed(error.into()))?)
        }
    };
    let unshown = (words.is_some() || access_key.is_some()).then_some(Unshown { words, access_key });
    let session = Session::begin(client).map_err(|error| Failure::Engine(Arc::new(error)))?;
    Ok(Ready { session, unshown })
}

fn failed(error: OpenError) -> Failure {
    Failure::Profile(Arc::new(error))
}
