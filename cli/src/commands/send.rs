//! `privmsg send`.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use privmsg_client::{ChatId, Client, Draft, Event, MessageState, Recipient, Sent};
use privmsg_protocol::{ErrorCode, UserId};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use crate::args::Send;
use crate::failure::Failure;
use crate::foreign;
use crate::lang::Lang;
use crate::seat::Seat;

use super::Session;
use super::message::MessageObject;
use super::progress::Progress;
use super::safety_number::is_blocked;

/// How long to wait unless told otherwise. While a file is on its way, it counts from the last bytes that moved.
const PATIENCE: u64 = 60;

/// How often it is looked whether a contact's key has changed: another process may be the one to find out.
const LOOK: Duration = Duration::from_secs(1);

pub(super) async fn run(session: &Session<'_>, send: Send) -> Result<(), Failure> {
    let lang = session.lang();
    let draft = draft(lang, send.text, &send.files)?;
    let client = session.signals.unless_interrupted(session.open_signed_in()).await?;
    if is_blocked(&client, &send.user).await? {
        return Err(Failure::IdentityChanged { user: send.user, queued: None });
    }
    let sent = client.send(&Recipient::User(send.user.clone()), draft).await?;
    let seat = Seat::take(&client).map_err(|failure| queued(failure, &sent))?;
    if !seat.is_ours() && session.output.is_watched() {
        session.output.note(&lang.other_process());
    }
    let chat = client.message(sent.id).await?.map(|message| message.chat.id);
    let waiting = Waiting {
        session,
        client: &client,
        user: &send.user,
        sent,
        chat,
        timeout: send.timeout,
        progress: Progress::new(session.output, lang.uploading()),
        reason: None,
    };
    waiting.until_acknowledged(seat).await?;
    report(session, &client, &sent, &send.user).await
}

fn queued(cause: Failure, sent: &Sent) -> Failure {
    Failure::Queued { cause: Box::new(cause), message: sent.message_id }
}

async fn report(session: &Session<'_>, client: &Client, sent: &Sent, user: &UserId) -> Result<(), Failure> {
    let output = session.output;
    if !output.is_json() {
        return output.text(&session.lang().sent(user.as_str(), &sent.message_id.to_string()));
    }
    match client.message(sent.id).await? {
        Some(message) => output.object(&MessageObject::of(&message, client.user_id())),
        None => Ok(()),
    }
}

/// What the arguments want to say. Files are checked here, because a mistyped name should show at once.
fn draft(lang: Lang, text: Option<String>, files: &[PathBuf]) -> Result<Draft, Failure> {
    let text = match text.as_deref() {
        Some("-") => standard_input(lang)?,
        Some(text) => text.to_owned(),
        None => String::new(),
    };
    if text.is_empty() && files.is_empty() {
        return Err(Failure::Usage(lang.nothing_to_send()));
    }
    let files = files.iter().map(|path| checked(lang, path)).collect::<Result<_, _>>()?;
    Ok(Draft { text, files })
}

/// The whole of it, without the line end that `echo` adds.
fn standard_input(lang: Lang) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    std::io::stdin().lock().read_to_end(&mut bytes).map_err(|error| Failure::Input(lang.io(&error)))?;
    let mut text = String::from_utf8(bytes).map_err(|_| Failure::Input(lang.stdin_not_text()))?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok(text)
}

/// The absolute path of a file that can be read now: another process, in another folder, may be the one to upload it.
fn checked(lang: Lang, path: &Path) -> Result<PathBuf, Failure> {
    let failed = |error: std::io::Error| Failure::file(path, lang.io(&error));
    let file = std::fs::File::open(path).map_err(failed)?;
    if !file.metadata().map_err(failed)?.is_file() {
        return Err(Failure::file(path, lang.not_a_file()));
    }
    let absolute = std::path::absolute(path).map_err(failed)?;
    if absolute.to_str().is_none() {
        return Err(Failure::file(path, lang.path_not_unicode()));
    }
    Ok(absolute)
}

/// A message on its way.
struct Waiting<'a> {
    session: &'a Session<'a>,
    client: &'a Client,
    user: &'a UserId,
    sent: Sent,
    chat: Option<ChatId>,
    timeout: Option<u64>,
    progress: Progress,
    /// Why it is not there yet, as last heard.
    reason: Option<String>,
}

impl Waiting<'_> {
    async fn until_acknowledged(mut self, mut seat: Seat) -> Result<(), Failure> {
        let result = self.wait(&mut seat).await;
        self.progress.clear();
        seat.leave().await;
        result
    }

    async fn wait(&mut self, seat: &mut Seat) -> Result<(), Failure> {
        let mut events = self.client.events();
        let mut deadline = self.deadline();
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (client, sent) = (self.client, self.sent);
        let mut acknowledged = std::pin::pin!(client.wait_sent(&sent));
        loop {
            tokio::select! {
                biased;
                exit = self.session.signals.wait() => return Err(queued(Failure::Interrupted(exit), &sent)),
                state = &mut acknowledged => return match state? {
                    MessageState::Failed(code) => {
                        Err(Failure::NotSent { code: ErrorCode::from(code.as_str()), message: sent.message_id })
                    }
                    MessageState::Sent | MessageState::Received | MessageState::Queued => Ok(()),
                },
                failure = seat.watch() => return Err(queued(failure, &sent)),
                event = events.recv() => if let Ok(event) = event && self.note(&event) && self.timeout.is_none() {
                    deadline = self.deadline();
                },
                _ = look.tick() => if is_blocked(client, self.user).await? {
                    let queued = Some(sent.message_id);
                    return Err(Failure::IdentityChanged { user: self.user.clone(), queued });
                },
                () = sleep_until(deadline) => return Err(Failure::NotAcknowledged {
                    seconds: self.timeout.unwrap_or(PATIENCE),
                    reason: self.reason.take(),
                    message: sent.message_id,
                }),
            }
        }
    }

    fn deadline(&self) -> Instant {
        Instant::now() + Duration::from_secs(self.timeout.unwrap_or(PATIENCE))
    }

    /// Takes notice of an event; says whether a file of this message has moved.
    fn note(&mut self, event: &Event) -> bool {
        let lang = self.session.lang();
        match event {
            Event::UploadProgress { message_id, done, total } if *message_id == self.sent.message_id => {
                self.progress.show(*done, *total);
                return true;
            }
            Event::Delayed { chat, code } if Some(*chat) == self.chat => self.delayed(lang.refusal(code)),
            Event::Disconnected { reason } => self.delayed(lang.unreachable(&lang.disconnection(reason))),
            _ => {}
        }
        false
    }

    /// Says each new reason once: what is tried again every few seconds need not be repeated.
    fn delayed(&mut self, reason: String) {
        if self.reason.as_ref() != Some(&reason) {
            self.progress.clear();
            self.session.output.remark(&self.session.lang().waiting(&foreign::line(&reason)));
            self.reason = Some(reason);
        }
    }
}
