//! Blocking.

use privmsg_client::BlockNews;
use privmsg_protocol::UserId;

use super::{Lang, texts};

impl Lang {
    /// Whom the user has blocked, or not any more, by the word of another device or of the server.
    pub(crate) fn block_news(self, news: &BlockNews) -> Vec<String> {
        let mut said = Vec::new();
        for (users, blocked) in [(&news.blocked, true), (&news.unblocked, false)] {
            let who = match users.as_slice() {
                [] => continue,
                [user] => user.to_string(),
                _ => self.head_user(),
            };
            let users = users.iter().map(UserId::as_str).collect::<Vec<_>>().join(", ");
            let (users, who) = (users.as_str(), who.as_str());
            said.push(match (news.device.as_deref(), news.stolen, blocked) {
                (None, _, true) => self.blocked_by_nobody(users, who),
                (None, _, false) => self.unblocked_by_nobody(users, who),
                (Some(device), true, true) => self.blocked_by_stolen(device, users, who),
                (Some(device), true, false) => self.unblocked_by_stolen(device, users, who),
                (Some(device), false, true) => self.blocked_elsewhere(device, users, who),
                (Some(device), false, false) => self.unblocked_elsewhere(device, users, who),
            });
        }
        said
    }
}

texts! {
    is_blocked_already(user: &str) => "{user} is blocked already.", "Пользователь {user} уже заблокирован.";
    about_block() => "Hear nothing more of somebody", "Заблокировать пользователя";
    about_unblock() => "Take a block back", "Разблокировать пользователя";
    about_blocks() => "List whom you have blocked", "Список заблокированных";
    usage_block() => "privmsg block USER", "privmsg block ПОЛЬЗОВАТЕЛЬ";
    usage_unblock() => "privmsg unblock USER [--send]", "privmsg unblock ПОЛЬЗОВАТЕЛЬ [--send]";
    usage_blocks() => "privmsg blocks", "privmsg blocks";
    help_whom() => "Their user id", "ID пользователя";
    after_block() =>
r"When this ends with 0, nothing that they send to you in your chat arrives any more, on any device of
yours, and neither of you sees when the other is there. They are not told: their messages are taken, and
are never read. What they sent before stays, and so does the chat. 'privmsg unblock USER' takes it back;
what they wrote in between does not arrive. Where they began something meanwhile, your devices join anew
then: whoever looks at that closely can tell that they were blocked.

In groups that you share with others you still read what they write there, and they what you write; the
answer names these groups. 'privmsg leave GROUP' takes you out of one, and an admin can remove them. Into a new group
they cannot bring you: 'privmsg requests' shows that they have tried.

What you had written to them and had not gone out yet is held: it stays in 'history' as held, and does not
go out by itself, not even when you unblock them. 'privmsg unblock USER --send' sends it then, 'privmsg
delete ID' takes it back.",
r"Когда команда завершилась с 0, ничто из отправленного этим пользователем в ваш чат больше не приходит
ни на одно ваше устройство, и ни один из вас не видит, когда другой в сети. Ему об этом не сообщается:
сервер принимает его сообщения, но их никто не прочтёт. Полученное раньше остаётся, чат тоже. Отменить —
«privmsg unblock ПОЛЬЗОВАТЕЛЬ»; написанное за это время не придёт. Там, где он что-то начал за это время,
ваши устройства тогда входят заново: тот, кто внимательно за этим следит, поймёт, что был заблокирован.

В группах, где есть и другие, вы по-прежнему читаете то, что он туда пишет, а он — то, что пишете вы; команда называет
эти группы. Выйти из группы — «privmsg leave ГРУППА»; исключить его может администратор. В новую группу
он вас не введёт: о попытке скажет «privmsg requests».

То, что вы ему написали и что ещё не ушло, задерживается: оно остаётся в «history» с пометкой «задержано»
и само не уйдёт, даже после разблокировки. Тогда «privmsg unblock ПОЛЬЗОВАТЕЛЬ --send» отправит его,
а «privmsg delete ID» уберёт.";

    blocked(user: &str) => "{user} is blocked.", "Пользователь {user} заблокирован.";
    unblocked(user: &str) => "{user} is not blocked any more.", "Пользователь {user} разблокирован.";
    was_not_blocked(user: &str) => "{user} was not blocked.", "Пользователь {user} не был заблокирован.";
    heard_in_groups(user: &str) =>
        "In groups that you share you still read what {user} writes, and {user} what you write:",
        "В общих группах вы по-прежнему читаете то, что пишет {user}, а {user} — то, что пишете вы:";
    held_while_blocked(count: u64) =>
        "Messages to them that had not gone out yet: {count}. They are held, and do not go out.",
        "Ещё не ушедших сообщений ему: {count}. Они задержаны и не уйдут.";
    nobody_blocked() => "You have blocked nobody.", "Вы никого не заблокировали.";
    head_user() => "USER", "ПОЛЬЗОВАТЕЛЬ";
    cannot_block_oneself() => "nobody can block themselves", "себя заблокировать нельзя";
    user_blocked(user: &str) =>
        "you have blocked {user}, so nothing is sent to them; 'privmsg unblock {user}' takes that back",
        "вы заблокировали пользователя {user}, поэтому ничего не отправлено; отменить — «privmsg unblock {user}»";
    blocked_elsewhere(device: &str, users: &str, user: &str) =>
        "your device {device} has blocked: {users}. Nothing that they write to you alone comes any more. If that was not you: 'privmsg unblock {user}', and 'privmsg devices' shows whose the device is",
        "ваше устройство {device} заблокировало: {users}. Ничего из написанного вам лично больше не приходит. Если это были не вы: «privmsg unblock {user}», а «privmsg devices» покажет, что это за устройство";
    unblocked_elsewhere(device: &str, users: &str, user: &str) =>
        "your device {device} has unblocked: {users}. What they write comes again. If that was not you: 'privmsg block {user}', and 'privmsg devices' shows whose the device is",
        "ваше устройство {device} разблокировало: {users}. Написанное ими снова приходит. Если это были не вы: «privmsg block {user}», а «privmsg devices» покажет, что это за устройство";
    blocked_by_stolen(device: &str, users: &str, user: &str) =>
        "your device {device}, put out with the recovery key, has blocked: {users}. They stay blocked; to undo it: privmsg unblock {user}",
        "ваше устройство {device}, исключённое ключом восстановления, заблокировало: {users}. Блокировка остаётся; снять её: privmsg unblock {user}";
    unblocked_by_stolen(device: &str, users: &str, user: &str) =>
        "your device {device}, put out with the recovery key, has unblocked: {users}. They stay so; to block again: privmsg block {user}",
        "ваше устройство {device}, исключённое ключом восстановления, разблокировало: {users}. Так и остаётся; заблокировать снова: privmsg block {user}";
    blocked_by_nobody(users: &str, user: &str) =>
        "the server has as blocked by you: {users}. None of your devices has told this one of that. If it was you: privmsg block {user}. If not: privmsg unblock {user}",
        "на сервере вы заблокировали: {users}. Ни одно из ваших устройств этому об этом не сообщало. Если это были вы: privmsg block {user}. Если нет: privmsg unblock {user}";
    unblocked_by_nobody(users: &str, user: &str) =>
        "the server has as blocked no more: {users}. None of your devices has told this one of that. To block again: privmsg block {user}. If it was you: privmsg unblock {user}",
        "на сервере больше не заблокированы: {users}. Ни одно из ваших устройств этому об этом не сообщало. Заблокировать снова: privmsg block {user}. Если это были вы: privmsg unblock {user}";
}
