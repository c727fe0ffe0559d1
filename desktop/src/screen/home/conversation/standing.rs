//! What is to be decided in a chat, before or instead of writing there.

use std::collections::BTreeSet;

use iced::widget::{button, column, container, row, text};
use iced::{Element, Fill, Task};
use privmsg_client::{ChatId, Consent, Gone, Heading, Recipient, Request};

use super::{Message, not_done};
use crate::follow::Standing;
use crate::lang::Lang;
use crate::session::Session;
use crate::theme::{self, gap, type_size};
use crate::widget::hint;

/// People of a group whose request is shown that are named.
const NAMED: usize = 10;

/// What is answered.
#[derive(Debug, Clone, Copy)]
pub enum Answer {
    /// The chat is let in.
    Accept,
    /// It is not.
    Decline,
    /// Who has begun it is not to be heard any more.
    Block,
    /// They are to be heard again.
    Unblock,
    /// What was held back is to go.
    SendHeld,
}

pub(super) fn perform(
    session: &Session,
    with: &Recipient,
    chat: Option<ChatId>,
    standing: &Standing,
    answer: Answer,
) -> Task<Message> {
    let (client, with, whose) = (session.client().clone(), with.clone(), with.clone());
    // What is let go is what was shown.
    let held = standing.held.clone();
    // Of what this device has not joined there is nothing to leave.
    let chat = standing.request.as_ref().map(|request| request.entry.summary.chat.id).or(chat);
    let is_unread = standing.request.as_ref().is_some_and(|request| request.is_unread);
    let answered = async move {
        match (answer, chat, with) {
            (Answer::Accept, Some(chat), _) => client.accept(chat).await,
            (Answer::Decline, Some(chat), Recipient::Group(_)) if !is_unread => {
                client.leave_group(chat, None).await.map(drop)
            }
            (Answer::Decline, Some(chat), _) => client.decline(chat).await,
            (Answer::Block, _, Recipient::User(user)) => client.block(&user).await,
            (Answer::Unblock, _, Recipient::User(user)) => client.unblock(&user).await,
            (Answer::SendHeld, _, to) => client.send_held(&to, &held).await.map(drop),
            _ => Ok(()),
        }
    };
    Task::perform(answered, move |done| not_done(done, whose))
}

/// Why nothing can be written here, if so: the name of a text.
pub(super) fn nothing_to_say(heading: Option<&Heading>, standing: &Standing) -> Option<&'static str> {
    let gone = heading.and_then(|heading| heading.gone).map(|gone| match gone {
        Gone::Left => "gone-left",
        Gone::Removed => "gone-removed",
        Gone::Unknown => "gone-unknown",
    });
    gone.or_else(|| standing.is_blocked.then_some("blocked-nothing-goes"))
}

/// What is to be answered.
pub(super) fn view<'a>(
    lang: Lang,
    with: &Recipient,
    standing: &Standing,
    consent: Consent,
) -> Option<Element<'a, Message>> {
    let user = match with {
        Recipient::User(user) => Some(user.as_str()),
        Recipient::Group(_) => None,
    };
    let name = || [("user", user.unwrap_or_default().into())];
    if standing.is_blocked {
        let said = vec![lang.with("blocked-them", &name())];
        return Some(panel(said, row![one(lang, "unblock", Answer::Unblock)]));
    }
    match (&standing.request, consent) {
        (Some(request), _) => return Some(asked(lang, with, request)),
        (None, Consent::Declined) => {
            return Some(panel(vec![lang.text("declined")], row![one(lang, "accept", Answer::Accept)]));
        }
        (None, Consent::Asked | Consent::Unknown | Consent::Open) => {}
    }
    (!standing.held.is_empty()).then(|| {
        let mut said = vec![lang.with("held-back", &[("count", standing.held.len().into())])];
        let newcomers: BTreeSet<_> =
            standing.held.iter().flat_map(|held| &held.newcomers).map(|user| user.as_str()).collect();
        if !newcomers.is_empty() {
            let named = newcomers.into_iter().collect::<Vec<_>>().join(", ");
            said.push(lang.with("held-newcomers", &[("people", named.into())]));
        }
        panel(said, row![one(lang, "send-held", Answer::SendHeld)])
    })
}

/// Somebody has begun it, and nobody has answered.
fn asked<'a>(lang: Lang, with: &Recipient, request: &Request) -> Element<'a, Message> {
    let from = || [("user", request.from.as_str().into())];
    let answers = row![one(lang, "accept", Answer::Accept), one(lang, "decline", Answer::Decline)];
    match with {
        Recipient::User(_) => {
            let answers = answers.push(one(lang, "block", Answer::Block));
            panel(vec![lang.with("request-direct", &from())], answers)
        }
        Recipient::Group(_) => {
            let mut said = vec![lang.with("request-group", &from())];
            if request.from_namesake {
                // What is said first is what is seen.
                said.insert(0, lang.with("request-namesake", &from()));
            }
            let named = request.people.iter().take(NAMED).map(|user| user.as_str()).collect::<Vec<_>>().join(", ");
            match request.people.len().saturating_sub(NAMED) {
                _ if named.is_empty() => {}
                0 => said.push(lang.with("request-people", &[("people", named.into())])),
                more => said.push(lang.with("request-more-people", &[("people", named.into()), ("more", more.into())])),
            }
            if request.is_unread {
                said.push(lang.text("request-unread"));
            }
            panel(said, answers)
        }
    }
}

fn panel<'a>(said: Vec<String>, answers: iced::widget::Row<'a, Message>) -> Element<'a, Message> {
    let mut said = said.into_iter();
    let first = said.next().map(|first| text(first).size(type_size::BODY));
    let lines = column![].push(first).extend(said.map(hint)).push(answers.spacing(gap::SMALL)).spacing(gap::SMALL);
    container(lines).padding(gap::SMALL).width(Fill).style(theme::bar).into()
}

fn one<'a>(lang: Lang, name: &str, answer: Answer) -> Element<'a, Message> {
    let style = match answer {
        Answer::Accept | Answer::Unblock | Answer::SendHeld => button::primary,
        Answer::Decline => theme::quiet,
        Answer::Block => button::danger,
    };
    button(text(lang.text(name))).style(style).on_press(Message::Answer(answer)).into()
}
