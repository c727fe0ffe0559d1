//! Results, prompts and progress.

use super::{Lang, texts};

/// Milliseconds of a day.
const DAY_MS: u64 = 24 * 3600 * 1000;

impl Lang {
    /// That the server's clock is ahead of this machine's by so much, or behind.
    pub(crate) fn clock_is_off(self, ahead_ms: i64) -> String {
        let span = self.days_apart(ahead_ms);
        if ahead_ms > 0 { self.clock_is_behind(&span) } else { self.clock_is_ahead(&span) }
    }

    /// That nothing is signed while it is so.
    pub(crate) fn clocks_differ(self, ahead_ms: i64) -> String {
        let span = self.days_apart(ahead_ms);
        if ahead_ms > 0 { self.signs_nothing_behind(&span) } else { self.signs_nothing_ahead(&span) }
    }

    fn days_apart(self, ahead_ms: i64) -> String {
        self.days((ahead_ms.unsigned_abs() + DAY_MS / 2) / DAY_MS)
    }
}

texts! {
    // Prompts.
    ask_access_key() => "Access key: ", "Ключ доступа: ";
    ask_passphrase() => "Passphrase of the profile: ", "Парольная фраза профиля: ";
    ask_new_passphrase() =>
        "New passphrase for the profile (empty: none): ", "Новая парольная фраза для профиля (пусто: без неё): ";
    ask_another_passphrase() => "New passphrase: ", "Новая парольная фраза: ";
    ask_again() => "Once more: ", "Ещё раз: ";
    ask_recovery_key() => "Recovery key (twelve words, not shown): ", "Ключ восстановления (двенадцать слов, не отображаются): ";
    no_passphrase_typed() =>
        "nothing was typed; 'privmsg passphrase --remove' takes the passphrase away",
        "ничего не введено; убрать парольную фразу — «privmsg passphrase --remove»";
    passphrases_differ() => "The two are not the same. Again.", "Фразы не совпадают. Ещё раз.";

    // Where the key of a new profile is.
    key_in_keyring() =>
        "The profile is encrypted. Its key lies in the desktop's keyring: the profile opens while you are logged in there.",
        "Профиль зашифрован. Ключ лежит в связке ключей рабочего стола: профиль открывается, пока вы в нём работаете.";
    key_with_host() =>
        "The profile is encrypted. Its key lies in another program's keystore.",
        "Профиль зашифрован. Его ключ лежит в хранилище другой программы.";
    key_under_passphrase() =>
        "The profile is encrypted with your passphrase. Without it nobody can open the profile, and it cannot be restored.",
        "Профиль зашифрован парольной фразой. Без неё профиль не открыть, и восстановить её нельзя.";
    key_in_file(file: &str) =>
        "The profile is encrypted, and its key lies beside it in {file}, readable by you only. Whoever can copy this folder, or the disk, can read your messages. 'privmsg passphrase' puts it under a passphrase.",
        "Профиль зашифрован, а ключ лежит рядом, в {file}; читать его можете только вы. Кто скопирует эту папку или диск, прочитает ваши сообщения. Защитить его парольной фразой — «privmsg passphrase».";
    plain_http() =>
        "Warning: http:// is not encrypted. On the way to the server anybody can copy your access key and see whom you write to; messages themselves stay encrypted. Use https://.",
        "Внимание: http:// не шифруется. По дороге к серверу любой может скопировать ваш ключ доступа и увидеть, кому вы пишете; сами сообщения остаются зашифрованы. Используйте https://.";

    // Signing in and out.
    signed_in(user: &str, device: &str) =>
        "Signed in as {user}. This device is {device}.", "Вход выполнен: {user}. ID этого устройства: {device}.";
    ask_invitation() => "Invitation: ", "Приглашение: ";
    ask_rest_of_invitation() => "… its next line: ", "… следующая строка: ";
    access_key_title() => "Your access key:", "Ваш ключ доступа:";
    access_key_explanation() =>
        "Keep it where nobody else reads it: whoever has it can begin to replace your identity. A further device also needs the recovery key, or another device that lets it in. It is shown only now.",
        "Храните его там, где его никто не прочтёт: имея его, можно начать замену вашей личности. Новому устройству нужен ещё ключ восстановления или устройство, которое его впустит. Он показан только сейчас.";
    recovery_title() => "Your recovery key:", "Ваш ключ восстановления:";
    recovery_explanation() =>
        "Write these twelve words down and keep them where nobody else reads them. They bring the\naccount back when all devices are lost, and take it away from a stolen device. Nobody can send them\nto you later.",
        "Запишите эти двенадцать слов и храните там, где их никто не прочтёт. Они возвращают\nучётную запись, если все устройства потеряны, и лишают доступа украденное. Прислать их\nпозже не сможет никто.";
    moved(server: &str) =>
        "From now on this profile goes to {server}.", "Теперь этот профиль подключается к {server}.";
    clock_is_behind(span: &str) =>
        "Warning: the clock of this machine is {span} behind the server's. Set it right: certificates and the order of messages depend on it.",
        "Внимание: часы этой машины отстают от часов сервера на {span}. Поправьте их: от них зависят сертификаты и порядок сообщений.";
    clock_is_ahead(span: &str) =>
        "Warning: the clock of this machine is {span} ahead of the server's. Set it right: certificates and the order of messages depend on it.",
        "Внимание: часы этой машины опережают часы сервера на {span}. Поправьте их: от них зависят сертификаты и порядок сообщений.";
    signs_nothing_behind(span: &str) =>
        "the clock of this machine is {span} behind the server's, and what is signed for your account now would be worth nothing, or too much, under a wrong one. Nothing was changed. Set this machine's clock right and repeat; if it is right, tell the administrator that the server's is not",
        "часы этой машины отстают от часов сервера на {span}; то, что подписано по неверным часам, либо ничего не стоит, либо мешает всему дальнейшему. Ничего не изменено. Поправьте часы этой машины и повторите; если они верны, сообщите администратору, что неверны часы сервера";
    signs_nothing_ahead(span: &str) =>
        "the clock of this machine is {span} ahead of the server's, and what is signed for your account now would be worth nothing, or too much, under a wrong one. Nothing was changed. Set this machine's clock right and repeat; if it is right, tell the administrator that the server's is not",
        "часы этой машины опережают часы сервера на {span}; то, что подписано по неверным часам, либо ничего не стоит, либо мешает всему дальнейшему. Ничего не изменено. Поправьте часы этой машины и повторите; если они верны, сообщите администратору, что неверны часы сервера";
    days(count: u64) => "{count} days", "{count} сут.";
    signed_out_here(profile: &str) =>
        "Signed out here; the server was not asked and still knows this device. Sign it out from another one ('privmsg devices remove'), or have the administrator do it. What was received stays readable until you delete {profile}.",
        "Выход выполнен только здесь; сервер не спрашивали, и он по-прежнему знает это устройство. Выйдите на нём с другого («privmsg devices remove») или попросите администратора. Полученное можно читать, пока вы не удалите {profile}.";
    joining() => "Joining your chats…", "Подключаюсь к вашим чатам…";
    not_synced(reason: &str) =>
        "Warning: not in all chats yet ({reason}). It goes on with the next 'privmsg listen', 'send' or 'chat'.",
        "Внимание: пока не во всех чатах ({reason}). Это продолжится со следующим «privmsg listen», «send» или «chat».";
    no_answer_in_time() => "the server took too long", "сервер отвечает слишком долго";
    logged_out(profile: &str) =>
        "Signed out. What was received stays readable with 'privmsg history' until you delete {profile}.",
        "Выход выполнен. Полученное можно читать командой «privmsg history», пока вы не удалите {profile}.";

    ask_last_device() =>
        "This is the account's last device: to come back takes the twelve words of the recovery key. Sign out? [y/N] ",
        "Это последнее устройство учётной записи: чтобы вернуться, понадобятся двенадцать слов ключа восстановления. Выйти? [д/Н] ";
    stays_signed_in() => "this device stays signed in", "вход на этом устройстве сохранён";
    was_the_last_device() =>
        "That was the account's last device: to come back takes the twelve words of the recovery key.",
        "Это было последнее устройство учётной записи: чтобы вернуться, нужны двенадцать слов ключа восстановления.";

    // Sending and receiving.
    sent(user: &str, id: &str) => "sent to {user}  {id}", "отправлено: {user}  {id}";
    sent_now(text: &str) => "sent now: {text}", "теперь отправлено: {text}";
    still_queued(text: &str) => "queued, not sent yet: {text}", "в очереди, ещё не отправлено: {text}";
    not_sent_text(text: &str, reason: &str) => "NOT SENT ({reason}): {text}", "НЕ ОТПРАВЛЕНО ({reason}): {text}";
    waiting_for_server() =>
        "waiting for the server; Ctrl-C leaves it queued", "жду сервера; Ctrl-C оставит всё в очереди";
    rest_stays_queued() =>
        "What is not sent stays queued and goes out with the next 'privmsg listen', 'send' or 'chat'",
        "Неотправленное осталось в очереди и уйдёт со следующим «privmsg listen», «send» или «chat»";
    waiting(reason: &str) => "waiting: {reason}", "жду: {reason}";
    other_process() =>
        "another privmsg process is running with this profile; it sends the message",
        "с этим профилем работает другой процесс privmsg; сообщение отправит он";
    chatting(user: &str) =>
        "Talking to {user}. Each line is a message; Ctrl-D ends it.", "Чат с {user}. Каждая строка — сообщение; закончить: Ctrl-D.";
    listening(user: &str) => "Listening as {user}. Ctrl-C ends it.", "Жду сообщений для {user}. Закончить: Ctrl-C.";
    connection_lost(reason: &str) =>
        "no connection ({reason}); trying again", "нет связи ({reason}); пробую снова";
    connection_back() => "connected again", "связь восстановлена";
    unsupported() =>
        "[a message of a kind that this version does not know; update privmsg]",
        "[сообщение неизвестного этой версии вида; обновите privmsg]";
    file_line(name: &str, size: &str) => "[file] {name}, {size}", "[файл] {name}, {size}";
    voice_line(length: &str) => "[voice] {length}", "[голос] {length}";
    deleted() => "[deleted]", "[удалено]";
    edited() => "(edited)", "(изменено)";
    answers(author: &str) => "in reply to {author}:", "в ответ на сообщение {author}:";
    answers_to(author: &str, text: &str) => "in reply to {author}: {text}", "в ответ на сообщение {author}: {text}";
    done() => "done", "готово";
    removed_here() => "removed from this device", "удалено с этого устройства";
    never_sent() => "it had not been sent; it is gone", "оно ещё не было отправлено; удалено";
    marked_read(count: u64) => "read: {count}", "прочитано: {count}";
    setting_on() => "on", "вкл";
    setting_off() => "off", "выкл";
    setting_read_receipts() =>
        "others see when you have read what they wrote", "другие видят, что вы прочитали их сообщения";
    not_sent_to(message: &str, user: &str, reason: &str) =>
        "Message {message} to {user} was not sent: {reason}", "Сообщение {message} для {user} не отправлено: {reason}";
    reacted(user: &str, emoji: &str, text: &str) => "{user} reacted with {emoji} to: {text}", "{user}: {emoji} на «{text}»";
    took_back(user: &str, emoji: &str, text: &str) => "{user} took back {emoji} from: {text}", "{user} снимает {emoji} с «{text}»";
    took_back_message(user: &str, text: &str) => "{user} deleted: {text}", "{user}: удалено: {text}";
    is_typing(user: &str) => "({user} is writing) ", "({user} пишет) ";
    setting_typing() => "others see that you are writing to them", "другие видят, что вы им пишете";
    setting_cache() =>
        "megabytes of downloaded files that are kept, encrypted", "сколько мегабайтов скачанных файлов хранить (в зашифрованном виде)";
    setting_presence() => "others see that you are there", "другие видят, что вы на связи";
    how_to_download(id: &str) => "privmsg download {id} --out PATH", "privmsg download {id} --out ПУТЬ";
    key_changed(user: &str) =>
        "THE KEY OF {user} HAS CHANGED. {user} has started anew, or somebody is in between.\nAsk {user} by another way, and compare: privmsg safety-number {user}",
        "КЛЮЧ {user} ИЗМЕНИЛСЯ. Собеседник начал заново, или между вами кто-то есть.\nСпросите {user} другим путём и сверьте: privmsg safety-number {user}";
    went_back() =>
        "The server has an earlier state of this chat, as after a restored backup: it goes on from there, and what was said since is kept here.\nIf the administrator has restored none, write nothing into this chat that a device removed since must not read.",
        "На сервере более раннее состояние этого чата, как после восстановления из копии: чат продолжится с него, а сказанное с тех пор хранится здесь.\nЕсли администратор копию не восстанавливал, не пишите в этот чат того, что нельзя знать устройству, удалённому с тех пор.";
    key_changed_blocked(user: &str) =>
        "Nothing is sent until you decide, once you have looked at both: privmsg safety-number {user}\nThe other key is right: privmsg safety-number {user} --accept-change\nThe known one is right: privmsg safety-number {user} --refuse-change",
        "Ничего не отправляется, пока вы не решите, посмотрев оба: privmsg safety-number {user}\nВерен другой ключ: privmsg safety-number {user} --accept-change\nВерен известный: privmsg safety-number {user} --refuse-change";
    gap() =>
        "[messages may be missing here: sent while this device was not in the chat, or while you had declined it or blocked who wrote, or lost]",
        "[здесь может не хватать сообщений: отправленных, когда устройства не было в чате или когда чат был отклонён, а собеседник заблокирован, или потерянных]";
    has_edited(who: &str, at: &str) => "{who} has changed the message of {at}:", "{who}: сообщение от {at} изменено:";
    has_deleted(who: &str, at: &str) => "{who} has deleted the message of {at}", "{who}: сообщение от {at} удалено";
    reacts(who: &str, emoji: &str, about: &str) => "{who} reacts with {emoji} to {about}", "{who}: реакция {emoji} на {about}";
    reacts_no_more(who: &str, emoji: &str, about: &str) =>
        "{who} has taken {emoji} back from {about}", "{who}: реакция {emoji} на {about} снята";
    no_notes() => "No notes yet.", "Заметок пока нет.";
    no_messages(user: &str) => "No messages with {user}.", "Сообщений с {user} нет.";
    state_queued() => "queued", "в очереди";
    state_sent() => "sent", "отправлено";
    state_delivered() => "delivered", "доставлено";
    state_read() => "read", "прочитано";
    state_failed(reason: &str) => "NOT SENT: {reason}", "НЕ ОТПРАВЛЕНО: {reason}";

    // Files.
    uploading() => "uploading", "отправка";
    downloading() => "downloading", "загрузка";
    download_goes_on() =>
        "What has come so far is kept: the same command goes on from there.",
        "Скачанное сохранено: та же команда продолжит с этого места.";
    encrypting() => "encrypting", "шифрование";
    decrypting() => "decrypting", "расшифровка";
    saved(path: &str) => "saved: {path}", "сохранено: {path}";
    several_files() =>
        "the message has several files: --out must be a folder",
        "в сообщении несколько файлов: --out должен быть папкой";
    not_saved(name: &str, reason: &str) => "not saved: {name}: {reason}", "не сохранено: {name}: {reason}";

    // Lists.
    no_chats() => "No chats yet. Begin one: privmsg send USER 'Hello'", "Чатов пока нет. Начните: privmsg send ПОЛЬЗОВАТЕЛЬ 'Привет'";
    notes() => "(notes to yourself)", "(заметки себе)";
    head_chat() => "CHAT", "ЧАТ";
    head_messages() => "MESSAGES", "СООБЩЕНИЙ";
    head_unread() => "NEW", "НОВЫХ";
    head_last() => "LAST", "ПОСЛЕДНЕЕ";
    head_device() => "DEVICE", "УСТРОЙСТВО";
    head_type() => "TYPE", "ВИД";
    head_since() => "SINCE", "ДОБАВЛЕНО";
    head_seen() => "LAST SEEN", "БЫЛО В СЕТИ";
    head_name() => "NAME", "ИМЯ";
    this_device() => "(this one)", "(это)";
    device_removed(device: &str) => "{device} is signed out.", "С устройства {device} выполнен выход.";
    label_user() => "user", "пользователь";
    label_device() => "device", "устройство";
    label_server() => "server", "сервер";
    label_proxy() => "proxy", "прокси";
    label_fingerprint() => "key of the server", "ключ сервера";
    label_profile() => "profile", "профиль";
    label_public_key() => "public key", "открытый ключ";
    label_state() => "state", "состояние";
    is_signed_in() => "signed in", "вход выполнен";
    is_waiting() =>
        "waits to be let in by another device of yours: 'privmsg login --link' here, 'privmsg devices link' there",
        "ждёт, пока впустит другое ваше устройство: «privmsg login --link» здесь, «privmsg devices link» там";
    is_signed_out() => "signed out", "вход не выполнен";

    // Safety numbers.
    safety_title(user: &str) => "Safety number with {user}:", "Код безопасности с {user}:";
    safety_new_title(user: &str) => "Safety number with the NEW key of {user}:", "Код безопасности с НОВЫМ ключом {user}:";
    safety_old_title() => "The one that you verified:", "Тот, который вы сверили:";
    safety_verified() => "verified", "сверен";
    safety_unverified(user: &str) =>
        "not verified. Compare the digits with {user} by voice or side by side; if they are the\nsame, nobody is in between: privmsg safety-number {user} --mark-verified",
        "не сверен. Сравните цифры с {user} голосом или при встрече; если они совпадают, между\nвами никого нет: privmsg safety-number {user} --mark-verified";
    safety_refused_title(user: &str) => "Keys that you have refused for {user}:", "Ключи {user}, которые вы отклонили:";
    safety_refused_hint(user: &str, which: &str) =>
        "Was it right after all? Compare it with {user} first, then: privmsg safety-number {user} --accept-change{which}",
        "Он всё-таки верен? Сначала сверьте его с {user}, затем: privmsg safety-number {user} --accept-change{which}";
    several_refused(user: &str, digits: &str) =>
        "you have refused several keys of {user}; say with which digits the number of the right one begins: --accept-change={digits}",
        "вы отклонили несколько ключей {user}; укажите, с каких цифр начинается код верного: --accept-change={digits}";
    change_accepted(user: &str) =>
        "The new key of {user} is accepted, and not verified. What waited goes out with the next 'privmsg listen', 'send' or 'chat'.",
        "Новый ключ {user} принят, но не сверен. То, что ждало отправки, уйдёт со следующим «privmsg listen», «send» или «chat».";
    no_change(user: &str) => "The key of {user} has not changed.", "Ключ {user} не менялся.";
}
