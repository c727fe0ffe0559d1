//! Looking for messages and chats, in the place of the list.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use iced::widget::{button, column, container, row, scrollable, text, text_input};
use iced::{Element, Fill, Task};
use privmsg_client::{
    ChatEntry, ChatId, Client, ClientError, Cursor, Excerpt, Found, Hit, Recipient, Search, SearchCursor, foreign,
};
use privmsg_protocol::UserId;

use super::{list, name, recipient};
use crate::failure;
use crate::lang::Lang;
use crate::theme::{self, gap, type_size};
use crate::time;
use crate::widget::{alarm, hint, small_button};

const FIELD: &str = "finding";

/// How long nothing is typed until it is looked.
const REST: Duration = Duration::from_millis(150);

/// Messages that are looked for at once.
const PAGE: u32 = 30;

/// Characters that are shown before the first word that was found.
const BEFORE: usize = 14;

/// What happened.
#[derive(Debug, Clone)]
pub enum Message {
    /// Words are being typed.
    Typed(String),
    /// Nothing was typed for a moment, since so many strokes.
    Rested(u64),
    /// What was found of what stood there after so many strokes: from the beginning, or behind what was found before.
    Found(u64, bool, Result<Found, Arc<ClientError>>),
    /// More is wanted.
    More,
    /// Only in the chat that is open, or in all.
    In(Option<ChatId>),
    /// Nothing is looked for any more.
    Ended,
    /// This message is wanted. It is for whoever shows this.
    Chosen(Recipient, i64, Cursor),
    /// So is this chat.
    ChatChosen(Recipient),
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Finding {
    words: String,
    strokes: u64,
    chat: Option<ChatId>,
    hits: Vec<Hit>,
    next: Option<SearchCursor>,
    is_looking: bool,
    trouble: Option<Arc<ClientError>>,
}

/// What is drawn with it.
pub(super) struct Beside<'a> {
    pub(super) chats: &'a [ChatEntry],
    pub(super) open: Option<ChatId>,
    pub(super) own: &'a UserId,
    pub(super) now_ms: i64,
}

impl Finding {
    /// Whether something is looked for.
    pub(super) fn is_active(&self) -> bool {
        !self.words.trim().is_empty()
    }

    /// Does what a message asks for.
    pub(super) fn update(&mut self, client: &Client, message: Message) -> Task<Message> {
        match message {
            Message::Typed(words) => {
                self.words = words;
                // Whoever begins anew looks everywhere.
                self.chat = self.chat.filter(|_| self.is_active());
                self.begins_anew();
                let strokes = self.strokes;
                return Task::perform(tokio::time::sleep(REST), move |()| Message::Rested(strokes));
            }
            Message::In(chat) => {
                self.chat = chat;
                self.begins_anew();
                return self.looks(client, None);
            }
            Message::Rested(strokes) if strokes == self.strokes && self.is_active() => return self.looks(client, None),
            Message::More if !self.is_looking => return self.looks(client, self.next),
            Message::Found(strokes, is_first, found) if strokes == self.strokes => {
                self.is_looking = false;
                match found {
                    Ok(found) => {
                        if is_first {
                            self.hits.clear();
                        }
                        self.hits.extend(found.hits);
                        (self.next, self.trouble) = (found.next, None);
                    }
                    Err(error) => self.trouble = Some(error),
                }
            }
            Message::Ended => *self = Self { strokes: self.strokes + 1, ..Self::default() },
            Message::Rested(_) | Message::More | Message::Found(..) | Message::Chosen(..) | Message::ChatChosen(_) => {}
        }
        Task::none()
    }

    /// What is on its way belongs to what stood there before.
    fn begins_anew(&mut self) {
        self.strokes += 1;
        self.next = None;
        self.is_looking = self.is_active();
        if !self.is_active() {
            self.hits.clear();
        }
    }

    fn looks(&mut self, client: &Client, after: Option<SearchCursor>) -> Task<Message> {
        self.is_looking = true;
        let (client, strokes, is_first) = (client.clone(), self.strokes, after.is_none());
        let search = Search { text: self.words.clone(), chat: self.chat, ..Search::default() };
        let found = async move { client.search(&search, after, PAGE).await.map_err(Arc::new) };
        Task::perform(found, move |found| Message::Found(strokes, is_first, found))
    }

    /// The field.
    pub(super) fn field(&self, lang: Lang) -> Element<'_, Message> {
        let field = text_input(&lang.text("search"), &self.words).id(FIELD).padding(gap::SMALL).size(type_size::BODY);
        let field = field.on_input(Message::Typed);
        let end = self.is_active().then(|| button(text("×")).style(theme::quiet).on_press(Message::Ended));
        row![field].push(end).spacing(gap::TINY).into()
    }

    /// What was found.
    pub(super) fn view<'a>(&'a self, lang: Lang, beside: &Beside<'a>) -> Element<'a, Message> {
        let small = |name: &str, then| small_button(lang.text(name), then);
        let place = match (self.chat, beside.open) {
            (Some(_), _) => Some(small("search-everywhere", Message::In(None))),
            (None, Some(open)) => Some(small("search-here", Message::In(Some(open)))),
            (None, None) => None,
        };
        let words = self.words.trim().to_lowercase();
        let is_it = |chat: &&ChatEntry| {
            let with = recipient(&chat.summary.chat.kind, beside.own);
            name(lang, &with, chat.heading.as_ref(), beside.own).to_lowercase().contains(&words)
        };
        let chats = beside.chats.iter().filter(is_it).filter(|_| self.chat.is_none()).map(|chat| {
            let with = recipient(&chat.summary.chat.kind, beside.own);
            list::entry(lang, chat, false, beside.own, beside.now_ms, Message::ChatChosen(with))
        });
        let mut found = column(chats).spacing(2);
        if let Some(error) = &self.trouble {
            found = found.push(alarm(failure::client(lang, error)));
        }
        found = found.extend(self.hits.iter().map(|hit| self::hit(lang, hit, beside)));
        let is_nothing = self.hits.is_empty() && self.trouble.is_none();
        let said = match (is_nothing, self.is_looking) {
            (_, true) => Some(hint(lang.text("searching"))),
            (true, false) => Some(hint(lang.text("found-nothing"))),
            (false, false) => None,
        };
        let more = (self.next.is_some() && !self.is_looking).then(|| small("search-more", Message::More));
        let found = scrollable(found.push(said).push(more)).height(Fill).width(Fill);
        column![].push(place).push(found).spacing(gap::SMALL).into()
    }
}

fn hit<'a>(lang: Lang, hit: &'a Hit, beside: &Beside<'a>) -> Element<'a, Message> {
    let message = &hit.message;
    let with = recipient(&message.chat.kind, beside.own);
    let heading = beside.chats.iter().find(|chat| chat.summary.chat.id == message.chat.id);
    let whose = name(lang, &with, heading.and_then(|chat| chat.heading.as_ref()), beside.own);
    let who = if message.sender_id == *beside.own { lang.text("you") } else { message.sender_id.to_string() };
    let clipped = |said: String| container(text(said).size(type_size::SMALL).wrapping(text::Wrapping::None)).clip(true);
    let first = row![clipped(whose).width(Fill), hint(time::short(message.sent_at, beside.now_ms))].spacing(gap::SMALL);
    // Whatever it says: it may be somebody else's.
    let doubtful = list::doubtful(message).map(|why| text(lang.text(why)).size(type_size::SMALL).style(text::danger));
    let excerpt = if message.is_doubtful() { Vec::new() } else { parts(&hit.excerpt) };
    let parts = excerpt.into_iter().map(|(part, is_found)| {
        let style = if is_found { text::primary } else { theme::faint };
        text(part).size(type_size::SMALL).wrapping(text::Wrapping::None).style(style).into()
    });
    let said =
        container(row(std::iter::once(hint(format!("{who}: "))).chain(parts)).push(doubtful)).width(Fill).clip(true);
    button(column![first, said].spacing(2))
        .on_press(Message::Chosen(with, message.id, message.cursor))
        .padding(gap::SMALL)
        .width(Fill)
        .style(theme::chat_row(false))
        .into()
}

/// A stretch in one line, harmless, parted into what was looked for and what is around it; begun so that the first word that was
/// found is in sight.
fn parts(excerpt: &Excerpt) -> Vec<(String, bool)> {
    let clean = |range: Range<usize>| {
        let part = excerpt.text.get(range).unwrap_or_default();
        foreign::line(&part.replace(['\n', '\r'], " "))
    };
    let mut parts = Vec::new();
    let mut at = 0;
    for found in &excerpt.found {
        parts.push((clean(at..found.start), false));
        parts.push((clean(found.clone()), true));
        at = found.end;
    }
    parts.push((clean(at..excerpt.text.len()), false));
    if let Some((before, _)) = parts.first_mut() {
        let cut = before.char_indices().rev().nth(BEFORE - 1).map_or(0, |(at, _)| at);
        if cut > 0 || excerpt.is_cut_before {
            *before = format!("…{}", &before[cut..]);
        }
    }
    parts.retain(|(part, _)| !part.is_empty());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, found: &[Range<usize>]) -> Vec<(String, bool)> {
        let excerpt = Excerpt { text: text.to_owned(), found: found.to_vec(), ..Excerpt::default() };
        parts(&excerpt)
    }

    #[test]
    fn what_was_found_is_marked_and_in_sight() {
        assert_eq!(shown("see you", &[]), [("see you".into(), false)]);
        let see = std::iter::once(0..3).collect::<Vec<_>>();
        assert_eq!(shown("see you", &see), [("see".into(), true), (" you".into(), false)]);
        let long = format!("{}привет\nмир", "ё".repeat(40));
        assert_eq!(
            shown(&long, &std::iter::once(80..92).collect::<Vec<_>>()),
            [(format!("…{}", "ё".repeat(BEFORE)), false), ("привет".into(), true), (" мир".into(), false)]
        );
    }
}
