//! Blocking.

use super::texts;

texts! {
    about_block() => "Hear nothing more of somebody", "Заблокировать пользователя";
    about_unblock() => "Take a block back", "Разблокировать пользователя";
    about_blocks() => "List whom you have blocked", "Список заблокированных";
    usage_block() => "privmsg block USER", "privmsg block ПОЛЬЗОВАТЕЛЬ";
    usage_unblock() => "privmsg unblock USER", "privmsg unblock ПОЛЬЗОВАТЕЛЬ";
    usage_blocks() => "privmsg blocks", "privmsg blocks";
    help_whom() => "Their user id", "ID пользователя";
    after_block() =>
r"When this ends with 0, nothing that they send arrives any more, on any device of yours, and neither of
you sees when the other is there. They are not told: their messages are taken, and are never read. What
they sent before stays, and so does the chat. 'privmsg unblock USER' takes it back; what they wrote in
between does not arrive.",
r"Когда команда завершилась с 0, ничто из отправленного этим пользователем больше не приходит ни на одно
ваше устройство, и ни один из вас не видит, когда другой в сети. Ему об этом не сообщается: сервер
принимает его сообщения, но их никто не прочтёт. Полученное раньше остаётся, чат тоже. Отменить —
«privmsg unblock ПОЛЬЗОВАТЕЛЬ»; написанное за это время не придёт.";

    blocked(user: &str) => "{user} is blocked.", "Пользователь {user} заблокирован.";
    unblocked(user: &str) => "{user} is not blocked any more.", "Пользователь {user} разблокирован.";
    nobody_blocked() => "You have blocked nobody.", "Вы никого не заблокировали.";
    head_user() => "USER", "ПОЛЬЗОВАТЕЛЬ";
    cannot_block_oneself() => "nobody can block themselves", "себя заблокировать нельзя";
    user_blocked(user: &str) =>
        "you have blocked {user}, so nothing is sent to them; 'privmsg unblock {user}' takes that back",
        "вы заблокировали пользователя {user}, поэтому ничего не отправлено; отменить — «privmsg unblock {user}»";
}
