//! What can be done with a message.

use iced::widget::{button, container, row, text};
use iced::{Center, Element, Fill, Left, Right, Task, clipboard};
use privmsg_client::{Client, ClientError, MessageKind, MessageView, Said, Which};

use super::super::recipient;
use super::picker::{self, Goes};
use super::{Message, not_done};
use crate::lang::Lang;
use crate::session::Session;
use crate::theme::{self, gap, type_size};
use crate::widget::hint;

/// The answers of one sign that are offered.
const REACTIONS: [&str; 6] = ["👍", "❤️", "😂", "😮", "😢", "🙏"];

/// What is to be done with the chosen message.
#[derive(Debug, Clone)]
pub enum Action {
    /// It is answered.
    Answer,
    /// Its text is copied.
    Copy,
    /// It is written anew.
    Edit,
    /// It is taken back, for everybody.
    TakeBack,
    /// It is deleted here alone.
    DeleteHere,
    /// Somebody reacts to it, or not any more.
    React(&'static str),
}

/// A message that somebody has clicked.
#[derive(Debug)]
pub(super) struct Chosen {
    pub(super) id: i64,
    /// What is done only once it was said twice.
    pub(super) sure: Option<Action>,
}

impl Action {
    /// Whether it cannot be taken back.
    pub(super) const fn is_final(&self) -> bool {
        matches!(self, Self::TakeBack | Self::DeleteHere)
    }
}

/// What can be done; where nothing more is said from this device, what concerns nobody else.
pub(super) fn view<'a>(
    lang: Lang,
    chosen: &Chosen,
    message: &MessageView,
    is_own: bool,
    is_over: bool,
) -> Element<'a, Message> {
    let at = if is_own { Right } else { Left };
    let sure = chosen.sure.as_ref().filter(|sure| !is_over || matches!(sure, Action::DeleteHere));
    if let Some(sure) = sure {
        let name = if matches!(sure, Action::TakeBack) { "take-back" } else { "delete-here" };
        let yes = button(text(lang.text(name)).size(type_size::SMALL)).style(button::danger);
        let no = one(text(lang.text("cancel")), Message::Chosen(message.id));
        let answers = row![hint(lang.text("sure-delete")), no, yes.on_press(Message::Sure)];
        return container(answers.spacing(gap::SMALL).align_y(Center)).width(Fill).align_x(at).into();
    }
    let has_text = !message.deleted && !message.text.is_empty();
    let mut offered = Vec::new();
    let may_say = !is_over && !message.deleted;
    if may_say {
        offered.push(("answer", Action::Answer));
    }
    if has_text {
        offered.push(("copy", Action::Copy));
    }
    if is_own && may_say && has_text && matches!(message.kind, MessageKind::Text | MessageKind::File) {
        offered.push(("edit", Action::Edit));
    }
    if is_own && may_say {
        offered.push(("take-back", Action::TakeBack));
    }
    offered.push(("delete-here", Action::DeleteHere));
    let id = message.id;
    let mut all: Vec<Element<'_, Message>> = Vec::new();
    if may_say {
        all.extend(
            REACTIONS.map(|emoji| one(text(emoji).font(theme::EMOJI), Message::Acted(id, Action::React(emoji)))),
        );
        all.push(one(text("+"), Message::Picker(picker::Message::Opened(Goes::To(id)))));
    }
    all.extend(offered.into_iter().map(|(name, action)| one(text(lang.text(name)), Message::Acted(id, action))));
    if may_say && matches!(message.kind, MessageKind::Text | MessageKind::File) && !message.uploading {
        all.push(one(text(lang.text("forward")), Message::Forward(id)));
    }
    let all = row(all).spacing(gap::TINY).wrap();
    container(all).width(Fill).align_x(at).into()
}

fn one<'a>(name: text::Text<'a>, then: Message) -> Element<'a, Message> {
    button(name.size(type_size::SMALL)).padding([gap::TINY, gap::SMALL]).style(theme::quiet).on_press(then).into()
}

/// Does it, where it is not for the field below. `said` is what is shown of its text.
pub(super) fn perform(session: &Session, message: &MessageView, said: &str, action: &Action) -> Task<Message> {
    let client = session.client().clone();
    let which = which(message);
    let with = recipient(&message.chat.kind, client.user_id());
    let done = move |done| not_done(done, with);
    match action {
        Action::Answer | Action::Edit => Task::none(),
        // As it is shown: what others wrote may be something else where it is pasted.
        Action::Copy => clipboard::write(said.to_owned()),
        Action::TakeBack => Task::perform(
            async move {
                let said = client.delete(which).await?;
                is_made(client, said).await
            },
            done,
        ),
        Action::DeleteHere => Task::perform(async move { client.delete_for_me(which).await }, done),
        Action::React(emoji) => {
            let own = client.user_id();
            let remove =
                message.reactions.iter().any(|reaction| reaction.emoji == *emoji && reaction.users.contains(own));
            let emoji = (*emoji).to_owned();
            let made = async move {
                let said = client.react(which, emoji, remove).await?;
                is_made(client, Some(said)).await
            };
            Task::perform(made, done)
        }
    }
}

/// A change of a message is with the server, or it is not made: nobody would see that in the history.
pub(super) async fn is_made(client: Client, said: Option<Said>) -> Result<(), ClientError> {
    match said {
        Some(said) => client.wait_made(&said).await,
        None => Ok(()),
    }
}

/// The message that was seen, and no other one to which its id was given as well.
pub(super) fn which(message: &MessageView) -> Which {
    let (from, chat) = (Some(message.sender_id.clone()), Some(message.chat.id));
    Which { message: message.message_id, from, chat }
}
