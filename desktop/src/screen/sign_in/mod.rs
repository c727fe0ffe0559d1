//! Signing in: with an access key, or with an invitation.

mod view;

use std::sync::Arc;

use iced::Task;
use iced::widget::operation::{focus, focus_next};
use privmsg_client::{
    AddressError, Client, Endpoint, Fingerprint, KeyPlace, LoggedIn, Login, LoginError, NewIdentity, PendingLogin,
    Profile, ProfileError, ProxySetting, ServerAddress, SignInKey,
};
use privmsg_protocol::{Invitation, InvitationError, Secret, UserId};

use super::opening::{self, Ready, Unfinished};
use crate::failure;
use crate::handover::Handover;
use crate::lang::Lang;

const SERVER: &str = "server";
const USER: &str = "user";
const KEY: &str = "key";
const INVITATION: &str = "invitation";
const PASSPHRASE: &str = "new-passphrase";
const AGAIN: &str = "passphrase-again";

/// What is entered, and what came of it.
#[derive(Debug)]
pub(crate) struct SignIn {
    profile: Profile,
    /// The profile, if there is one already.
    unfinished: Option<Box<Unfinished>>,
    way: Way,
    server: String,
    user: String,
    key: Secret,
    invitation: Secret,
    passphrase: Secret,
    passphrase_again: Secret,
    /// Whether the system keeps the profile's key; none as long as it has not answered. Where it does not, a passphrase can.
    has_keyring: Option<bool>,
    /// It is to be tried as soon as that is known.
    is_submitted: bool,
    /// The only key that is accepted at a server, by the user's choice. It says nothing of another one.
    pinned: Option<(ServerAddress, Fingerprint)>,
    /// The server that was asked last.
    asked: Option<ServerAddress>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Key,
    Invitation,
}

#[derive(Debug)]
enum State {
    Entering,
    Asking,
    Wrong(Slip),
    Failed(Arc<LoginError>),
}

/// What shows before the server is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slip {
    Address(AddressError),
    User,
    Key,
    Invitation(InvitationError),
    Passphrase,
    /// The invitation names another key than the one that is pinned.
    OtherPin,
}

/// What happened.
#[derive(Debug, Clone)]
pub enum Message {
    /// The server's address is being typed.
    Server(String),
    /// The user's name is being typed.
    User(String),
    /// The access key is being typed.
    Key(Secret),
    /// The invitation is being pasted.
    Invitation(Secret),
    /// A passphrase for this device is being typed.
    Passphrase(Secret),
    /// It is being typed once more.
    PassphraseAgain(Secret),
    /// Whether the system keeps keys.
    Keyring(bool),
    /// No key is to be pinned.
    Unpinned,
    /// The other way in is wanted.
    OtherWay,
    /// The next field is wanted.
    Next,
    /// It is to be tried.
    Submitted,
    /// The key that an untrusted server has shown is trusted by the user.
    Pinned(Fingerprint),
    /// The server, and the account, have answered.
    Answered(Result<Answer, Arc<LoginError>>),
    /// The signed-in profile was opened.
    Opened(Result<Ready, opening::Failure>),
}

/// What the account says to a device that the server has let in.
#[derive(Debug, Clone)]
pub enum Answer {
    /// The device is signed in.
    In(Handover<LoggedIn>),
    /// It waits to be let in.
    Waits(Handover<Box<PendingLogin>>),
}

/// What the application has to do.
pub(crate) enum Action {
    /// Nothing.
    None,
    /// Goes on here.
    Run(Task<Message>),
    /// Somebody is signed in.
    Open(Ready),
    /// The profile is another one than before.
    LookAgain,
    /// The device waits to be let in; with the passphrase of its profile.
    Wait(Box<PendingLogin>, Option<Secret>),
}

impl SignIn {
    /// With empty fields, or with what an earlier sign-in has left in the profile.
    pub(crate) fn new(profile: Profile, unfinished: Option<Box<Unfinished>>) -> (Self, Task<Message>) {
        let known = unfinished.as_ref().and_then(|unfinished| unfinished.known.as_ref());
        let endpoint = known.and_then(|known| known.endpoint.as_ref());
        let state = Self {
            server: endpoint.map(|endpoint| endpoint.address.to_string()).unwrap_or_default(),
            user: known.map(|known| known.user.to_string()).unwrap_or_default(),
            pinned: endpoint.and_then(|endpoint| Some((endpoint.address.clone(), endpoint.fingerprint?))),
            asked: None,
            key: empty(),
            invitation: empty(),
            passphrase: empty(),
            way: Way::Key,
            passphrase_again: empty(),
            has_keyring: None,
            is_submitted: false,
            state: State::Entering,
            profile,
            unfinished,
        };
        let first = if state.server.is_empty() { SERVER } else { KEY };
        (state, Task::batch([focus(first), Task::perform(has_keyring(), Message::Keyring)]))
    }

    /// Does what a message asks for.
    pub(crate) fn update(&mut self, message: Message, lang: Lang) -> Action {
        match message {
            Message::Server(text) => self.server = text,
            Message::User(text) => self.user = text,
            Message::Key(key) => self.key = key,
            Message::Invitation(invitation) => self.invitation = invitation,
            Message::Passphrase(passphrase) => self.passphrase = passphrase,
            Message::PassphraseAgain(passphrase) => self.passphrase_again = passphrase,
            Message::Keyring(has_keyring) => {
                self.has_keyring = Some(has_keyring);
                // Where there is none, somebody may want a passphrase first.
                if std::mem::take(&mut self.is_submitted) && has_keyring {
                    return self.ask(lang);
                }
            }
            Message::Submitted if self.unfinished.is_none() && self.has_keyring.is_none() => self.is_submitted = true,
            Message::Unpinned => (self.pinned, self.state) = (None, State::Entering),
            Message::OtherWay => {
                self.way = if self.way == Way::Key { Way::Invitation } else { Way::Key };
                self.state = State::Entering;
                return Action::Run(focus(if self.way == Way::Key { SERVER } else { INVITATION }));
            }
            Message::Next => return Action::Run(focus_next()),
            Message::Pinned(fingerprint) => {
                self.pinned = self.asked.clone().map(|address| (address, fingerprint));
                return self.ask(lang);
            }
            Message::Submitted if !self.is_asking() => return self.ask(lang),
            Message::Submitted => {}
            Message::Answered(Ok(Answer::In(signed_in))) => {
                let Some(signed_in) = signed_in.take() else { return Action::None };
                let (profile, passphrase) = (self.profile.clone(), self.own_passphrase());
                return Action::Run(Task::perform(open(profile, passphrase, signed_in), Message::Opened));
            }
            Message::Answered(Ok(Answer::Waits(pending))) => {
                let Some(pending) = pending.take() else { return Action::None };
                return Action::Wait(pending, self.own_passphrase());
            }
            Message::Answered(Err(error)) => {
                self.state = State::Failed(error);
                // An attempt that broke off may have left a profile, which has its key where that was to be.
                if self.unfinished.is_none() && matches!(self.profile.key_place(), Ok(Some(_))) {
                    let passphrase = self.own_passphrase();
                    self.unfinished = Some(Box::new(Unfinished { passphrase, known: None }));
                }
            }
            Message::Opened(Ok(ready)) => return Action::Open(ready),
            // It is signed in: what is left is to open it.
            Message::Opened(Err(failure)) => {
                tracing::error!(?failure, "the profile that was just signed in does not open");
                return Action::LookAgain;
            }
        }
        Action::None
    }

    const fn is_asking(&self) -> bool {
        matches!(self.state, State::Asking)
    }

    fn ask(&mut self, lang: Lang) -> Action {
        let login = match self.login(lang) {
            Ok(login) => login,
            Err(slip) => {
                self.state = State::Wrong(slip);
                return Action::None;
            }
        };
        self.state = State::Asking;
        self.asked = Some(login.endpoint.address.clone());
        let profile = self.profile.clone();
        let passphrase = self.own_passphrase();
        let place = match (&passphrase, self.has_keyring) {
            (Some(_), _) => KeyPlace::Passphrase,
            (None, Some(true)) => KeyPlace::Keyring,
            (None, Some(false) | None) => KeyPlace::File,
        };
        let begun = async move {
            let passphrase = passphrase.as_ref().map(Secret::expose);
            // An attempt that broke off may have made it: what it began is gone on with, and not begun a second time.
            let begun = match profile.key_place().map_err(ProfileError::Key)? {
                None => login.introduce(&profile).await?.keep(place, passphrase).await?,
                Some(_) => login.begin(&profile, passphrase).await?,
            };
            Ok(match begun {
                NewIdentity::Done(signed_in) => Answer::In(Handover::of(signed_in)),
                NewIdentity::Waits(pending) => Answer::Waits(Handover::of(pending)),
            })
        };
        Action::Run(Task::perform(begun, |answer: Result<_, LoginError>| Message::Answered(answer.map_err(Arc::new))))
    }

    /// The passphrase of the profile: the one that opens it, or the one that a new one is to have.
    fn own_passphrase(&self) -> Option<Secret> {
        match &self.unfinished {
            Some(unfinished) => unfinished.passphrase.clone(),
            None => Some(self.passphrase.clone()).filter(|passphrase| !passphrase.expose().is_empty()),
        }
    }

    /// Whoever types a name means the web's usual way to it.
    fn typed_address(&self) -> String {
        let address = self.server.trim();
        if address.is_empty() || address.contains("://") { address.to_owned() } else { format!("https://{address}") }
    }

    /// The server that is meant, as far as that can be read.
    fn address(&self) -> Option<ServerAddress> {
        match self.way {
            Way::Key => self.typed_address().parse().ok(),
            Way::Invitation => self.invited()?.server.parse().ok(),
        }
    }

    /// The invitation, as far as it can be read.
    fn invited(&self) -> Option<Invitation> {
        self.invitation.expose().trim().parse().ok()
    }

    /// The key that the user has pinned there.
    fn pinned_at(&self, address: &ServerAddress) -> Option<Fingerprint> {
        self.pinned.as_ref().filter(|(at, _)| at == address).map(|(_, fingerprint)| *fingerprint)
    }

    fn login(&self, lang: Lang) -> Result<Login, Slip> {
        if self.wants_passphrase() && self.passphrase.expose() != self.passphrase_again.expose() {
            return Err(Slip::Passphrase);
        }
        let known = self.unfinished.as_ref().and_then(|unfinished| unfinished.known.as_ref());
        let device_name = known.map(|known| known.device_name.clone()).filter(|name| !name.is_empty());
        let device_name = device_name.unwrap_or_else(|| lang.text("device-name"));
        let (address, user_id, key, invited) = match self.way {
            Way::Key => {
                let user = self.user.trim().parse::<UserId>().map_err(|_| Slip::User)?;
                let key = self.key.expose().trim();
                if key.is_empty() {
                    return Err(Slip::Key);
                }
                (self.typed_address(), user, SignInKey::Access(Secret::new(key.to_owned())), None)
            }
            Way::Invitation => {
                let invitation: Invitation = self.invitation.expose().trim().parse().map_err(Slip::Invitation)?;
                let pinned = invitation.fingerprint.as_deref().map(str::parse::<Fingerprint>).transpose();
                let pinned = pinned.map_err(|_| Slip::Invitation(InvitationError::Fingerprint))?;
                (invitation.server, invitation.user_id, SignInKey::Invitation(invitation.key), pinned)
            }
        };
        let address: ServerAddress = address.parse().map_err(Slip::Address)?;
        let pinned = self.pinned_at(&address);
        if invited.zip(pinned).is_some_and(|(invited, pinned)| invited != pinned) {
            return Err(Slip::OtherPin);
        }
        let proxy = known.and_then(|known| known.endpoint.as_ref()).map(|endpoint| endpoint.proxy.clone());
        let endpoint =
            Endpoint { address, proxy: proxy.unwrap_or(ProxySetting::Environment), fingerprint: invited.or(pinned) };
        Ok(Login { endpoint, user_id, key, device_name, device_type: "desktop" })
    }

    /// A new profile whose key the system does not keep can lie under a passphrase.
    fn wants_passphrase(&self) -> bool {
        self.unfinished.is_none() && self.has_keyring == Some(false)
    }
}

impl Slip {
    fn said(self, lang: Lang) -> String {
        match self {
            Self::Address(error) => failure::address(lang, error),
            Self::User => lang.text("slip-user"),
            Self::Key => lang.text("slip-key"),
            Self::Passphrase => lang.text("slip-passphrase"),
            Self::OtherPin => lang.text("slip-other-pin"),
            Self::Invitation(InvitationError::Key) => lang.text("slip-invitation-cut"),
            Self::Invitation(_) => lang.text("slip-invitation"),
        }
    }
}

/// Asks the system, which may ask another process.
async fn has_keyring() -> bool {
    tokio::task::spawn_blocking(privmsg_client::has_keyring).await.unwrap_or(false)
}

const fn empty() -> Secret {
    Secret::new(String::new())
}

/// Opens a profile that was just signed in.
///
/// # Errors
/// [`opening::Failure`].
pub(crate) async fn open(
    profile: Profile,
    passphrase: Option<Secret>,
    signed_in: LoggedIn,
) -> Result<Ready, opening::Failure> {
    let client = Client::open(&profile, passphrase.as_ref().map(Secret::expose)).await;
    let client = client.map_err(|error| opening::Failure::Profile(Arc::new(error)))?;
    opening::ready(client, Some(signed_in)).await
}
