//! How signing in looks.

use iced::Element;
use iced::widget::{button, column, row, text};
use privmsg_client::foreign;
use privmsg_protocol::Secret;

use super::{AGAIN, INVITATION, KEY, Message, PASSPHRASE, SERVER, SignIn, State, USER, Way};
use crate::failure;
use crate::lang::Lang;
use crate::theme::{gap, type_size};
use crate::widget::{Typed, alarm, field, hint, secret_field, sheet};

impl SignIn {
    /// Draws it.
    pub(crate) fn view(&self, lang: Lang) -> Element<'_, Message> {
        let is_free = !self.is_asking();
        let mut content =
            column![text(lang.text("sign-in-title")).size(type_size::TITLE), hint(lang.text("sign-in-hint"))]
                .spacing(gap::MEDIUM);
        content = match self.way {
            Way::Key => content.extend(self.key_fields(lang, is_free)),
            Way::Invitation => content.push(secret_field(
                INVITATION,
                lang.text("invitation"),
                self.invitation.expose(),
                is_free.then_some(|text| Message::Invitation(Secret::new(text))),
                self.onward(),
            )),
        };
        if self.wants_passphrase() {
            content =
                content.extend(self.passphrase_fields(lang, is_free)).push(hint(lang.text("new-passphrase-hint")));
        }
        content = content.extend(self.about_the_way(lang)).extend(self.outcome(lang));
        let submit = if is_free { lang.text("sign-in") } else { lang.text("signing-in") };
        let other = match self.way {
            Way::Key => lang.text("with-an-invitation"),
            Way::Invitation => lang.text("with-a-key"),
        };
        let buttons = row![
            button(text(submit)).on_press_maybe(is_free.then_some(Message::Submitted)),
            button(text(other)).style(button::text).on_press_maybe(is_free.then_some(Message::OtherWay)),
        ]
        .spacing(gap::SMALL);
        sheet(content.push(buttons))
    }

    fn key_fields(&self, lang: Lang, is_free: bool) -> [Element<'_, Message>; 3] {
        let (server, user): (Typed<Message>, Typed<Message>) = (Message::Server, Message::User);
        let key: Typed<Message> = |text| Message::Key(Secret::new(text));
        [
            field(SERVER, lang.text("server"), &self.server, is_free.then_some(server), Message::Next),
            field(USER, lang.text("user-id"), &self.user, is_free.then_some(user), Message::Next),
            secret_field(KEY, lang.text("access-key"), self.key.expose(), is_free.then_some(key), self.onward()),
        ]
    }

    /// What Enter does in the last field of a way in.
    fn onward(&self) -> Message {
        if self.wants_passphrase() { Message::Next } else { Message::Submitted }
    }

    fn passphrase_fields(&self, lang: Lang, is_free: bool) -> [Element<'_, Message>; 2] {
        let first: Typed<Message> = |text| Message::Passphrase(Secret::new(text));
        let again: Typed<Message> = |text| Message::PassphraseAgain(Secret::new(text));
        let (typed, typed_again) = (self.passphrase.expose(), self.passphrase_again.expose());
        let (name, name_again) = (lang.text("new-passphrase"), lang.text("passphrase-again"));
        [
            secret_field(PASSPHRASE, name, typed, is_free.then_some(first), Message::Next),
            secret_field(AGAIN, name_again, typed_again, is_free.then_some(again), Message::Submitted),
        ]
    }

    /// What is to be known of the way to the server before a key is sent over it.
    fn about_the_way(&self, lang: Lang) -> Vec<Element<'_, Message>> {
        let Some(address) = self.address() else { return Vec::new() };
        let mut said = Vec::new();
        if let Some(invited) = (self.way == Way::Invitation).then(|| self.invited()).flatten() {
            let filling = [("server", address.to_string().into()), ("user", invited.user_id.to_string().into())];
            said.push(hint(lang.with("invitation-to", &filling)));
            said.extend(invited.fingerprint.as_deref().map(|fingerprint| {
                hint(lang.with("invitation-pins", &[("fingerprint", foreign::first_line(fingerprint, 100).into())]))
            }));
        }
        if address.goes_in_the_clear() {
            said.push(alarm(lang.text("in-the-clear")));
        }
        if let Some((_, fingerprint)) = self.pinned.as_ref().filter(|(at, _)| *at == address) {
            let pinned = hint(lang.with("pinned", &[("fingerprint", fingerprint.to_string().into())]));
            let take_back = button(text(lang.text("unpin")).size(type_size::SMALL)).padding(0).style(button::text);
            said.push(column![pinned, take_back.on_press(Message::Unpinned)].spacing(gap::TINY).into());
        }
        said
    }

    /// What came of the last attempt.
    fn outcome(&self, lang: Lang) -> Vec<Element<'_, Message>> {
        match &self.state {
            State::Entering | State::Asking => Vec::new(),
            State::Wrong(slip) => vec![alarm(slip.said(lang))],
            State::Failed(error) => {
                let mut said = vec![alarm(failure::sign_in(lang, error))];
                if let Some(untrusted) = failure::untrusted(error) {
                    let fingerprint = untrusted.fingerprint;
                    said.push(hint(lang.with("pin-hint", &[("fingerprint", fingerprint.to_string().into())])));
                    let pin = button(text(lang.text("pin"))).style(button::danger);
                    said.push(pin.on_press(Message::Pinned(fingerprint)).into());
                }
                said
            }
        }
    }
}
