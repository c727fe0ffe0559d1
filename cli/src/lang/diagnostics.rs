//! What went wrong, and what to do about it.

use super::texts;

texts! {
    // Usage.
    error_prefix() => "error", "ошибка";
    see_help(command: &str) => "See '{command} --help'.", "Справка: «{command} --help».";
    perhaps_an_option(text: &str) =>
        "unknown option '{text}'. To send it as a text, put '--' in front: privmsg send USER -- TEXT",
        "неизвестный параметр «{text}». Чтобы отправить это как текст, поставьте перед ним «--»: privmsg send ПОЛЬЗОВАТЕЛЬ -- ТЕКСТ";
    unknown_argument(argument: &str) => "unknown argument '{argument}'", "неизвестный аргумент «{argument}»";
    unknown_command(command: &str) => "unknown command '{command}'", "неизвестная команда «{command}»";
    did_you_mean(name: &str) => "did you mean '{name}'?", "может быть, «{name}»?";
    missing_argument(arguments: &str) => "missing: {arguments}", "не хватает: {arguments}";
    missing_command() => "no command given", "не указана команда";
    missing_value(argument: &str) => "{argument} needs a value", "для {argument} нужно значение";
    conflict(argument: &str, other: &str) =>
        "{argument} cannot be used together with {other}", "{argument} нельзя указывать вместе с {other}";
    given_twice(argument: &str) => "{argument} is given twice", "{argument} указан дважды";
    bad_value(value: &str, argument: &str) => "'{value}' is not valid for {argument}", "«{value}» не подходит для {argument}";
    what_fits(values: &str) => "there are: {values}", "возможно: {values}";
    quote_the_text() =>
        "put a text of several words in quotes: privmsg send USER 'Hello, world'",
        "текст из нескольких слов возьмите в кавычки: privmsg send ПОЛЬЗОВАТЕЛЬ 'Привет, мир'";
    chat_is_for_people() =>
        "'chat' is for people and has no --json; 'send' and 'listen' have",
        "«chat» — для людей, без --json; он есть у «send» и «listen»";
    not_repeated() => "(not repeated: it looks like a key)", "(не повторяю: похоже на ключ)";
    invitation_as_argument() =>
        "an invitation is not taken as an argument: everybody on this machine could read it. Set PRIVMSG_INVITATION, pipe it into 'privmsg login --invitation', or enter it there when asked",
        "приглашение не принимается аргументом: его прочёл бы каждый пользователь этой машины. Задайте PRIVMSG_INVITATION, передайте его на ввод «privmsg login --invitation» или введите там по запросу";
    password_as_argument() =>
        "a proxy with a password is not taken as an argument: everybody on this machine could read it. Set PRIVMSG_PROXY instead",
        "прокси с паролем не принимается аргументом: его прочёл бы каждый пользователь этой машины. Задайте вместо этого PRIVMSG_PROXY";
    not_unicode() => "an argument is not valid UTF-8", "аргумент не в кодировке UTF-8";
    bad_usage() => "wrong arguments", "неверные аргументы";
    bad_user_id(value: &str) =>
        "'{value}' is no user id: letters A-Z a-z, digits, '.', '_' and '-', up to 64 characters",
        "«{value}» не похоже на имя пользователя: латинские буквы, цифры, «.», «_» и «-», до 64 знаков";
    bad_message_id(value: &str) =>
        "'{value}' is no message id; 'privmsg history USER' shows them",
        "«{value}» не похоже на ID сообщения; их показывает «privmsg history ПОЛЬЗОВАТЕЛЬ»";
    bad_device_id(value: &str) =>
        "'{value}' is no device id; 'privmsg devices' shows them",
        "«{value}» не похоже на ID устройства; их показывает «privmsg devices»";
    own_device() =>
        "this is the device that you are using; 'privmsg logout' signs it out",
        "это устройство, на котором вы работаете; выйти на нём — «privmsg logout»";
    own_safety_number() =>
        "a safety number is for another user, not for oneself",
        "код безопасности бывает с другим пользователем, не с самим собой";
    nothing_to_send() =>
        "there is nothing to send: give a TEXT, '-' to read it from standard input, --file, --picture or --voice",
        "нечего отправлять: укажите ТЕКСТ, «-», чтобы прочитать его со стандартного ввода, --file, --picture или --voice";
    message_unfit(detail: &str) =>
        "the message cannot be sent: {detail}", "сообщение нельзя отправить: {detail}";
    message_too_long(most: usize) =>
        "the text is too long; it may have {most} bytes", "текст слишком длинный; в нём может быть {most} байт";

    // Files.
    file_failed(path: &str, reason: &str) => "{path}: {reason}", "{path}: {reason}";
    no_voice() =>
        "is not Opus in Ogg. A recording becomes that with: ffmpeg -i RECORDING -c:a libopus voice.ogg",
        "это не Opus в Ogg. Запись можно преобразовать: ffmpeg -i ЗАПИСЬ -c:a libopus voice.ogg";
    voice_too_long(minutes: u32) =>
        "is longer than {minutes} minutes; send it with --file",
        "длиннее {minutes} минут; отправьте через --file";
    no_picture() =>
        "is not a JPEG, PNG or WebP picture; --file sends it as it is",
        "это не картинка JPEG, PNG или WebP; --file отправит файл как есть";
    picture_too_large() =>
        "has too many pixels; --file sends it as it is",
        "слишком много точек; --file отправит файл как есть";
    picture_moves() =>
        "moves, and would not if it were made anew; --file sends it as it is",
        "картинка движется, а пересохранённая стояла бы; --file отправит файл как есть";
    media_broken() => "is broken, or no such file", "файл повреждён или он другого рода";
    media_too_large() => "is larger than 64 MB; send it with --file", "больше 64 МБ; отправьте через --file";
    decoder_not_started(reason: &str) =>
        "the process that reads it cannot be started: {reason}",
        "не удалось запустить процесс, который его читает: {reason}";
    not_a_file() => "is not a file", "это не файл";
    path_not_unicode() => "the path is not valid UTF-8", "путь не в кодировке UTF-8";
    no_such_directory() => "there is no such directory to save to", "нет такой папки, сохранить некуда";
    stdin_failed(reason: &str) => "standard input cannot be read: {reason}", "не удалось прочитать стандартный ввод: {reason}";
    stdin_not_text() => "it is not text in UTF-8", "это не текст в UTF-8";
    stdout_failed(reason: &str) => "the output cannot be written: {reason}", "не удалось вывести результат: {reason}";
    no_attachment() =>
        "there is no such message in this profile, or it has no files",
        "в этом профиле нет такого сообщения, или в нём нет файлов";
    altered_file() =>
        "the file was altered or cut off on its way; nothing was saved",
        "файл по дороге изменили или обрезали; ничего не сохранено";

    // Profile and its key.
    no_home() =>
        "no place for a profile: neither --profile, PRIVMSG_PROFILE, XDG_DATA_HOME nor HOME is set",
        "негде хранить профиль: не заданы ни --profile, ни PRIVMSG_PROFILE, ни XDG_DATA_HOME, ни HOME";
    no_account(profile: &str) =>
        "nobody is signed in with the profile {profile}; begin with 'privmsg login'",
        "в профиле {profile} вход не выполнен; начните с «privmsg login»";
    sign_in_unfinished() =>
        "this device is not signed in: signing in was not finished, or it has been signed out. Repeat 'privmsg login'; what was received stays readable",
        "на этом устройстве вход не выполнен: он не был завершён, или с устройства вышли. Повторите «privmsg login»; полученное по-прежнему можно читать";
    passphrase_needed() =>
        "this profile needs its passphrase: set PRIVMSG_PASSPHRASE or run privmsg on a terminal",
        "для этого профиля нужна парольная фраза: задайте PRIVMSG_PASSPHRASE или запустите privmsg в терминале";
    new_passphrase_needed() =>
        "a new passphrase is needed: set PRIVMSG_NEW_PASSPHRASE or run privmsg on a terminal",
        "нужна новая парольная фраза: задайте PRIVMSG_NEW_PASSPHRASE или запустите privmsg в терминале";
    wrong_passphrase() => "the passphrase is wrong", "парольная фраза неверна";
    empty_passphrase(variable: &str) =>
        "{variable} is set but empty; unset it or give it a passphrase",
        "{variable} задана, но пуста; уберите её или впишите парольную фразу";
    keyring_failed(detail: &str) =>
        "the keyring does not give the profile's key ({detail}). Is it unlocked, and is this the same desktop session?",
        "связка ключей не отдаёт ключ профиля ({detail}). Разблокирована ли она, и тот ли это сеанс рабочего стола?";
    keyring_unavailable() => "there is none in this session", "в этом сеансе её нет";
    keyring_locked() => "it is locked", "она заблокирована";
    keyring_silent(seconds: u64) => "no answer within {seconds} s", "нет ответа за {seconds} с";
    keyring_entry_gone() => "it has no such entry any more", "такой записи в ней больше нет";
    keyring_entry_damaged() => "what it gives is no key", "то, что она отдаёт, — не ключ";
    keyring_passed_over(detail: &str) =>
        "the keyring is passed over ({detail})", "связка ключей не используется ({detail})";
    unknown_vault(name: &str) =>
        "the key of the profile lies in '{name}', which this program does not know: a newer version of privmsg has made the profile, or another program",
        "ключ профиля лежит в «{name}», этой программе такое место неизвестно: профиль создан более новой версией privmsg или другой программой";
    made_meanwhile() =>
        "another privmsg has just made this profile; repeat the command",
        "этот профиль только что создан другим запуском privmsg; повторите команду";
    damaged(file: &str) => "{file} in the profile is damaged", "{file} в профиле повреждён";
    keystore_missing() =>
        "the profile has a database, but keystore.json, which says where its key is, is missing. Restore it from a backup, or use another --profile",
        "в профиле есть база данных, но нет keystore.json, где сказано, где её ключ. Верните его из резервной копии или возьмите другой --profile";
    key_open_to_others(file: &str) =>
        "others can read the key file of the profile; make it yours alone: chmod 600 {file}",
        "файл ключа профиля могут читать другие; оставьте доступ только себе: chmod 600 {file}";
    no_randomness() => "the system gives no random bytes", "система не даёт случайных чисел";
    wrong_database_key() =>
        "the database does not open: it is damaged, or belongs to another profile",
        "база данных не открывается: она повреждена или от другого профиля";
    newer_database() =>
        "the profile was written by a newer version of privmsg; update this one",
        "профиль записан более новой версией privmsg; обновите программу";
    disk_full() => "the disk is full; nothing was changed", "диск заполнен; ничего не изменено";
    bad_switch(name: &str, value: &str) =>
        "{name} cannot be '{value}': give on or off", "{name} не может быть «{value}»: укажите on или off";
    bad_megabytes(name: &str, value: &str) =>
        "{name} cannot be '{value}': give a number of megabytes", "{name} не может быть «{value}»: укажите число мегабайтов";
    disk_unusable() =>
        "the disk with the profile is full, or cannot be used",
        "диск с профилем заполнен или недоступен";
    messages_wait_for_disk() =>
        "the disk with the profile is full, or cannot be used; messages wait on the server",
        "диск с профилем заполнен или недоступен; сообщения ждут на сервере";
    database_busy() => "the profile is busy with another process; try again", "профиль занят другим процессом; повторите";
    database_failed(detail: &str) => "the profile's database fails: {detail}", "ошибка базы данных профиля: {detail}";
    internal(detail: &str) => "a fault in privmsg itself: {detail}", "внутренняя ошибка privmsg: {detail}";
    profile_in_use() => "another process is using this profile", "этим профилем пользуется другой процесс";

    // Signing in.
    already_signed_in(user: &str) =>
        "this profile belongs to {user}; 'privmsg logout' signs it out, another --profile is for another user",
        "этот профиль принадлежит {user}; выйти — «privmsg logout», для другого пользователя — другой --profile";
    another_users_profile(user: &str, profile: &str) =>
        "this profile was begun for {user}. Give another --profile, or delete {profile} if nothing in it is needed",
        "этот профиль заведён для {user}. Укажите другой --profile или удалите {profile}, если в нём ничего не нужно";
    login_in_progress() =>
        "another process is signing in with this profile; wait for it, or end it",
        "с этим профилем уже входит другой процесс; подождите его или завершите";
    nothing_changes(server: &str) =>
        "this profile is signed in at {server} already; nothing would change",
        "в этом профиле уже выполнен вход на {server}; менять нечего";
    other_server(address: &str) =>
        "the server at {address} does not know this device: it is another server, or has signed the device out. The profile stays as it was. To begin anew there: 'privmsg logout --local', then 'privmsg login'",
        "сервер по адресу {address} не знает это устройство: это другой сервер, или на нём с устройства вышли. Профиль остался прежним. Начать там заново: «privmsg logout --local», затем «privmsg login»";
    needs_fingerprint() =>
        "a fingerprint is SHA256: and 43 characters, or 64 hexadecimal digits; or 'none'",
        "отпечаток — это SHA256: и 43 знака или 64 шестнадцатеричные цифры; либо «none»";
    fingerprint_needs_tls() =>
        "a fingerprint is for https:// only: without TLS there is no key to compare. '--fingerprint none' goes without",
        "отпечаток подходит только к https://: без TLS нет ключа, который можно сверить. Без него — «--fingerprint none»";
    no_access_key() =>
        "no access key: set PRIVMSG_ACCESS_KEY, give --access-key-file, pipe it in, or run privmsg on a terminal",
        "нет ключа доступа: задайте PRIVMSG_ACCESS_KEY, укажите --access-key-file, передайте его на ввод или запустите privmsg в терминале";
    no_invitation() =>
        "no invitation: set PRIVMSG_INVITATION, pipe it in, or run privmsg on a terminal",
        "нет приглашения: задайте PRIVMSG_INVITATION, передайте его на ввод или запустите privmsg в терминале";
    not_an_invitation() =>
        "this is not a whole invitation; it begins with privmsg://join? and has a # near its end",
        "это не полное приглашение: оно начинается с privmsg://join? и содержит # ближе к концу";
    no_recovery_key() =>
        "this takes the recovery key (the twelve words): set PRIVMSG_RECOVERY_KEY, or run privmsg on a terminal",
        "для этого нужен ключ восстановления (двенадцать слов): задайте PRIVMSG_RECOVERY_KEY или запустите privmsg в терминале";
    no_way_in() =>
        "this account is in use already: have another device of yours let this one in (--link), or set PRIVMSG_RECOVERY_KEY to its twelve words, or run privmsg on a terminal. If both are lost, --new-identity starts anew, and contacts see the change",
        "этой учётной записью уже пользовались: впустите это устройство с другого вашего (--link), задайте в PRIVMSG_RECOVERY_KEY её двенадцать слов или запустите privmsg в терминале. Если нет ни того, ни другого, --new-identity начнёт заново, и собеседники увидят это";
    recovery_words() =>
        "these are not the twelve words of a recovery key; look for a typing mistake",
        "это не двенадцать слов ключа восстановления; проверьте, нет ли опечатки";
    recovery_wrong_key() =>
        "what is kept for this account cannot be opened by this recovery key. Either it is another account's, or was replaced by a newer one, or the server does not serve what it was given: try it on another device of yours before you throw it away",
        "то, что хранится для этой учётной записи, этим ключом восстановления не открыть. Либо он от другой учётной записи, либо заменён более новым, либо сервер выдаёт не то, что ему дали: прежде чем выбросить ключ, попробуйте его на другом своём устройстве";
    recovery_former_key() =>
        "these recovery words were replaced by newer ones: take those. If you have made no others, and none of your devices shows them, somebody else has: ask the administrator",
        "эти слова восстановления заменены более новыми: возьмите новые. Если вы других не создавали и ни одно ваше устройство их не показывает, их создал кто-то ещё: спросите администратора";
    not_the_words_of(user: &str) =>
        "these are not the words of {user}: they belong to another account, or were replaced by newer ones, or there is no such user here",
        "эти слова не от учётной записи {user}: они от другой, или заменены более новыми, или такого пользователя здесь нет";
    recovery_backup_unreadable() =>
        "the account backup on the server cannot be read; it may be from a newer version",
        "резервную копию учётной записи на сервере нельзя прочитать; возможно, она от более новой версии";
    identity_mismatch() =>
        "the server names another identity for this account than its backup holds. The server is lying or was tampered with: do not go on, and ask the administrator",
        "сервер называет для этой учётной записи не тот ключ, что в её резервной копии. Сервер обманывает или взломан: не продолжайте и спросите администратора";

    // The server.
    taken_over() =>
        "this device has connected from somewhere else, so this connection has ended. A profile is for one machine: if it was copied, sign in there as a further device",
        "это устройство подключилось из другого места, поэтому соединение завершено. Профиль рассчитан на одну машину: если его скопировали, войдите там как новое устройство";
    key_in_use_elsewhere() =>
        "Warning: somebody else has signed in with the key of this device: another machine has a copy of the profile, or somebody has read it. The device has been signed out, there too; what was received stays readable. If you know of no copy, look at 'privmsg devices' on another device. 'privmsg login' makes this one a new device",
        "Внимание: ключом этого устройства вошёл кто-то ещё: на другой машине есть копия профиля, или его прочитал посторонний. С устройства выполнен выход, в том числе и там; полученное по-прежнему можно читать. Если о копии вы не знаете, посмотрите «privmsg devices» на другом устройстве. После «privmsg login» здесь будет новое устройство";
    set_back() =>
        "Warning: the server says that messages which this device has sent or received are missing in its profile. Either the profile was restored from an older copy, or is used on another machine too, or was away for longer than the server keeps messages; or the server is at fault. The chats are joined anew, and what is missing is marked in their history. A profile is for one machine: on another one, sign in as a further device",
        "Внимание: сервер утверждает, что в профиле нет сообщений, которые это устройство уже отправляло или получало. Либо профиль восстановлен из старой копии, или им пользуются и на другой машине, или он не подключался дольше, чем сервер хранит сообщения; либо ошибается сам сервер. Подключаюсь к чатам заново; недостающее отмечено в истории. Профиль рассчитан на одну машину: на другой войдите как новое устройство";
    restarting() => "the server is restarting; try again in a moment", "сервер перезапускается; повторите чуть позже";
    unreachable(detail: &str) => "the server cannot be reached: {detail}", "сервер недоступен: {detail}";
    not_privmsg(detail: &str) =>
        "what answers there does not speak PrivMsg's protocol ({detail})", "по этому адресу отвечает не сервер PrivMsg ({detail})";
    refused(reason: &str) => "the server refused: {reason}", "сервер отказал: {reason}";
    not_sent(reason: &str) => "not sent: {reason}", "не отправлено: {reason}";
    unknown_contact(user: &str) =>
        "no conversation with {user} yet: their key is known after the first message in either direction, or after 'privmsg contact add' with their link",
        "чата с {user} ещё нет: ключ собеседника станет известен после первого сообщения в любую сторону или после «privmsg contact add» с его ссылкой";
    identity_blocked(user: &str) =>
        "{user} has another key than the one known here, so nothing is sent until you decide. Ask {user} why, look at 'privmsg safety-number {user}', then say --accept-change or --refuse-change",
        "у {user} не тот ключ, что известен здесь, поэтому ничего не отправляется, пока вы не решите. Узнайте у {user} причину, посмотрите «privmsg safety-number {user}» и скажите --accept-change или --refuse-change";

    // Waiting.
    not_acknowledged(seconds: u64) =>
        "not acknowledged within {seconds} s. It stays queued and goes out with the next 'privmsg listen', 'send' or 'chat'",
        "сервер не подтвердил приём за {seconds} с. Это осталось в очереди и уйдёт со следующим «privmsg listen», «send» или «chat»";
    stays_queued() =>
        "It stays queued and goes out with the next 'privmsg listen', 'send' or 'chat'",
        "Это осталось в очереди и уйдёт со следующим «privmsg listen», «send» или «chat»";
    stays_queued_until_then() =>
        "It stays queued until then", "До тех пор это остаётся в очереди";
    not_kept() => "This message was not kept", "Это сообщение не сохранено";
    received_too_few(received: u64, wanted: u64, seconds: u64) =>
        "{received} of {wanted} messages received within {seconds} s", "за {seconds} с получено сообщений: {received} из {wanted}";
    interrupted() => "interrupted", "прервано";
    last_reason(reason: &str) => "Last reason: {reason}", "Последняя причина: {reason}";

    // Messages that are acted on.
    no_such_message() =>
        "there is no such message in this profile; 'privmsg listen' fetches what is new",
        "в этом профиле нет такого сообщения; новые получит «privmsg listen»";
    ambiguous_message() =>
        "several messages have this id: their senders have chosen the same one. Say whose is meant by --from USER, and where it stands by --chat CHAT",
        "этот ID есть у нескольких сообщений: их отправители выбрали один и тот же. Укажите, чьё имеется в виду (--from ПОЛЬЗОВАТЕЛЬ) и в каком чате оно находится (--chat ЧАТ)";
    not_the_author() => "only its author can do that", "это может только автор";
    delete_for_me(id: &str) =>
        "to remove it from this device: privmsg delete {id} --for-me",
        "убрать с этого устройства: privmsg delete {id} --for-me";
    message_was_deleted() => "the message was deleted, its files with it", "сообщение удалено вместе с файлами";
    unchanged() => "nothing changes: it is so already", "ничего не изменилось: так уже есть";
    not_changeable() =>
        "the message is deleted, or there is nothing in it that could be changed",
        "сообщение удалено, или в нём нечего менять";
    not_forwardable() =>
        "the message cannot be forwarded: it is deleted, not sent yet, or says nothing",
        "сообщение не переслать: оно удалено, ещё не отправлено или в нём нечего пересылать";
    too_much_to_forward(megabytes: u64) =>
        "files of up to {megabytes} MB are forwarded; download these and send them",
        "пересылаются файлы до {megabytes} МБ; эти скачайте и отправьте";
    not_an_emoji() => "a reaction is one emoji, for example 👍", "реакция — это один эмодзи, например 👍";
    update_needed() =>
        "somebody in this conversation uses a newer version of PrivMsg; it waits until this one is updated",
        "кто-то в этом чате пользуется более новой версией PrivMsg; он ждёт, пока не обновится эта";
    joined_too_often() =>
        "the server says again and again that messages are missing here, or that this device has to join the conversation anew, and is not believed at once any more: nothing is sent in this conversation for a while, for a day at most. Is the profile used on two machines? If not, ask the administrator",
        "сервер снова и снова заявляет, что здесь не хватает сообщений или что устройству нужно заново войти в чат, и сразу ему больше нет веры: в этом чате пока ничего не отправляется, самое большее сутки. Не пользуются ли профилем на двух машинах? Если нет, спросите администратора";
    another_safety_number(user: &str) =>
        "nothing was changed: this number for {user} had not been shown to you before. Compare it with them, then run the command once more",
        "ничего не изменено: этот код для {user} вам ещё не показывали. Сверьте его с собеседником и повторите команду";
    identity_refused() =>
        "somebody is in the group under a key that you have refused: 'privmsg group info GROUP' says who, 'privmsg safety-number USER' lists what you have refused",
        "кто-то состоит в группе под ключом, который вы отклонили: кто это, скажет «privmsg group info ГРУППА», а что вы отклонили — «privmsg safety-number ПОЛЬЗОВАТЕЛЬ»";
    identity_to_accept() =>
        "somebody has another key than the one known here: 'privmsg contacts' and 'privmsg group info GROUP' say who, 'privmsg safety-number USER' shows both",
        "у кого-то не тот ключ, что известен здесь: кто это, скажут «privmsg contacts» и «privmsg group info ГРУППА», а оба ключа покажет «privmsg safety-number ПОЛЬЗОВАТЕЛЬ»";
    unusable() =>
        "the chat cannot go on with what the server has of it at the moment; it is tried again",
        "продолжить чат с тем, что сейчас есть на сервере, не удаётся; попытки продолжаются";
}
