//! How the chat that is open is drawn.

use iced::widget::{button, column, container, row, rule, text};
use iced::{Center, Element, Fill};
use privmsg_client::{MessageView, Recipient};

use super::super::{group_by_id, name};
use super::{Conversation, Message, leading, standing};
use crate::failure;
use crate::lang::Lang;
use crate::notice;
use crate::theme::{self, gap, type_size};
use crate::waiting_for;
use crate::widget::{alarm, hint};

impl Conversation {
    /// Draws it. Where the session is `over`, for this reason nothing can be said any more.
    pub(crate) fn view(&self, lang: Lang, now_ms: i64, over: Option<&'static str>) -> Element<'_, Message> {
        if let Some(alone) = self.attachments.alone(lang) {
            return alone.map(Message::Attachments);
        }
        let own = self.session.client().user_id();
        let title = name(lang, &self.with, self.heading.as_ref(), own);
        // Others have named the group, and may have named it like a person.
        let group = match &self.with {
            Recipient::Group(group) => Some(hint(group_by_id(lang, group))),
            Recipient::User(_) => None,
        };
        let heading = column![text(title).size(type_size::HEADING)].push(group);
        let about = button(text(lang.text("about-chat"))).style(theme::quiet).on_press(Message::About);
        let bar = row![heading.width(Fill), about].align_y(Center);
        let bar = container(bar).padding(gap::SMALL).width(Fill).style(theme::bar);
        let history = self.history.view(lang, own, now_ms, self.chosen.as_ref(), &self.attachments, over.is_some());
        // What comes and goes is in a part of its own: the field below it keeps the keyboard.
        let waits = self.standing.waits_for.iter().filter_map(|reason| waiting_for::said(lang, reason)).map(alarm);
        let decisions =
            over.is_none().then(|| standing::view(lang, &self.with, &self.standing, self.consent)).flatten();
        let said = column![]
            .extend(
                self.troubles.iter().flatten().chain(&self.failure).map(|error| alarm(failure::client(lang, error))),
            )
            .extend(waits)
            .extend(decisions)
            .push(self.leads_to.as_ref().map(|link| leading::view(lang, link)))
            .push(self.picker.as_ref().filter(|_| over.is_none()).map(|picker| picker.view(lang)));
        let below = match over.or_else(|| standing::nothing_to_say(self.heading.as_ref(), &self.standing)) {
            Some(why) => container(hint(lang.text(why))).padding(gap::MEDIUM).into(),
            None => self.writing.view(lang),
        };
        let alarm = self.history.unseen_alarm().map(|message| self.unseen(lang, message));
        let bar = column![bar].push(alarm);
        column![bar, rule::horizontal(1), history, rule::horizontal(1), said, below].width(Fill).height(Fill).into()
    }

    /// An alarm that has not been in sight.
    fn unseen<'a>(&self, lang: Lang, message: &MessageView) -> Element<'a, Message> {
        let said = notice::said(lang, message, self.session.client().user_id()).unwrap_or_default();
        let said = said.into_iter().next().unwrap_or_default();
        let show = button(text(lang.text("show")).size(type_size::SMALL)).style(button::danger);
        let show = show.on_press(Message::To(message.id, message.cursor));
        let said = container(text(said).size(type_size::SMALL)).width(Fill);
        container(row![said, show].spacing(gap::SMALL).align_y(Center)).padding(gap::SMALL).style(theme::alarm).into()
    }
}
