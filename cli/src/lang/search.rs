//! Looking for messages.

use super::texts;

texts! {
    about_search() => "Find messages by their words", "Найти сообщения по словам";
    usage_search() =>
        "privmsg search WORD… [--chat CHAT] [--from USER] [--since DATE] [--until DATE] [--files] [--limit N]",
        "privmsg search СЛОВО… [--chat ЧАТ] [--from ПОЛЬЗОВАТЕЛЬ] [--since ДАТА] [--until ДАТА] [--files] [--limit N]";
    help_search_words() =>
        "Words that must all be in a message, or how they begin",
        "Слова, которые все должны быть в сообщении, или их начала";
    help_search_chat() =>
        "Only in this chat: a user's id, 'self' or group:…", "Только в этом чате: ID пользователя, «self» или group:…";
    help_search_from() => "Only what this user has written", "Только написанное этим пользователем";
    help_since() =>
        "Only from this day on: 2026-01-31, or '2026-01-31 12:00'", "Только начиная с этого дня: 2026-01-31 или «2026-01-31 12:00»";
    help_until() =>
        "Only up to this day, which is included, or up to this time",
        "Только по этот день включительно или до этого времени";
    help_search_files() =>
        "Only messages with files; without words all of them", "Только сообщения с файлами; без слов — все";
    after_search() =>
r"The newest come first. Texts are found as they are after edits, files by their names and captions; upper and lower case,
accents, and ё or е make no difference. What is deleted, and chats that you have declined, are not found; requests and chats with
people whom you have blocked only with --chat. It looks at what this profile has, and asks no server.",
r"Сначала новые. Тексты ищутся такими, какими стали после правок, файлы — по именам и подписям; регистр, знаки над буквами
и различие «ё» и «е» не важны. Удалённое и отклонённые вами чаты не находятся; запросы и чаты с заблокированными — только
с --chat. Поиск идёт по тому, что есть в этом профиле, и сервер не спрашивает.";
    nothing_found() => "Nothing was found.", "Ничего не найдено.";
    more_found() =>
        "There is more: --limit shows more of it, further words and --until less.",
        "Это не всё: больше покажет --limit, сузят поиск новые слова и --until.";
    bad_date(value: &str) =>
        "'{value}' is no date: 2026-01-31 or '2026-01-31 12:00'", "«{value}» — не дата: 2026-01-31 или «2026-01-31 12:00»";
}
