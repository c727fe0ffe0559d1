//! What has been said in the open chat, as far as it is held, and where in it one is.

use std::collections::BTreeSet;
use std::ops::Range;

use iced::widget::{button, column, container, row, rule, space, text};
use iced::{Center, Element, Fill};
use privmsg_client::{About, ChatStatus, Cursor, HistoryItem, MessageState, MessageView, Position, foreign};
use privmsg_protocol::UserId;
use url::Url;

use super::actions::Chosen;
use super::attachments::Attachments;
use super::{Message, bubble};
use crate::follow::{Told, Wanted};
use crate::lang::Lang;
use crate::links;
use crate::notice;
use crate::theme::{gap, type_size};
use crate::time;
use crate::widget::{Anchor, Anchored, Sight, hint};

/// How much is laid out above and below what is in sight, logical pixels: more than a turn of the wheel passes.
const BEYOND: f32 = 1_500.0;

/// The height of a view, until it has said what it has.
const FIRST_VIEW: f32 = 1_200.0;

/// So few lines before the first one that is held, more are asked for.
const FEW: usize = 15;

/// How far below the upper edge stands what is jumped to, logical pixels.
const JUMP: f32 = 90.0;

/// Characters of a text that are shown until all of it is wanted: as much as a screen holds.
const LONG: usize = 1_500;

/// Lines of the same.
const MANY_LINES: usize = 40;

/// A line's name, which it keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Key {
    /// The row of a message.
    Message(i64),
    /// The place of a gap.
    Gap(Position),
}

impl Key {
    const fn of(item: &HistoryItem) -> Self {
        match item {
            HistoryItem::Message(message) => Self::Message(message.id),
            HistoryItem::Gap { position, .. } => Self::Gap(*position),
        }
    }
}

/// A line, made ready to be drawn.
#[derive(Debug)]
pub(super) struct Line {
    item: HistoryItem,
    /// What was written, harmless.
    pub(super) said: String,
    /// There is more of it.
    pub(super) is_cut: bool,
    /// Where it leads, as far as it is shown.
    pub(super) links: Vec<Url>,
}

impl Line {
    fn of(item: HistoryItem, unfolded: &BTreeSet<i64>) -> Self {
        let Some(message) = item.message() else {
            return Self { item, said: String::new(), is_cut: false, links: Vec::new() };
        };
        let whole = message.text.as_str();
        let is_whole = unfolded.contains(&message.id);
        let end_of_lines = whole.match_indices('\n').nth(MANY_LINES).map(|(at, _)| at);
        let end_of_characters = whole.char_indices().nth(LONG).map(|(at, _)| at);
        let cut = [end_of_lines, end_of_characters].into_iter().flatten().min().filter(|_| !is_whole);
        // Cut before it is cleaned: that costs as much as it is long.
        let shown = &whole[..cut.unwrap_or(whole.len())];
        let said = foreign::text(shown);
        let links = links::of(&said);
        Self { item, said, is_cut: cut.is_some(), links }
    }

    pub(super) const fn message(&self) -> Option<&MessageView> {
        self.item.message()
    }

    /// It is not less high than this.
    fn least_height(&self) -> f32 {
        const EMPTY: f32 = 24.0;
        const LINE: f32 = 16.0;
        const IN_LINE: usize = 120;
        let lines = self.said.lines().map(|line| 1 + line.len() / (4 * IN_LINE)).sum::<usize>();
        (lines as f32).mul_add(LINE, EMPTY)
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct History {
    lines: Vec<Line>,
    anchor: Anchor<Key>,
    sight: Option<Sight<Key>>,
    /// Where it goes as soon as that is held.
    jump: Option<Key>,
    /// Where the mark of what is new stands, as long as the chat is open, and how much it was.
    new_from: Option<(Cursor, u64)>,
    reaches_beginning: bool,
    reaches_end: bool,
    is_loading: bool,
    has_come: bool,
    /// Long messages of which all is shown.
    unfolded: BTreeSet<i64>,
    /// Alarms behind what was read that nobody has had in sight yet, and those that somebody had.
    unseen_alarms: Vec<MessageView>,
    seen_alarms: BTreeSet<i64>,
}

impl History {
    pub(super) const fn new() -> Self {
        Self {
            lines: Vec::new(),
            anchor: Anchor::End,
            sight: None,
            jump: None,
            new_from: None,
            reaches_beginning: false,
            reaches_end: true,
            is_loading: false,
            has_come: false,
            unfolded: BTreeSet::new(),
            unseen_alarms: Vec::new(),
            seen_alarms: BTreeSet::new(),
        }
    }

    /// Something has come, or is another thing; somebody looks, or not.
    pub(super) fn hears(&mut self, told: Told, status: Option<&ChatStatus>, is_watched: bool) {
        let unfolded = &self.unfolded;
        for diff in told.diffs {
            diff.map(|item| Line::of(item, unfolded)).apply(&mut self.lines);
        }
        let first_unread = status.and_then(|status| Some((status.first_unread?, status.summary.unread)));
        if let Some(status) = status {
            let is_known = |id: i64| self.seen_alarms.contains(&id) || self.unseen_alarms.iter().any(|it| it.id == id);
            let alarms = self.lines.iter().filter_map(Line::message).filter(|it| notice::is_alarm(it));
            let new = alarms.filter(|it| it.cursor.0 > status.summary.read_to && !is_known(it.id));
            let new: Vec<_> = new.cloned().collect();
            self.unseen_alarms.extend(new);
        }
        // What comes while nobody looks is where they begin when they look again.
        let is_behind = first_unread.is_some_and(|(new, _)| self.new_from.is_none_or(|(before, _)| new > before));
        if (!self.has_come || !is_watched && is_behind)
            && let Some(new) = first_unread
        {
            self.new_from = Some(new);
            // Unless somebody is on their way to something else.
            let is_at = |line: &&Line| line.message().is_some_and(|message| message.cursor == new.0);
            let first = self.lines.iter().find(is_at).map(|line| Key::of(&line.item));
            self.jump = self.jump.or(first);
        }
        if let (false, Some((_, count)), Some((_, unread))) = (is_watched, &mut self.new_from, first_unread) {
            *count = unread;
        }
        (self.has_come, self.is_loading) = (true, false);
        (self.reaches_beginning, self.reaches_end) = (told.reaches_beginning, told.reaches_end);
        if let Some(key) = self.jump.take_if(|key| place(&self.lines, *key).is_some()) {
            self.anchor = Anchor::Row(key, JUMP);
        }
    }

    /// The alarm that came last and was not in sight.
    pub(super) fn unseen_alarm(&self) -> Option<&MessageView> {
        self.unseen_alarms.last()
    }

    /// The messages of which something is in sight.
    pub(super) fn in_sight(&self) -> impl Iterator<Item = &MessageView> {
        let ends = self.sight.and_then(|it| Some((place(&self.lines, it.first)?, place(&self.lines, it.lowest)?)));
        let lines = ends.and_then(|(first, lowest)| self.lines.get(first..=lowest));
        lines.unwrap_or_default().iter().filter_map(Line::message)
    }

    /// Somebody has looked at what is in sight.
    pub(super) fn is_looked_at(&mut self) {
        let Some(Sight { first, last: Some(last), .. }) = self.sight else { return };
        let (Some(first), Some(last)) = (place(&self.lines, first), place(&self.lines, last)) else { return };
        let lines = self.lines.get(first..=last).unwrap_or_default();
        let ids = lines.iter().filter_map(Line::message).map(|message| message.id);
        self.seen_alarms.extend(ids.filter(|id| self.unseen_alarms.iter().any(|it| it.id == *id)));
        self.unseen_alarms.retain(|message| !self.seen_alarms.contains(&message.id));
    }

    /// What is in sight now. Says what else is wanted by that.
    pub(super) fn sees(&mut self, sight: Sight<Key>) -> Option<Wanted> {
        let (first, lowest) = (place(&self.lines, sight.first)?, place(&self.lines, sight.lowest)?);
        let is_at_end = sight.below < 1.0 && lowest + 1 == self.lines.len();
        self.anchor = if is_at_end { Anchor::End } else { Anchor::Row(sight.first, sight.top) };
        self.sight = Some(sight);
        let wanted = if first < FEW && !self.reaches_beginning {
            Wanted::Older
        } else if lowest + FEW >= self.lines.len() && !self.reaches_end {
            Wanted::Newer
        } else {
            return None;
        };
        (!self.is_loading).then_some(wanted)
    }

    /// That something was asked for.
    pub(super) const fn loads(&mut self) {
        self.is_loading = true;
    }

    /// Goes to the end. Says what is wanted for that.
    pub(super) fn goes_to_the_end(&mut self) -> Option<Wanted> {
        (self.anchor, self.jump) = (Anchor::End, None);
        (!self.reaches_end).then_some(Wanted::Newest)
    }

    /// Goes to a message. Says what is wanted for that.
    pub(super) fn goes_to(&mut self, id: i64, cursor: Cursor) -> Option<Wanted> {
        let key = Key::Message(id);
        if place(&self.lines, key).is_some() {
            self.anchor = Anchor::Row(key, JUMP);
            return None;
        }
        self.jump = Some(key);
        Some(Wanted::Around(cursor))
    }

    /// A view further up or down.
    pub(super) fn turns(&mut self, views: f32) {
        if let Some(sight) = self.sight {
            self.anchor = Anchor::Row(sight.first, (views * sight.height * 0.9).mul_add(-1.0, sight.top));
        }
    }

    /// Shows all of a long message.
    pub(super) fn unfolds(&mut self, id: i64) {
        self.unfolded.insert(id);
        if let Some(line) = self.lines.iter_mut().find(|line| line.message().is_some_and(|message| message.id == id)) {
            *line = Line::of(line.item.clone(), &self.unfolded);
        }
    }

    /// Whoever answers has seen what was new.
    pub(super) const fn forgets_what_was_new(&mut self) {
        self.new_from = None;
    }

    pub(super) fn message(&self, id: i64) -> Option<&MessageView> {
        let at = place(&self.lines, Key::Message(id))?;
        self.lines[at].message()
    }

    /// The voice message of somebody else that follows one of theirs, if nothing else was said in between.
    pub(super) fn next_voice(&self, id: i64, own: &UserId) -> Option<i64> {
        let at = place(&self.lines, Key::Message(id))?;
        let (this, next) = (self.lines[at].message()?, self.lines.get(at + 1)?.message()?);
        let goes_on =
            next.sender_id == this.sender_id && next.sender_id != *own && !next.deleted && !next.is_doubtful();
        next.voice().filter(|_| goes_on).map(|_| next.id)
    }

    /// The last message that somebody who looks at it has seen. What still waits has no place among the others yet.
    pub(super) fn seen(&self) -> Option<Cursor> {
        let at = place(&self.lines, self.sight?.last?)?;
        let waits = |message: &&MessageView| matches!(message.state, MessageState::Queued | MessageState::Held(_));
        let mut seen = self.lines[..=at].iter().rev().filter_map(Line::message);
        seen.find(|message| !waits(message)).map(|message| message.cursor)
    }

    /// The beginning of a message that is held here, if it is one of this author's.
    fn excerpt_of(&self, about: &About) -> Option<&str> {
        let is_it =
            |message: &&MessageView| message.message_id == about.message_id && message.sender_id == about.author;
        let line = self.lines.iter().find(|line| line.message().as_ref().is_some_and(is_it))?;
        line.said.lines().find(|line| !line.trim().is_empty())
    }

    /// What was written in a message, harmless, as far as it is shown.
    pub(super) fn said(&self, id: i64) -> Option<&str> {
        place(&self.lines, Key::Message(id)).map(|at| self.lines[at].said.as_str())
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.anchor == Anchor::End && self.reaches_end
    }

    /// The lines that are laid out: not so many that a few long ones would keep the window.
    fn around(&self) -> Range<usize> {
        let view = self.sight.map_or(FIRST_VIEW, |sight| sight.height);
        let enough = |lines: &mut dyn Iterator<Item = &Line>, height: f32| {
            let mut sum = 0.0;
            let is_wanted = |line: &&Line| {
                let is_wanted = sum < height;
                sum += line.least_height();
                is_wanted
            };
            lines.take_while(is_wanted).count()
        };
        let anchored = match self.anchor {
            Anchor::Row(key, _) => place(&self.lines, key),
            Anchor::End => None,
        };
        let (at, beyond) = anchored.map_or((self.lines.len(), view + BEYOND), |at| (at, view.max(BEYOND)));
        let (above, below) = self.lines.split_at(at);
        let (before, after) = (enough(&mut above.iter().rev(), beyond), enough(&mut below.iter(), 2.0 * view + BEYOND));
        at - before..at + after
    }

    pub(super) fn view<'a>(
        &'a self,
        lang: Lang,
        own: &'a UserId,
        now_ms: i64,
        chosen: Option<&'a Chosen>,
        attachments: &'a Attachments,
        is_over: bool,
    ) -> Element<'a, Message> {
        if self.lines.is_empty() {
            let said = if self.has_come { lang.text("nothing-said") } else { lang.text("opening") };
            return container(hint(said)).center(Fill).into();
        }
        let around = self.around();
        let day_of =
            |at: usize| self.lines[..at].iter().rev().find_map(Line::message).and_then(|it| time::day(it.sent_at));
        let mut before = day_of(around.start);
        let rows = self.lines[around].iter().map(|line| {
            let mut parts = column![].spacing(gap::SMALL).padding([gap::TINY, gap::MEDIUM]).width(Fill);
            let Some(message) = line.message() else {
                return (Key::of(&line.item), parts.push(bubble::happened(lang.text("gap"), false)).into());
            };
            let day = time::day(message.sent_at);
            if day != before {
                parts = parts.push(bubble::happened(day_name(lang, message.sent_at, now_ms), false));
                before = day;
            }
            if let Some((_, count)) = self.new_from.filter(|(first, _)| *first == message.cursor) {
                parts = parts.push(new_line(lang, count));
            }
            let chosen = chosen.filter(|chosen| chosen.id == message.id);
            let answered = message.reply_to.as_ref().and_then(|about| self.excerpt_of(about));
            let shown = bubble::Shown { line, message, answered, chosen, attachments, is_over };
            let parts = parts.push(bubble::line(lang, shown, own));
            (Key::of(&line.item), parts.into())
        });
        let mut history = Anchored::new(rows, self.anchor, Message::Sight);
        if let Some((first, lowest)) =
            self.sight.and_then(|sight| Some((place(&self.lines, sight.first)?, place(&self.lines, sight.lowest)?)))
        {
            let all = self.lines.len() as f32;
            history = history.part(first as f32 / all, (lowest + 1) as f32 / all);
        }
        let to_end = (!self.is_at_end()).then(|| {
            let button = button(text(lang.text("to-the-end")).size(type_size::SMALL)).on_press(Message::ToTheEnd);
            container(button).center_x(Fill).padding(gap::TINY)
        });
        column![Element::from(history)].push(to_end).into()
    }
}

fn place(lines: &[Line], key: Key) -> Option<usize> {
    lines.iter().position(|line| Key::of(&line.item) == key)
}

fn day_name(lang: Lang, ms: i64, now_ms: i64) -> String {
    const DAY_MS: i64 = 24 * 3600 * 1000;
    match time::day(ms) {
        day if day == time::day(now_ms) => lang.text("today"),
        day if day == time::day(now_ms - DAY_MS) => lang.text("yesterday"),
        _ => time::date(ms),
    }
}

fn new_line<'a>(lang: Lang, count: u64) -> Element<'a, Message> {
    let said = text(lang.with("new-messages", &[("count", count.into())])).size(type_size::SMALL).style(text::primary);
    row![rule::horizontal(1), said, rule::horizontal(1)].spacing(gap::SMALL).align_y(Center).push(space()).into()
}
