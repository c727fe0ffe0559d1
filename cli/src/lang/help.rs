//! What `--help` says.

use super::texts;

texts! {
    heading_usage() => "Usage:", "Использование:";
    heading_commands() => "Commands:", "Команды:";
    heading_arguments() => "Arguments:", "Аргументы:";
    heading_options() => "Options:", "Параметры:";

    about() =>
        "PrivMsg in a terminal: end-to-end encrypted messages over a server of your own.",
        "PrivMsg в терминале: сообщения со сквозным шифрованием через собственный сервер.";
    usage() => "privmsg [OPTIONS] COMMAND …", "privmsg [ПАРАМЕТРЫ] КОМАНДА …";

    // For all commands.
    help_profile() =>
        "Folder of this device's keys and messages [default: $PRIVMSG_PROFILE, else ~/.local/share/privmsg]",
        "Папка с ключами и сообщениями этого устройства [по умолчанию: $PRIVMSG_PROFILE, иначе ~/.local/share/privmsg]";
    help_json() => "One JSON object a line, for scripts", "По одному объекту JSON в строке, для скриптов";
    help_lang() => "Language: en or ru [default: as the locale says]", "Язык: en или ru [по умолчанию: как в системе]";
    help_verbose() =>
        "Say on standard error what is going on; twice for more", "Сообщать о ходе работы на стандартный вывод ошибок; дважды — подробнее";
    help_help() => "This help", "Эта справка";
    help_version() => "The version", "Версия";

    about_login() => "Sign this device in", "Войти на этом устройстве";
    about_send() => "Send a text, files, or both", "Отправить текст, файлы или то и другое";
    about_react() => "React to a message with an emoji", "Отреагировать на сообщение эмодзи";
    about_edit() => "Change a text that you have sent", "Изменить отправленный вами текст";
    about_forward() => "Say in another chat what a message says", "Переслать сообщение в другой чат";
    about_delete() => "Take a message back, or remove it from this device", "Удалить сообщение у всех или только на этом устройстве";
    about_chat() => "Talk to somebody, line by line", "Переписываться, строка за строкой";
    about_read() => "Mark a chat as read", "Отметить чат прочитанным";
    about_settings() => "Show the settings, or change one", "Показать или изменить настройки";
    about_passphrase() =>
        "Set the passphrase of this device, change it, or take it away", "Задать, сменить или убрать парольную фразу этого устройства";
    about_listen() => "Print messages as they arrive, beginning with what was missed", "Печатать сообщения по мере получения, начиная с пропущенных";
    about_history() => "Show the newest messages of a chat", "Показать последние сообщения чата";
    about_download() => "Save the files of a message", "Сохранить файлы из сообщения";
    about_chats() => "List the chats", "Список чатов";
    about_whoami() => "Who is signed in here, and where", "Кто вошёл на этом устройстве и куда";
    about_devices() => "List the account's devices, let one in, or sign one out", "Список устройств учётной записи; впустить новое или выйти на одном из них";
    about_devices_remove() => "Sign another device of the account out", "Выйти на другом устройстве учётной записи";
    about_safety_number() => "Check that nobody is between you and somebody", "Проверить, что между вами и собеседником никого нет";
    about_logout() => "Sign this device out", "Выйти на этом устройстве";

    usage_login() =>
        "privmsg login (--server URL --user-id ID | --invitation) [OPTIONS]\n       privmsg login [--server NEW_URL] [--proxy URL] [--fingerprint SHA256:…]",
        "privmsg login (--server АДРЕС --user-id ID | --invitation) [ПАРАМЕТРЫ]\n       privmsg login [--server НОВЫЙ_АДРЕС] [--proxy АДРЕС] [--fingerprint SHA256:…]";
    usage_send() => "privmsg send CHAT [TEXT|-] [--file PATH]… [--picture PATH]… [--voice PATH] [--reply-to MESSAGE_ID] [--held] [OPTIONS]", "privmsg send ЧАТ [ТЕКСТ|-] [--file ПУТЬ]… [--picture ПУТЬ]… [--voice ПУТЬ] [--reply-to ID] [--held] [ПАРАМЕТРЫ]";
    usage_react() => "privmsg react MESSAGE_ID EMOJI [--remove] [--from USER] [--chat CHAT] [--timeout SECS]",
        "privmsg react ID ЭМОДЗИ [--remove] [--from ПОЛЬЗОВАТЕЛЬ] [--chat ЧАТ] [--timeout СЕКУНДЫ]";
    usage_edit() => "privmsg edit MESSAGE_ID TEXT|- [--chat CHAT] [--timeout SECS]",
        "privmsg edit ID ТЕКСТ|- [--chat ЧАТ] [--timeout СЕКУНДЫ]";
    usage_forward() => "privmsg forward MESSAGE_ID TO [--from USER] [--chat CHAT] [--timeout SECS]",
        "privmsg forward ID КУДА [--from ПОЛЬЗОВАТЕЛЬ] [--chat ЧАТ] [--timeout СЕКУНДЫ]";
    usage_delete() => "privmsg delete MESSAGE_ID [--for-me] [--from USER] [--chat CHAT] [--timeout SECS]",
        "privmsg delete ID [--for-me] [--from ПОЛЬЗОВАТЕЛЬ] [--chat ЧАТ] [--timeout СЕКУНДЫ]";
    usage_chat() => "privmsg chat CHAT", "privmsg chat ЧАТ";
    usage_read() => "privmsg read CHAT", "privmsg read ЧАТ";
    usage_settings() => "privmsg settings [SETTING [VALUE]]", "privmsg settings [НАСТРОЙКА [ЗНАЧЕНИЕ]]";
    usage_passphrase() => "privmsg passphrase [--remove]", "privmsg passphrase [--remove]";
    usage_listen() => "privmsg listen [--count N] [--timeout SECS]", "privmsg listen [--count N] [--timeout СЕКУНДЫ]";
    usage_history() => "privmsg history CHAT [--limit N]", "privmsg history ЧАТ [--limit N]";
    usage_download() => "privmsg download MESSAGE_ID --out PATH [--from USER] [--chat CHAT]",
        "privmsg download ID --out ПУТЬ [--from ПОЛЬЗОВАТЕЛЬ] [--chat ЧАТ]";
    usage_chats() => "privmsg chats", "privmsg chats";
    usage_whoami() => "privmsg whoami", "privmsg whoami";
    usage_devices() => "privmsg devices [link | remove DEVICE_ID]", "privmsg devices [link | remove ID]";
    usage_devices_remove() => "privmsg devices remove DEVICE_ID [--wiped | --stolen]", "privmsg devices remove ID [--wiped | --stolen]";
    usage_safety_number() =>
        "privmsg safety-number USER [--mark-verified | --unverify | --accept-change[=NUMBER] | --refuse-change]",
        "privmsg safety-number ПОЛЬЗОВАТЕЛЬ [--mark-verified | --unverify | --accept-change[=КОД] | --refuse-change]";
    usage_logout() => "privmsg logout [--yes | --local]", "privmsg logout [--yes | --local]";
    help_yes() => "Do not ask, even if it is the account's last device", "Не спрашивать, даже если это последнее устройство учётной записи";
    help_forward_to() => "The chat: a user's id, 'self', or a group: group:…", "Чат: ID пользователя, «self» или группа: group:…";
    help_remove_passphrase() =>
        "Ask for no passphrase any more: the key goes to the keyring, or into a file",
        "Больше не спрашивать парольную фразу: ключ ляжет в связку ключей или в файл";
    help_asked() => "A user's id, or a group: group:…", "ID пользователя или группа: group:…";

    help_chat() => "A user's id, 'self' for notes to yourself, or a group: group:…", "ID пользователя, «self» — заметки себе, или группа: group:…";
    help_server() => "Address of the server, https://…", "Адрес сервера, https://…";
    help_user_id() => "Your user id, from the administrator", "Ваш ID пользователя, от администратора";
    help_device_name() =>
        "Name of this device in your list of devices; the server sees it",
        "Название этого устройства в списке ваших устройств; сервер его видит";
    help_access_key_file() =>
        "File with the access key; without it PRIVMSG_ACCESS_KEY, else standard input or a prompt",
        "Файл с ключом доступа; без него — PRIVMSG_ACCESS_KEY, иначе стандартный ввод или запрос";
    help_invitation() =>
        "Sign in with an invitation (privmsg://join?…), from PRIVMSG_INVITATION, standard input or a prompt, instead of the above",
        "Войти по приглашению (privmsg://join?…) из PRIVMSG_INVITATION, со стандартного ввода или по запросу, вместо указанного выше";
    help_new_identity() =>
        "Start anew when the recovery key is lost: your contacts see that your key has changed, and your other devices are signed out",
        "Начать заново, если ключ восстановления утерян: собеседники увидят, что ваш ключ изменился, а на других ваших устройствах будет выполнен выход";
    help_proxy() =>
        "Reach the server through this proxy, http:// or socks5h:// (Tor: socks5h://127.0.0.1:9050); none: never through one; env: as HTTPS_PROXY, ALL_PROXY and NO_PROXY say [default: env]",
        "Подключаться к серверу через этот прокси, http:// или socks5h:// (Tor: socks5h://127.0.0.1:9050); none — всегда напрямую; env — как сказано в HTTPS_PROXY, ALL_PROXY и NO_PROXY [по умолчанию: env]";
    help_fingerprint() =>
        "Accept this key of the server only, whoever signed its certificate; none: as the system judges",
        "Принимать только этот ключ сервера, кем бы ни был подписан сертификат; none — как решит система";
    help_local() =>
        "Only here, without asking the server: it goes on knowing this device",
        "Только здесь, не спрашивая сервер: он по-прежнему будет знать это устройство";
    help_text() =>
        "The text; '-' reads it from standard input. Put '--' in front of one that looks like an option",
        "Текст; «-» — прочитать его со стандартного ввода. Перед текстом, похожим на параметр, поставьте «--»";
    help_reply_to() => "The message that this one answers", "Сообщение, на которое это отвечает";
    help_emoji() => "One emoji", "Один эмодзи";
    help_remove() => "Take the reaction back", "Убрать реакцию";
    help_for_me() => "Only from this device; others keep it", "Только с этого устройства; у других оно останется";
    help_setting() =>
        "read_receipts, presence, typing or cache_mb; without it all are shown",
        "read_receipts, presence, typing или cache_mb; без неё показать все";
    help_value() => "on or off; megabytes for cache_mb; without it the setting is shown", "on (вкл) или off (выкл); для cache_mb — мегабайты; без него настройка показывается";
    help_file() => "A file to send along; may be repeated", "Файл, который нужно отправить; можно указать несколько раз";
    help_send_picture() =>
        "A picture to send along, made anew: at most 2,560 pixels wide or high, and without place, time and device; may be repeated",
        "Картинка, которую нужно отправить: пересохраняется не больше 2560 точек по длинной стороне, без места, времени и устройства; можно указать несколько раз";
    help_send_voice() =>
        "A voice message: Opus in Ogg, at most 15 minutes, and no other file beside it; the file's name and titles stay behind",
        "Голосовое сообщение: Opus в Ogg, не длиннее 15 минут, без других файлов; имя файла и названия в нём не отправляются";
    help_send_timeout() =>
        "Wait so long for the server's acknowledgement [default: 60, counted anew while a file is on its way]",
        "Сколько секунд ждать подтверждения сервера [по умолчанию: 60, отсчёт заново, пока идёт отправка файла]";
    help_act_timeout() =>
        "Wait so long for the server's acknowledgement [default: 60]",
        "Сколько секунд ждать подтверждения сервера [по умолчанию: 60]";
    help_count() => "End after N messages", "Закончить после N сообщений";
    help_listen_timeout() => "End after SECS seconds", "Закончить через столько секунд";
    help_limit() => "How many messages [default: 20]", "Сколько сообщений [по умолчанию: 20]";
    help_message_id() => "As 'history' shows it", "ID сообщения, как его показывает «history»";
    help_out() =>
        "Where to save it; an existing file is replaced. A folder if the message has several files",
        "Куда сохранить; существующий файл будет заменён. Папка, если в сообщении несколько файлов";
    help_from() =>
        "Whose message it is, if several senders have chosen the same id",
        "Чьё это сообщение, если несколько отправителей выбрали один ID";
    help_in_chat() =>
        "In which chat it stands, if there are several with the same id",
        "В каком чате оно находится, если таких ID несколько";
    help_device_id() => "As 'devices' shows it", "ID устройства, как его показывает «devices»";
    help_mark_verified() => "You have compared the number, and it is the same", "Вы сравнили код, и он совпал";
    help_unverify() => "Take that back", "Отменить это";
    help_accept_change() =>
        "Accept the other key of a contact, as it was shown, in the place of the known one; of several that you have refused, the one whose number begins so",
        "Принять другой ключ собеседника, показанный перед этим, вместо известного; из нескольких отклонённых вами — тот, чей код так начинается";

    after_help() =>
r"Examples:
  privmsg login --server https://chat.example.org --user-id alice
  privmsg send bob 'Hello, Bob'
  df -h | privmsg send bob -
  privmsg send bob 'The plans' --file plans.pdf --file notes.txt
  privmsg send bob --voice hello.ogg
  privmsg listen
  privmsg listen --json --count 1 --timeout 30
  privmsg history bob --limit 50
  privmsg safety-number bob

Environment:
  PRIVMSG_PROFILE       folder of the profile
  PRIVMSG_ACCESS_KEY    access key, for 'login'
  PRIVMSG_INVITATION    invitation, for 'login --invitation'
  PRIVMSG_PROXY         as --proxy of 'login', for a proxy with a password
  PRIVMSG_RECOVERY_KEY  the twelve words, wherever they are asked for
  PRIVMSG_LINK_CODE     the code of a new device, for 'devices link'
  PRIVMSG_PASSPHRASE    passphrase of the profile; at the first login it sets it
  PRIVMSG_NEW_PASSPHRASE   another one, for 'passphrase'
  PRIVMSG_LOG           error, warn, info, debug or trace: log to standard error
  HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY   the proxy, unless 'login' set one
  NO_COLOR              no colours
  LC_ALL, LC_MESSAGES, LANG   language (or --lang)

Exit codes:
  0  done; for 'send': the server has the message on disk
  1  another failure
  2  wrong arguments
  3  not signed in, or signed out from elsewhere
  4  wrong access key, recovery key or passphrase
  5  no connection, or no answer in time; a message stays queued and goes out
     with the next 'listen', 'send' or 'chat'
  6  the server refused
  7  fewer messages than --count before --timeout
  8  a file cannot be read, written, found or trusted
  9  there are two keys for the contact: nothing is sent until you decide
  130, 143  ended by Ctrl-C, by SIGTERM ('listen' ends with 0)",
r"Примеры:
  privmsg login --server https://chat.example.org --user-id alice
  privmsg send bob 'Привет, Боб'
  df -h | privmsg send bob -
  privmsg send bob 'Чертежи' --file plans.pdf --file notes.txt
  privmsg send bob --voice hello.ogg
  privmsg listen
  privmsg listen --json --count 1 --timeout 30
  privmsg history bob --limit 50
  privmsg safety-number bob

Переменные окружения:
  PRIVMSG_PROFILE       папка профиля
  PRIVMSG_ACCESS_KEY    ключ доступа, для «login»
  PRIVMSG_INVITATION    приглашение, для «login --invitation»
  PRIVMSG_PROXY         как --proxy для «login», для прокси с паролем
  PRIVMSG_RECOVERY_KEY  двенадцать слов, везде, где их спрашивают
  PRIVMSG_LINK_CODE     код нового устройства, для «devices link»
  PRIVMSG_PASSPHRASE    парольная фраза профиля; при первом входе задаёт её
  PRIVMSG_NEW_PASSPHRASE   новая, для «passphrase»
  PRIVMSG_LOG           error, warn, info, debug или trace: журнал на стандартный
                        вывод ошибок
  HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY   прокси, если его не задал «login»
  NO_COLOR              без цвета
  LC_ALL, LC_MESSAGES, LANG   язык (или --lang)

Коды завершения:
  0  выполнено; для «send»: сообщение у сервера на диске
  1  другая неудача
  2  неверные аргументы
  3  вход не выполнен, или с устройства вышли
  4  неверный ключ доступа, ключ восстановления или парольная фраза
  5  нет связи или ответа вовремя; сообщение осталось в очереди и уйдёт
     со следующим «listen», «send» или «chat»
  6  сервер отказал
  7  за --timeout пришло меньше сообщений, чем --count
  8  файл не прочитать, не записать, не найти, или он подменён
  9  у собеседника два ключа: ничего не отправляется, пока вы не решите, какой верен
  130, 143  прервано: Ctrl-C, SIGTERM («listen» завершается с 0)";

    after_login() =>
r"The first device of an account shows its recovery key: twelve words. A further device is let in by
a present one: --link shows its code for 'privmsg devices link' there. Where no device is left,
--recover asks for the words (or takes PRIVMSG_RECOVERY_KEY) and needs no access key. Whoever comes
in by the words, with the access key too, leaves the other devices waiting until it lets them in.

The profile is encrypted. Its key is protected by PRIVMSG_PASSPHRASE if that is set, else by the
desktop's keyring, else by a passphrase that you are asked for. Where there is none of them (in a
script), it lies in a file that only you can read.

With a profile that is signed in, --server takes it to another address of the same server, and
--proxy and --fingerprint change how it is reached.

Secrets are never taken as arguments: everybody on the machine could see them.",
r"Первое устройство учётной записи показывает ключ восстановления: двенадцать слов. Следующее
впускает одно из имеющихся: --link показывает код для «privmsg devices link» на нём. Если
устройств не осталось, --recover спрашивает эти слова (или берёт из PRIVMSG_RECOVERY_KEY), и ключ
доступа не нужен. После входа по словам, в том числе с ключом доступа, остальные устройства ждут, пока
это их не впустит.

Профиль зашифрован. Его ключ защищён PRIVMSG_PASSPHRASE, если она задана, иначе связкой ключей
рабочего стола, иначе парольной фразой, о которой вас спросят. Если нет ничего из этого (в скрипте),
ключ лежит в файле, который можете читать только вы.

Если в профиле уже выполнен вход, --server переводит его на другой адрес того же сервера, а --proxy
и --fingerprint меняют способ подключения.

Секреты не принимаются аргументами: их увидел бы каждый пользователь машины.";
    after_passphrase() =>
r"The passphrase until now is taken from PRIVMSG_PASSPHRASE, or asked for, the new one from
PRIVMSG_NEW_PASSPHRASE, or asked for. The key of the database stays the same: whoever has copied the
folder before opens that copy as before, unless its key was in the keyring.",
r"Нынешняя парольная фраза берётся из PRIVMSG_PASSPHRASE или спрашивается, новая — из
PRIVMSG_NEW_PASSPHRASE или спрашивается. Ключ базы остаётся прежним: кто скопировал папку раньше,
откроет свою копию, как и прежде, если её ключ был не в связке ключей.";
    after_chat() =>
r"Each line is sent as a message; what is pasted on a terminal is one message. Ctrl-U empties the line.
Ctrl-D in an empty line ends it, once the server has everything; Ctrl-C ends it at once, and what is
queued goes out with the next 'privmsg listen', 'send' or 'chat'.",
r"Каждая строка отправляется как сообщение; вставленное в терминале — одно сообщение. Ctrl-U очищает
строку. Ctrl-D в пустой строке завершает, когда сервер получил всё; Ctrl-C — сразу, а то, что в
очереди, уйдёт со следующим «privmsg listen», «send» или «chat».";
    after_send() =>
r"Ends with 0 only once the server has the message on disk; the recipient need not be there. If that
takes longer than --timeout, the message stays queued, the exit code is 5, and it goes out with
the next 'privmsg listen', 'send' or 'chat' of this profile.

What you write is for those who are there then. If, before the server has it, somebody else comes to the
group, or somebody has another key, it is held ('others_came'): '--held' sends what is held in the chat
also to those who are named then, 'privmsg delete ID' takes it back.",
r"Завершается с 0, только когда сообщение у сервера на диске; получатель при этом может быть не
в сети. Если на это не хватило --timeout, сообщение остаётся в очереди, код завершения — 5, и оно
уйдёт со следующим «privmsg listen», «send» или «chat» этого профиля.

Написанное — для тех, кто там в этот момент. Если до того, как оно дойдёт до сервера, в группу придёт кто-то
ещё или у кого-то окажется другой ключ, оно задерживается («others_came»): «--held» отправит задержанное
в чате и тем, кто при этом назван, «privmsg delete ID» уберёт его.";
    after_listen() =>
r"Each message is printed once: a later 'listen' goes on where this one ended. It may run beside other
privmsg commands of the same profile. Without --count it ends with 0 at the timeout; with --count it
ends with 7 if fewer arrived.",
r"Каждое сообщение печатается один раз: следующий «listen» продолжает с того же места. Может работать
одновременно с другими командами privmsg того же профиля. Без --count по истечении времени
завершается с 0; с --count — с 7, если пришло меньше.";
    after_safety_number() =>
r"Both of you see the same sixty digits. Compare them by voice or side by side, not through PrivMsg.
Once verified, a change of the contact's key stops sending until you accept or refuse it. Your other devices hear
of what you have compared here.",
r"Вы оба видите одни и те же шестьдесят цифр. Сравните их голосом или при встрече, не через PrivMsg.
После сверки изменение ключа собеседника останавливает отправку, пока вы его не примете или не отклоните. Другие ваши
устройства узнают, что вы сверили здесь.";
}
