//! Somebody is added by their contact link, which names their key.

use std::sync::Arc;

use iced::widget::{button, column, text};
use iced::{Element, Task};
use privmsg_client::{Client, ClientError, ContactLink, LinkFrom, Recipient, foreign};
use privmsg_protocol::ErrorCode;

use super::{Action, Done};
use crate::failure;
use crate::lang::Lang;
use crate::session::Session;
use crate::theme::{self, gap};
use crate::widget::{alarm, hint};

/// See the module.
#[derive(Debug)]
pub(in crate::screen::home) struct NewContact {
    session: Session,
    link: ContactLink,
    is_adding: bool,
    failure: Option<Arc<ClientError>>,
}

/// What happened.
#[derive(Debug, Clone)]
pub enum Message {
    /// So the link has come.
    Added(LinkFrom),
    /// It is noted, or not.
    Done(Done),
}

impl NewContact {
    pub(super) const fn new(session: Session, link: ContactLink) -> Self {
        Self { session, link, is_adding: false, failure: None }
    }

    pub(super) fn update(&mut self, message: Message) -> Action<Message> {
        match message {
            Message::Added(from) if !self.is_adding => {
                (self.is_adding, self.failure) = (true, None);
                let added = add(self.session.client().clone(), self.link.clone(), from);
                let added = async move { added.await.map_err(Arc::new) };
                return Action::Run(Task::perform(added, Message::Done));
            }
            Message::Added(_) => {}
            // Whatever else is known of them, and is to be decided, is said in the chat.
            Message::Done(Ok(())) => return Action::Open(Recipient::User(self.link.user_id.clone())),
            Message::Done(Err(error)) => (self.is_adding, self.failure) = (false, Some(error)),
        }
        Action::none()
    }

    pub(super) fn title(&self, lang: Lang) -> String {
        lang.with("add-contact", &[("user", self.link.user_id.as_str().into())])
    }

    pub(super) fn view(&self, lang: Lang) -> Element<'_, Message> {
        let failure = self.failure.as_ref().map(|error| alarm(failure::client(lang, error)));
        let way = |name: &str, from| {
            button(text(lang.text(name)))
                .style(theme::quiet)
                .on_press_maybe((!self.is_adding).then_some(Message::Added(from)))
        };
        column![
            text(lang.with("add-contact-of", &[("server", foreign::line(&self.link.server).into())])),
            text(lang.text("add-contact-how")),
            column![way("add-in-person", LinkFrom::InPerson), hint(lang.text("add-in-person-means"))]
                .spacing(gap::TINY),
            column![way("add-anywhere", LinkFrom::Anywhere), hint(lang.text("add-anywhere-means"))].spacing(gap::TINY),
        ]
        .push(failure)
        .spacing(gap::MEDIUM)
        .into()
    }
}

/// Pins the link's key. What the server says of it is asked for, where it can be: another key there is noted as a change.
async fn add(client: Client, link: ContactLink, from: LinkFrom) -> Result<(), ClientError> {
    let published = match client.published_key(&link.user_id).await {
        Err(ClientError::Server { code: ErrorCode::UnknownUser, .. }) => None,
        // A link for our own address needs no word of the server's.
        Err(ClientError::Network(error)) => match client.is_at_our_address(&link).await? {
            true => None,
            false => return Err(ClientError::Network(error)),
        },
        published => published?,
    };
    client.add_contact(&link, from, published).await.map(drop)
}
