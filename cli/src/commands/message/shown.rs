//! Messages as text for people.

use privmsg_client::{ChatKind, Client, Consent, MessageKind, MessageState, MessageView, units};
use privmsg_protocol::{ErrorCode, UserId};

use super::excerpt;
use crate::chat_name::{name_of, short};
use crate::commands::time;
use crate::commands::units::size;
use crate::failure::Failure;
use crate::foreign;
use crate::lang::Lang;
use crate::output::{Output, Style};

/// What is known around a message when it is shown.
pub(in crate::commands) struct Around<'a> {
    own: &'a UserId,
    /// Its sender's key has changed, and that is to be accepted.
    blocked: bool,
    /// How the message begins that it answers, if that is here.
    answered: Option<String>,
    /// Which group it was said in, where that is not clear.
    group: Option<String>,
    /// Of a chat that somebody else has begun, and that nobody has answered.
    request: bool,
}

impl<'a> Around<'a> {
    pub(in crate::commands) async fn of(
        client: &'a Client,
        lang: Lang,
        message: &MessageView,
        blocked: bool,
    ) -> Result<Self, Failure> {
        let mut answered = None;
        if let Some(about) = &message.reply_to {
            let is_meant = |found: &MessageView| {
                found.chat.id == message.chat.id && found.sender_id == about.author && !found.kind.is_notice()
            };
            let found = client.find(about.message_id).await?.into_iter().find(is_meant);
            answered = found.map(|found| if found.deleted { lang.deleted() } else { excerpt(lang, &found) });
        }
        let group = match &message.chat.kind {
            ChatKind::Group { conversation } => {
                let (id, title) = (name_of(conversation), client.group_title(message.chat.id).await?);
                Some(match title {
                    Some(title) => format!("{} {}", lang.quoted(&title), short(&id)),
                    None => short(&id).to_owned(),
                })
            }
            // What does not name the chat by itself.
            ChatKind::Direct { peer } if is_about_chat(message.kind) => Some(peer.to_string()),
            ChatKind::Direct { .. } | ChatKind::SelfNotes => None,
        };
        let request = client.consent(message.chat.id).await? == Consent::Asked;
        let answered = answered.filter(|text| !text.is_empty());
        Ok(Self { own: client.user_id(), blocked, group, request, answered })
    }

    /// The group, where it is not clear.
    pub(super) fn group(&self) -> Option<&str> {
        self.group.as_deref()
    }

    /// The same where everything is of one chat.
    pub(in crate::commands) fn in_its_chat(self) -> Self {
        Self { group: None, ..self }
    }
}

/// A line of what is shown of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Line {
    /// The sender's words.
    Said(String),
    /// Our own words: about the message, or about what has happened.
    Note(String),
}

/// In front of our own words. At its place in a line no sender's words begin.
pub(super) const NOTE: &str = "* ";

/// In front of each further line of a sender's words.
const SAID: &str = "| ";

/// In front of a further line.
const FURTHER: &str = "    ";

impl Line {
    /// As a line of its own.
    fn alone(&self) -> String {
        match self {
            Self::Said(text) => format!("{FURTHER}{SAID}{text}"),
            Self::Note(text) => format!("{FURTHER}{NOTE}{text}"),
        }
    }

    /// Behind who it is from.
    fn behind(&self) -> String {
        match self {
            Self::Said(text) => format!(": {text}"),
            Self::Note(text) => format!(" {NOTE}{text}"),
        }
    }
}

/// A further line of a sender's words.
pub(super) fn further(line: String) -> String {
    Line::Said(line).alone()
}

/// Notices that say something of a chat, and not of a person.
const fn is_about_chat(kind: MessageKind) -> bool {
    matches!(
        kind,
        MessageKind::WentBack
            | MessageKind::DeclinedElsewhere
            | MessageKind::AcceptedElsewhere
            | MessageKind::DecisionUndone
    )
}

fn notes(lines: Vec<String>) -> Vec<Line> {
    lines.into_iter().map(Line::Note).collect()
}

/// What a message says, line by line, harmless for a terminal.
fn body(output: &Output, message: &MessageView, around: &Around<'_>) -> Vec<Line> {
    let lang = output.lang();
    let faint = |text: &str| Line::Note(output.styled(Style::Faint, text));
    let sender = message.sender_id.as_str();
    if let Some(alarm) = alarm(lang, message, around) {
        return notes(
            alarm.iter().flat_map(|text| foreign::lines(text)).map(|line| output.styled(Style::Alarm, &line)).collect(),
        );
    }
    match message.kind {
        MessageKind::GroupChanged => {
            let news = message.group_news.as_deref().cloned().unwrap_or_default();
            let said = lang.group_news(&news, &message.sender_id, around.own);
            // Who is perhaps not who the name says is no line to be passed over.
            let style = if news.namesakes.is_empty() { Style::Faint } else { Style::Alarm };
            return said.iter().map(|line| Line::Note(output.styled(style, &foreign::line(line)))).collect();
        }
        MessageKind::Title => return vec![faint(&lang.title_given(sender, &foreign::line(&message.text)))],
        _ if message.deleted => return vec![faint(&lang.deleted())],
        MessageKind::Unsupported if message.text.is_empty() => return vec![faint(&lang.unsupported())],
        _ => {}
    }
    let mut lines = Vec::new();
    if message.unlisted {
        let said = lang.written_on_unlisted(sender);
        lines.extend(foreign::lines(&said).map(|line| Line::Note(output.styled(Style::Alarm, &line))));
    }
    if message.other_key {
        let said = lang.written_under_another_key(sender);
        lines.extend(foreign::lines(&said).map(|line| Line::Note(output.styled(Style::Alarm, &line))));
    }
    if let Some(about) = &message.reply_to {
        let author = about.author.as_str();
        lines.push(faint(&match &around.answered {
            Some(text) => lang.answers_to(author, text),
            None => lang.answers(author),
        }));
    }
    if !message.text.is_empty() {
        lines.extend(foreign::lines(&message.text).map(Line::Said));
    }
    if message.mentions.contains(around.own) && message.sender_id != *around.own {
        lines.push(Line::Note(output.styled(Style::Bold, &lang.mentions_you())));
    }
    if message.edited_at.is_some() {
        lines.push(faint(&lang.edited()));
    }
    for file in &message.attachments {
        let said = match message.voice() {
            Some(voice) => lang.voice_line(&units::length(voice.duration_ms)),
            None => lang.file_line(&foreign::line(&file.name), &size(lang, file.size)),
        };
        lines.push(Line::Note(said));
    }
    for reaction in &message.reactions {
        let users: Vec<_> = reaction.users.iter().map(UserId::as_str).collect();
        lines.push(faint(&format!("{} {}", foreign::line(&reaction.emoji), users.join(", "))));
    }
    lines
}

/// What is to be noticed at once.
fn alarm(lang: Lang, message: &MessageView, around: &Around<'_>) -> Option<Vec<String>> {
    let (sender, named) = (message.sender_id.as_str(), foreign::line(&message.text));
    let mut said = vec![match message.kind {
        MessageKind::IdentityChanged => lang.key_changed(sender),
        MessageKind::WentBack => lang.went_back(),
        MessageKind::DeviceAdded => {
            let at = time::local(message.sent_at);
            match message.chat.kind {
                ChatKind::SelfNotes => lang.device_added(&named, &at),
                ChatKind::Direct { .. } | ChatKind::Group { .. } => lang.contact_device_added(sender, &named, &at),
            }
        }
        MessageKind::ListConflict => lang.list_conflict_of(sender),
        MessageKind::ForeignList => lang.foreign_list_of(sender),
        MessageKind::DeviceRemoved => lang.device_left(&named),
        MessageKind::KnownOtherwise => lang.known_otherwise(sender, &named),
        MessageKind::ToConfirm => lang.contacts_to_confirm(),
        MessageKind::SignedOutHere => lang.signed_out_by(&named),
        MessageKind::DeclinedElsewhere => lang.declined_elsewhere(&named),
        MessageKind::AcceptedElsewhere => lang.accepted_elsewhere(&named),
        MessageKind::DecisionUndone => lang.decision_undone(&named),
        MessageKind::StepsToConfirm => lang.steps_to_confirm(&named),
        MessageKind::BlocksChanged => {
            return Some(lang.block_news(&message.block_news.as_deref().cloned().unwrap_or_default()));
        }
        MessageKind::DeviceUnseen => lang.device_unseen(&named, &time::local(message.sent_at)),
        _ => return None,
    }];
    if message.kind == MessageKind::StepsToConfirm {
        let news = message.group_news.as_deref().cloned().unwrap_or_default();
        said.extend(lang.group_news(&news, &message.sender_id, around.own));
    }
    if around.blocked && matches!(message.kind, MessageKind::IdentityChanged | MessageKind::KnownOtherwise) {
        said.push(lang.key_changed_blocked(sender));
    }
    Some(said)
}

/// Who wrote it, and to whom where that is not clear: what one's own other device has sent.
fn from(message: &MessageView, around: &Around<'_>) -> String {
    let sender = message.sender_id.as_str();
    match (&message.chat.kind, &around.group) {
        (ChatKind::Direct { peer }, _) if message.sender_id == *around.own => format!("{sender} -> {peer}"),
        (_, Some(group)) => format!("{sender} -> {group}"),
        _ => sender.to_owned(),
    }
}

/// As `listen` prints it: who and what at first sight. No line that somebody has written can look like one of ours, nor like
/// another message: their words stand behind their name, or behind a bar. With what became of it, if it is one's own and
/// `with_state`.
pub(in crate::commands) fn live(
    output: &Output,
    message: &MessageView,
    around: &Around<'_>,
    with_state: bool,
) -> String {
    let lang = output.lang();
    let mut text = format!("{}  ", output.styled(Style::Faint, &time::local(message.sent_at)));
    let lines = body(output, message, around);
    let mut further = lines.iter();
    if message.kind.is_notice() || message.kind == MessageKind::Title {
        if let Some(Line::Note(first)) = further.next() {
            text.push_str(&format!("{NOTE}{first}"));
        }
        if let Some(group) = &around.group {
            text.push_str(&format!("  ({group})"));
        }
    } else {
        text.push_str(&output.styled(Style::Bold, &from(message, around)));
        if around.request {
            text.push_str(&format!(" ({})", output.styled(Style::Bold, &lang.request())));
        }
        if let Some((style, state)) = with_state.then(|| state(lang, message, around.own)).flatten() {
            text.push_str(&format!(" ({})", output.styled(style, &state)));
        }
        text.extend(further.next().map(Line::behind));
    }
    append(&mut text, further);
    if !message.attachments.is_empty() && !message.deleted {
        let how = output.styled(Style::Faint, &lang.how_to_download(&message.message_id.to_string()));
        append(&mut text, [Line::Note(how)].iter());
    }
    text
}

fn append<'a>(text: &mut String, lines: impl Iterator<Item = &'a Line>) {
    for line in lines {
        text.push('\n');
        text.push_str(&line.alone());
    }
}

/// As `history` prints it: with its id and what became of it.
pub(in crate::commands) fn past(output: &Output, message: &MessageView, around: &Around<'_>) -> String {
    if message.kind.is_notice() {
        let here = Around { own: around.own, blocked: around.blocked, answered: None, group: None, request: false };
        return live(output, message, &here, false);
    }
    with_id(output, message, around, message.sender_id.as_str())
}

/// As `search` prints it: as `history` does, with where it was said.
pub(in crate::commands) fn found(output: &Output, message: &MessageView, around: &Around<'_>) -> String {
    with_id(output, message, around, &from(message, around))
}

fn with_id(output: &Output, message: &MessageView, around: &Around<'_>, from: &str) -> String {
    let lang = output.lang();
    let time = output.styled(Style::Faint, &time::local(message.sent_at));
    let sender = output.styled(Style::Bold, from);
    let id = output.styled(Style::Faint, &message.message_id.to_string());
    let mut text = format!("{time}  {id}  {sender}");
    if let Some((style, state)) = state(lang, message, around.own) {
        text.push_str("  ");
        text.push_str(&output.styled(style, &state));
    }
    append(&mut text, body(output, message, around).iter());
    text
}

/// How far a message of one's own has come.
fn state(lang: Lang, message: &MessageView, own: &UserId) -> Option<(Style, String)> {
    if message.kind.is_notice() {
        return None;
    }
    match &message.state {
        MessageState::Queued => Some((Style::Bold, lang.state_queued())),
        MessageState::Held(by) => Some((Style::Alarm, lang.state_held(*by))),
        MessageState::Failed(code) => {
            let reason = foreign::line(&lang.refusal(&ErrorCode::from(code.as_str())));
            Some((Style::Alarm, lang.state_failed(&reason)))
        }
        _ if message.read_at().is_some() => Some((Style::Faint, lang.state_read())),
        _ if message.delivered_at().is_some() => Some((Style::Faint, lang.state_delivered())),
        MessageState::Sent => Some((Style::Faint, lang.state_sent())),
        MessageState::Received => (message.sender_id == *own).then(|| (Style::Faint, lang.state_sent())),
    }
}
