//! Requests: what others have begun, and what one says to it.

use super::texts;

texts! {
    is_open_already(name: &str) => "The chat with {name} is let in already.", "Чат «{name}» уже принят.";
    is_declined_already(name: &str) => "The chat with {name} is declined already.", "Чат «{name}» уже отклонён.";
    about_requests() => "List who asks to talk to you", "Кто хочет с вами общаться";
    about_accept() => "Let a chat in that somebody has begun", "Принять чат, который начали другие";
    about_decline() => "Turn a request down", "Отклонить запрос";
    about_leave() => "Leave a chat or a group", "Выйти из чата или группы";
    usage_requests() => "privmsg requests", "privmsg requests";
    usage_accept() => "privmsg accept CHAT", "privmsg accept ЧАТ";
    usage_decline() => "privmsg decline CHAT", "privmsg decline ЧАТ";
    usage_leave() => "privmsg leave CHAT [--successor USER]", "privmsg leave ЧАТ [--successor ПОЛЬЗОВАТЕЛЬ]";
    after_requests() =>
r"A chat that somebody else has begun is a request until you answer it: write there, or type
'privmsg accept CHAT'. Until then they do not learn that their messages have arrived or were read,
nor when you are there. You may read them meanwhile: 'privmsg history CHAT'. To keep them away from
now on: 'privmsg decline CHAT'; they are not told. A group into which somebody brings you whom you
do not talk to is a request, too.",
r"Чат, который начал кто-то другой, — запрос, пока вы не ответите: напишите в него или введите
«privmsg accept ЧАТ». До этого там не узнают, доставлены ли и прочитаны ли сообщения и когда вы
в сети. Прочесть их можно: «privmsg history ЧАТ». «privmsg decline ЧАТ» — больше ничего оттуда не
получать; об этом не сообщается. Группа, в которую вас добавил тот, с кем вы не общаетесь, — тоже
запрос.";
    after_accept() =>
r"From then on they learn that their messages have arrived, also those of before, and see when you
are there, as your settings say ('privmsg settings'). Writing to them is the same. It holds for
all your devices. What you have declined you can accept later; what was sent in between does not
come.",
r"После этого там узнают, что сообщения доставлены, в том числе прежние, и видят, когда вы в сети, —
как задано в «privmsg settings». Ответить сообщением — то же самое. Действует на всех ваших
устройствах. Отклонённое можно принять позже; отправленное за это время не придёт.";
    after_decline() =>
r"Of a user: nothing that they send to you in this chat arrives any more, on any device of yours, and
they do not see when you are there. They are not told. It ends when you write to them, or accept
them ('privmsg accept'). To hear nothing of them at all, calls included: 'privmsg block'. A group
is left: its people see that you have gone. 'privmsg leave' leaves a chat that is no request any
more.",
r"Пользователь: ничто из отправленного им в этот чат больше не придёт ни на одно ваше устройство,
и он не увидит, когда вы в сети. Ему об этом не сообщается. Отменить — написать ему или принять:
«privmsg accept». Чтобы не слышать его совсем, в том числе звонков, — «privmsg block». Из группы
вы выходите: её участники это увидят. Из чата, который уже не запрос, выходит «privmsg leave».";
    after_leave() =>
r"A chat with a user: nothing that they send there arrives any more, on any device of yours, and they
see you no more, until you write there or 'privmsg accept' them. They are not told. What was said
stays. A group: you are out, and its people see that; its only owner names with --successor who
becomes one.",
r"Чат с пользователем: ничто из отправленного им туда больше не придёт ни на одно ваше устройство,
и он вас больше не увидит, пока вы не напишете ему или не введёте «privmsg accept». Ему об этом
не сообщается. Прежние сообщения остаются. Группа: вы выходите, и её участники это видят;
единственный владелец называет преемника: --successor.";

    kept_out_of_blocked(by: &str, group: &str) =>
        "{by}, whom you have blocked, has put you into the group {group}",
        "{by} (вами заблокирован): вы добавлены в группу {group}";
    kept_out_of_declined(by: &str, group: &str) =>
        "{by}, whom you have declined, is alone with you in the group {group}",
        "{by} (разговор вами отклонён): в группе {group} только вы двое";
    kept_out_left(group: &str) =>
        "You were put again into the group {group}, which you have left",
        "Вас снова добавили в группу {group}, из которой вы вышли";
    kept_out_meaning() =>
        "The server keeps it from you: nothing of it arrives. The others there see you among its people.",
        "Сервер не пропускает её к вам: из неё ничего не приходит. Другие её участники видят вас среди участников.";
    how_to_answer_kept_out(chat: &str) =>
        "privmsg accept {chat} · privmsg decline {chat}", "privmsg accept {chat} · privmsg decline {chat}";
    kept_out_for_good(chat: &str) =>
        "You are not asked about {chat} any more, and nothing of it arrives. 'privmsg accept {chat}' takes that back.",
        "О {chat} больше не будет вопросов, и ничего оттуда не придёт. Отменить — «privmsg accept {chat}».";
    kept_out_unknown() =>
        "The server could not be asked whether you were put into groups that it keeps from you.",
        "Не удалось спросить сервер, не добавили ли вас в группы, которые он к вам не пропускает.";
    joins_later() =>
        "You come in with the next 'privmsg listen', 'send' or 'chat'.",
        "Вход завершится при следующем «privmsg listen», «send» или «chat».";
    no_requests() => "Nobody waits for an answer of yours.", "Никто не ждёт вашего ответа.";
    asks_under_another_key(who: &str) =>
        "NOT UNDER THE KEY THAT YOU KNOW OF {who}: somebody else uses the name, or {who} has started anew. Ask {who} by another way",
        "НЕ ПОД ИЗВЕСТНЫМ ВАМ КЛЮЧОМ {who}: этим именем пользуется кто-то другой, или {who} начинает заново. Спросите {who} другим путём";
    asks_in_chat(who: &str) => "{who} has begun a chat with you", "{who} хочет с вами общаться";
    asks_in_group(who: &str, title: &str) => "{who} has brought you into the group '{title}'", "{who}: вы добавлены в группу «{title}»";
    request_unread() =>
        "nothing of it can be read yet: the invitation could not be used. 'accept' joins, and the others see that you are there",
        "прочитать пока ничего нельзя: приглашение не сработало. «accept» присоединит вас, и остальные увидят, что вы на связи";
    request_people(names: &str) => "with {names}", "в ней: {names}";
    request_messages(count: u64, last: &str) => "messages: {count}, the last of {last}", "сообщений: {count}, последнее — {last}";
    how_to_answer(chat: &str) =>
        "privmsg history {chat} · privmsg accept {chat} · privmsg decline {chat}",
        "privmsg history {chat} · privmsg accept {chat} · privmsg decline {chat}";
    request() => "request", "запрос";
    declined() => "declined", "отклонён";
    is_a_request(chat: &str) =>
        "This is a request: until you answer, or 'privmsg accept {chat}', nobody there learns that you have read it. 'privmsg decline {chat}' turns it down.",
        "Это запрос: пока вы не ответите или не введёте «privmsg accept {chat}», там не узнают, что вы это прочли. Отклонить — «privmsg decline {chat}».";
    is_declined(chat: &str) =>
        "You have declined this chat: nothing that is sent there arrives. 'privmsg accept {chat}', or writing there, takes that back.",
        "Этот чат вами отклонён: отправленное туда не приходит. Отменить — «privmsg accept {chat}» или написать туда.";
    accepted(user: &str) =>
        "You have let in {user}. They see now that their messages arrive, and when you are there.",
        "Чат принят. Теперь {user} видит, что сообщения доставлены и когда вы в сети.";
    accepted_group(title: &str) => "You have let in the group '{title}'.", "Группа «{title}» принята.";
    no_chat_with(user: &str) =>
        "there is no chat with {user}; 'privmsg requests' and 'privmsg chats' list those that there are",
        "чата с {user} нет; какие есть — «privmsg requests» и «privmsg chats»";
    was_declined(user: &str) =>
        "Nothing that {user} sends to you there arrives any more. They are not told.",
        "Отправленное пользователем {user} в этот чат больше не придёт. Ему об этом не сообщается.";
    decided_here() =>
        "It holds on this device; the server and your other devices are told with the next 'privmsg listen', 'send' or 'chat'.",
        "На этом устройстве это уже действует; сервер и другие ваши устройства узнают при следующем «privmsg listen», «send» или «chat».";
    no_request(chat: &str) =>
        "{chat} is no request, you talk there; 'privmsg leave {chat}' leaves it",
        "{chat} — не запрос, вы там общаетесь; выйти — «privmsg leave {chat}»";
    notes_are_no_request() => "your own notes are no request", "ваши заметки — не запрос";
    successor_of_a_group() => "--successor is for groups", "--successor — только для групп";
    has_not_answered(user: &str) =>
        "{user} has not answered yet, and until then only so much is taken in a day; the rest is tried again",
        "{user}: ответа ещё нет, и до него за день принимается лишь ограниченное число сообщений; остальное будет отправлено позже";
}
