//! What goes out only when the user says so.

use privmsg_client::HeldBy;
use privmsg_protocol::UserId;

use super::{Lang, texts};

impl Lang {
    /// How far such a message has come.
    pub(crate) fn state_held(self, by: HeldBy) -> String {
        match by {
            HeldBy::Block => self.held_since_block(),
            HeldBy::OthersCame => self.held_since_others_came(),
        }
    }

    /// The same where one is writing, to a chat that is called so on the command line.
    pub(crate) fn still_held(self, by: HeldBy, chat: &str, text: &str) -> String {
        match by {
            HeldBy::Block => self.held_by_block(text),
            HeldBy::OthersCame => self.held_by_others(chat, text),
        }
    }

    /// Why a message waits for the user's word, and what can be done about it.
    pub(crate) fn held_for(self, newcomers: &[UserId], chat: &str, id: &str) -> String {
        let why = match newcomers {
            [] => self.others_came(),
            // A chat of two is called by the other's name.
            [user] if user.as_str() == chat => self.has_another_key(chat),
            _ => self.these_came(&newcomers.iter().map(UserId::as_str).collect::<Vec<_>>().join(", ")),
        };
        format!("{why}. {}", self.is_held(chat, id))
    }
}

texts! {
    nothing_was_held(user: &str) => "No message to {user} was held.", "Задержанных сообщений для {user} не было.";
    changed_before_it_left() => "Changed, before it has gone out.", "Изменено до отправки.";
    nothing_is_held() => "Nothing is held there.", "Там ничего не задержано.";
    help_held() =>
        "Send what is held in the chat, also to those who have come since it was written",
        "Отправить задержанное в этом чате, в том числе тем, кто пришёл после написания";
    help_send_held() =>
        "Send what you had written before you blocked them, and was held since",
        "Отправить то, что было написано до блокировки и с тех пор задержано";
    held_still(user: &str, count: u64) =>
        "Still held, written before the block: {count}. They go out only if you say so: privmsg unblock {user} --send. 'privmsg delete ID' takes one back.",
        "По-прежнему задержано, написано до блокировки: {count}. Уйдут, только если вы скажете: privmsg unblock {user} --send. Убрать одно — «privmsg delete ID».";
    held_sent() =>
        "What was held goes out with the next 'privmsg listen', 'send' or 'chat'.",
        "Задержанное уйдёт со следующим «privmsg listen», «send» или «chat».";
    held_since_block() => "held: written before you blocked them", "задержано: написано до блокировки";
    held_since_others_came() =>
        "held: somebody has come since you wrote it, or has another key",
        "задержано: с тех пор кто-то пришёл или сменил ключ";
    held_by_block(text: &str) =>
        "held, because you have blocked who it is for: {text}", "задержано, потому что вы заблокировали получателя: {text}";
    held_by_others(chat: &str, text: &str) =>
        "held, because somebody has come since, or has another key; 'privmsg send {chat} --held' sends it: {text}",
        "задержано, потому что с тех пор кто-то пришёл или сменил ключ; отправить — «privmsg send {chat} --held»: {text}";
    held_message(id: &str, chat: &str, why: &str) =>
        "Message {id} to {chat} is held: {why}", "Сообщение {id} для {chat} задержано: {why}";
    others_came() =>
        "since you wrote it, somebody else has come to the chat, or somebody has another key",
        "с тех пор как вы это написали, в чат пришёл кто-то ещё или у кого-то другой ключ";
    these_came(users: &str) =>
        "since you wrote it, these have come to the chat, or have another key: {users}",
        "с тех пор как вы это написали, в чат пришли или сменили ключ: {users}";
    has_another_key(user: &str) =>
        "since you wrote it, {user} has another key: compare it with them, privmsg safety-number {user}",
        "с тех пор как вы это написали, у пользователя {user} другой ключ: сверьте его, privmsg safety-number {user}";
    not_changed(why: &str) =>
        "A change of a message was not made: {why}. Make it again", "Правка сообщения не сделана: {why}. Повторите её";
    is_held(chat: &str, id: &str) =>
        "'privmsg send {chat} --held' sends it to them, too, 'privmsg delete {id}' takes it back",
        "«privmsg send {chat} --held» отправит его и им, «privmsg delete {id}» уберёт";
}
