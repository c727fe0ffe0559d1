//! One's own devices: linking, waiting, alarms.

use privmsg_client::LinkCodeError;

use super::{Lang, texts};

impl Lang {
    /// Whether an answer is a yes.
    pub(crate) fn is_yes(self, answer: &str) -> bool {
        let answer = answer.to_lowercase();
        let yes: &[&str] = self.pick(&["y", "yes"], &["д", "да"]);
        yes.contains(&answer.as_str())
    }

    /// Whether an answer is a no; nothing is one, too.
    pub(crate) fn is_no(self, answer: &str) -> bool {
        let answer = answer.to_lowercase();
        let no: &[&str] = self.pick(&["", "n", "no"], &["", "н", "нет"]);
        no.contains(&answer.as_str())
    }

    /// What a text lacks to be the code of a new device.
    pub(crate) fn link_code_error(self, error: LinkCodeError) -> String {
        match error {
            LinkCodeError::NotALink => self.not_a_link_code(),
            LinkCodeError::UserId | LinkCodeError::DeviceId | LinkCodeError::Key => self.link_code_cut(),
        }
    }
}

texts! {
    about_devices_link() => "Let a new device of yours in", "Впустить своё новое устройство";
    usage_devices_link() => "privmsg devices link", "privmsg devices link";
    after_devices_link() =>
r"The new device shows its code with 'privmsg login --link'. It is taken from PRIVMSG_LINK_CODE, from
standard input, or asked for: who reads it could, with the server's help, make the new device believe
another account to be yours, so it belongs among no arguments and into no chat.

From then on the device reads what is sent to you, and your other devices show that it has come.",
r"Новое устройство показывает свой код командой «privmsg login --link». Код берётся из
PRIVMSG_LINK_CODE, со стандартного ввода или по запросу: кто его прочтёт, мог бы с помощью сервера
выдать новому устройству чужую учётную запись за вашу, поэтому ему не место среди аргументов и в чатах.

С этого момента устройство читает то, что отправляют вам, а другие ваши устройства показывают, что
оно появилось.";
    help_link() =>
        "Let another device of yours let this one in, with 'privmsg devices link' there; needs no access key",
        "Впустить это устройство с другого вашего устройства, командой «privmsg devices link» на нём; ключ доступа не нужен";
    help_recover() =>
        "Sign in with the recovery key alone, without an access key; your other devices wait then, until this one lets them in again",
        "Войти только с ключом восстановления, без ключа доступа; другие ваши устройства будут ждать, пока это снова их не впустит";

    link_title() => "The code of this device:", "Код этого устройства:";
    link_explanation() =>
        "On another device of yours, run 'privmsg devices link' and give it this code; a device with a camera can scan it. Show it to nobody else. Waiting…",
        "На другом своём устройстве запустите «privmsg devices link» и введите этот код; устройство с камерой может его считать. Никому больше его не показывайте. Ожидание…";
    still_waits_to_be_let_in(user: &str) =>
        "Still waiting. Is it the right account? The server does not say whether '{user}' exists. 'privmsg devices link' has to run on a device that is signed in as {user}. Ctrl-C ends this, and leaves nothing behind.",
        "Всё ещё ожидание. Та ли это учётная запись? Сервер не говорит, есть ли «{user}». Команду «privmsg devices link» нужно выполнить на устройстве, где вход выполнен как {user}. Ctrl-C завершит это, ничего не оставив.";
    nothing_left_behind() => "No device has let this one in; no profile is left behind.", "Ни одно устройство не впустило это; профиль не оставлен.";
    ask_link_code() => "Code of the new device (not shown): ", "Код нового устройства (не отображается): ";
    no_link_code() =>
        "no code of a new device: set PRIVMSG_LINK_CODE, pipe it in, or run privmsg on a terminal",
        "нет кода нового устройства: задайте PRIVMSG_LINK_CODE, передайте его на ввод или запустите privmsg в терминале";
    not_a_link_code() =>
        "this is not the code of a new device: it begins with privmsg://link?",
        "это не код нового устройства: он начинается с privmsg://link?";
    link_code_cut() =>
        "the code of the new device is not whole; copy it anew", "код нового устройства неполный; скопируйте его ещё раз";
    linked(device: &str) =>
        "Let in: {device}. It comes in by itself within seconds.", "Устройство впущено: {device}. Через несколько секунд оно подключится само.";
    linked_already(device: &str) =>
        "{device} is among your devices already; nothing was changed.", "Устройство {device} уже среди ваших; ничего не изменено.";
    another_users_code(user: &str) =>
        "this is the code of a device of {user}, not of yours", "это код устройства пользователя {user}, а не вашего";
    forged_link() =>
        "the server has brought an answer to this device's code that your other device has not made. The server is lying or was tampered with: do not go on, and ask the administrator",
        "сервер прислал ответ на код этого устройства, который сделало не ваше другое устройство. Сервер обманывает или взломан: не продолжайте и спросите администратора";

    what_recovery_has_done() =>
        "This device is the account's only one now. Your key stays the same: there is nothing to compare anew, though contacts hear of this device as of any new one. Other devices of yours, if there are, wait: they keep what is written on them, and are let in again by 'privmsg login --link' on them and 'privmsg devices link' here. What was said before does not come to this device; chats and groups go on with the next message in each.",
        "Теперь это единственное устройство учётной записи. Ваш ключ остаётся прежним: сверять ничего не нужно, хотя собеседники узнают об этом устройстве, как о любом новом. Другие ваши устройства, если они есть, ждут: написанное на них остаётся, а впустить их снова можно командами «privmsg login --link» на них и «privmsg devices link» здесь. Сказанное раньше на это устройство не придёт; чаты и группы продолжатся со следующего сообщения в каждом.";
    device_waits(device: &str, name: &str) =>
        "Device {device} ('{name}') waits to be let in. If it is not yours: privmsg devices remove {device}",
        "Устройство {device} («{name}») ждёт, пока его впустят. Если оно не ваше: privmsg devices remove {device}";
    waiting_device() => "(waits to be let in)", "(ждёт, пока впустят)";
    unknown_to_server() => "(the server does not name it)", "(сервер его не называет)";
    hidden_by_server(device: &str) =>
        "Device {device} stands in your account's signed list and reads your messages, but the server does not name it. If it is not yours: privmsg devices remove {device} --stolen. If you have signed it out: privmsg devices remove {device} --wiped",
        "Устройство {device} есть в подписанном списке вашей учётной записи и читает ваши сообщения, но сервер его не называет. Если оно не ваше: privmsg devices remove {device} --stolen. Если вы сами вышли на нём: privmsg devices remove {device} --wiped";
    help_wiped() =>
        "The device is wiped, or in your own hands", "Устройство стёрто или у вас в руках";
    help_stolen() =>
        "The device may be in somebody else's hands: asks for the recovery key (or takes PRIVMSG_RECOVERY_KEY), so that what the device knows of your account is worth nothing any more",
        "Устройство может быть в чужих руках: спрашивает ключ восстановления (или берёт PRIVMSG_RECOVERY_KEY), и всё, что устройство знает о вашей учётной записи, теряет силу";
    after_devices_remove() =>
r"A device that is signed out keeps your account's signing key if it is not wiped: whoever has it could,
together with the server, pass for a device of yours. --stolen takes that away. Your contacts see no
change of your key.",
r"Устройство, на котором выполнен выход, сохраняет ключ подписи вашей учётной записи, если его не
стереть: у кого оно в руках, тот вместе с сервером мог бы выдать себя за ваше устройство. --stolen
это исключает. Собеседники не увидят изменения вашего ключа.";
    declined_elsewhere(device: &str) =>
        "your device {device} has left or declined this chat: nothing of it comes here any more. If that was not you: 'privmsg accept' lets it in again, and 'privmsg devices' shows whose the device is",
        "ваше устройство {device} вышло из этого чата или отклонило его: больше ничего из него сюда не придёт. Если это были не вы: «privmsg accept» впустит его снова, а «privmsg devices» покажет, что это за устройство";
    accepted_elsewhere(device: &str) =>
        "your device {device} has let this chat in", "ваше устройство {device} впустило этот чат";
    decision_undone(device: &str) =>
        "what your device {device} had decided about this chat counts no more: it was put out with the recovery key. What was said here meanwhile may not have come",
        "решение вашего устройства {device} об этом чате больше не действует: оно исключено ключом восстановления. Сказанное здесь за это время могло не дойти";
    steps_to_confirm(device: &str) =>
        "your device {device} was put out with the recovery key. Since it came, or on the day before, this has been changed here in your name; whatever was not you, change back:",
        "ваше устройство {device} исключено ключом восстановления. С его появления или за день до него здесь от вашего имени изменено следующее; что сделали не вы, верните:";
    decisions_undone(chats: &str) =>
        "It had decided about these chats; they stand as before, and what was said there meanwhile may not have come: {chats}. 'privmsg requests' shows those that wait for your answer.",
        "Оно принимало решения об этих чатах; теперь они в прежнем состоянии, а сказанное там за это время могло не дойти: {chats}. Те, что ждут вашего ответа, покажет «privmsg requests».";
    never_listed() =>
        "this device has never seen that one among your devices, so it cannot tell whom it may have let in. On a device that has: the same command. Or without all others: 'privmsg login --recover' on a new profile",
        "это устройство никогда не видело такого среди ваших устройств и не знает, кого оно могло впустить. Выполните ту же команду на устройстве, которое его видело, или обойдитесь без всех остальных: «privmsg login --recover» в новом профиле";
    what_stolen_has_done() =>
        "What that device knows of your account is worth nothing any more. Your other devices stay, the recovery key and your key are the same. 'privmsg listen' names what was changed in your groups in your name since it came, and whom it has blocked.",
        "Всё, что это устройство знает о вашей учётной записи, потеряло силу. Другие ваши устройства остаются, ключ восстановления и ваш ключ прежние. «privmsg listen» назовёт, что с его появления изменено в группах от вашего имени и кого оно заблокировало.";
    linked_was_removed() =>
        "the device that shows this code was signed out for good: let it show another one, 'privmsg login --link' there",
        "на устройстве, которое показывает этот код, выполнен окончательный выход: пусть покажет другой, «privmsg login --link» на нём";
    shown_again_by_login() =>
        "This device is signed in. The recovery key is not noted yet: 'privmsg login' shows it again.",
        "Вход на этом устройстве выполнен. Ключ восстановления ещё не записан: «privmsg login» покажет его снова.";
    came_after_the_stolen() =>
        "Devices that were let in after it may be the thief's: they wait now. 'privmsg devices' lists them; let in the ones that are yours once more ('devices link'), and remove the others.",
        "Устройства, впущенные после него, могли быть впущены вором: теперь они ждут. Их покажет «privmsg devices»; свои впустите заново («devices link»), остальные удалите.";
    ask_wiped() => "Is the device wiped, or in your own hands? [y/N] ", "Устройство стёрто или у вас в руках? [д/Н] ";
    taken_as_no() => "Taken as no: the recovery key is needed.", "Считаю это ответом «нет»: нужен ключ восстановления.";
    say_wiped_or_stolen() =>
        "say whether the device is wiped or in your own hands (--wiped), or may be in somebody else's (--stolen, with the recovery key)",
        "укажите, стёрто ли устройство или у вас в руках (--wiped), или может быть в чужих (--stolen, с ключом восстановления)";

    about_identity() => "Your account's identity", "Личность вашей учётной записи";
    usage_identity() => "privmsg identity replacement [--end]", "privmsg identity replacement [--end]";
    about_recovery() => "Your recovery key", "Ваш ключ восстановления";
    usage_recovery() => "privmsg recovery new-words", "privmsg recovery new-words";
    about_new_words() => "Make other recovery words, by the present ones", "Создать другие слова восстановления, с нынешними словами";
    after_new_words() =>
r"Asks for the present recovery key (or takes PRIVMSG_RECOVERY_KEY) and shows another one. With the former words
nobody comes into the account any more, and your other devices keep a copy of what the new ones open. If
this is cut off, the same command goes on with the same new words.

If somebody else may have the former words, new ones are not enough: the server, or whoever has read a
device of yours, can still have what the former ones open. Then begin with another identity.",
r"Спрашивает нынешний ключ восстановления (или берёт PRIVMSG_RECOVERY_KEY) и показывает другой. С прежними
словами в учётную запись больше не войти, а другие ваши устройства хранят копию того, что открывают
новые. Если команда прервалась, она же продолжит с теми же новыми словами.

Если прежние слова мог узнать кто-то ещё, новых недостаточно: у сервера или у того, кто прочёл ваше
устройство, может остаться то, что открывают прежние. Тогда начните заново, с другой личностью.";
    former_words() =>
        "The former words let nobody in any more. If somebody else may have them, that is not enough: 'privmsg recovery new-words --help' says why.",
        "Прежние слова больше никого не впустят. Если их мог узнать кто-то ещё, этого недостаточно: почему — «privmsg recovery new-words --help».";
    about_replacement() => "Show whether somebody replaces your identity, or end that", "Показать, не заменяют ли вашу личность, или отменить это";
    usage_replacement() => "privmsg identity replacement [--end]", "privmsg identity replacement [--end]";
    help_end_replacement() =>
        "End it, with the recovery key (or PRIVMSG_RECOVERY_KEY)", "Отменить, с ключом восстановления (или PRIVMSG_RECOVERY_KEY)";
    after_replacement() =>
r"Whoever has your access key can begin to put another identity in the place of yours, as you would if
you had lost all devices and the recovery key. It takes effect after three days. If it was not you,
end it, and change the access key: privmsg access-key change --recover",
r"Имея ваш ключ доступа, можно начать замену личности вашей учётной записи, как сделали бы вы, потеряв все
устройства и ключ восстановления. Она вступает в силу через три дня. Если это не вы, отмените её и
смените ключ доступа: privmsg access-key change --recover";
    no_replacement() => "Nobody starts your account anew.", "Вашу учётную запись никто не начинает заново.";
    replacement_shown(device: &str, at: &str) =>
        "Device {device} starts your account anew, with another key: at {at} your devices are signed out, and your contacts see another key. If it was not you, end it, with the twelve words: privmsg identity replacement --end",
        "Устройство {device} начинает вашу учётную запись заново, с другим ключом: {at} на ваших устройствах будет выполнен выход, а собеседники увидят другой ключ. Если это не вы, отмените это с двенадцатью словами: privmsg identity replacement --end";
    replacement_of_mine() =>
        "somebody with your access key has begun to start your account anew, with another key: three days later your devices are signed out, and your contacts see another key. 'privmsg identity replacement' says when. If it was not you, end it, with the twelve words of the recovery key: privmsg identity replacement --end",
        "кто-то с вашим ключом доступа начинает вашу учётную запись заново, с другим ключом: через три дня на ваших устройствах будет выполнен выход, а собеседники увидят другой ключ. Когда именно, скажет «privmsg identity replacement». Если это не вы, отмените это с двенадцатью словами ключа восстановления: privmsg identity replacement --end";
    access_key_is_known() =>
        "Whoever began that has your access key and can begin again. Change it now: privmsg access-key change --recover",
        "У того, кто её начал, есть ваш ключ доступа: он может начать снова. Смените ключ сейчас: privmsg access-key change --recover";
    wrong_access_key() =>
        "that is not the account's present access key. Without it: --recover, with the recovery key",
        "это не нынешний ключ доступа учётной записи. Без него: --recover, с ключом восстановления";
    former_access_key() =>
        "The former access key is worth nothing any more.", "Прежний ключ доступа больше не действует.";
    replacement_ended() => "Your account stays, with its key.", "Ваша учётная запись остаётся, с прежним ключом.";

    about_access_key() => "Change your access key", "Сменить ключ доступа";
    usage_access_key() => "privmsg access-key change [--recover]", "privmsg access-key change [--recover]";
    about_change_access_key() => "Set another access key, and show it", "Задать другой ключ доступа и показать его";
    usage_change_access_key() =>
        "privmsg access-key change [--access-key-file FILE | --recover]", "privmsg access-key change [--access-key-file ФАЙЛ | --recover]";
    help_present_access_key() =>
        "File with the present access key; without it PRIVMSG_ACCESS_KEY, else standard input or a prompt",
        "Файл с нынешним ключом доступа; без него — PRIVMSG_ACCESS_KEY, иначе стандартный ввод или запрос";
    help_change_by_words() =>
        "Without the present one, by the recovery key (or PRIVMSG_RECOVERY_KEY)",
        "Без нынешнего, по ключу восстановления (или PRIVMSG_RECOVERY_KEY)";
    after_change_access_key() =>
        "The old access key ends, and so does an invitation. Devices that are signed in stay: they come in by their own keys.",
        "Прежний ключ доступа перестаёт действовать, приглашение тоже. Устройства остаются: они входят со своими ключами.";

    device_added(device: &str, at: &str) =>
        "A new device of yours: {device}, since {at}. If it is not yours, sign it out at once: privmsg devices remove {device}",
        "Новое ваше устройство: {device}, с {at}. Если оно не ваше, сразу выйдите на нём: privmsg devices remove {device}";
    device_unseen(device: &str, since: &str) =>
        "Your device {device} has not been there since {since}, as the server says. It is still let in to all that is said: if you have it no more, sign it out: privmsg devices remove {device}",
        "Ваше устройство {device} не появлялось с {since}, как говорит сервер. Оно по-прежнему допущено ко всему, что пишут: если у вас его больше нет, выйдите на нём: privmsg devices remove {device}";
    device_left(device: &str) =>
        "A device of yours was signed out: {device}.", "На вашем устройстве выполнен выход: {device}.";
    signed_out_by(device: &str) =>
        "this device was signed out by your device {device}, as the server says. What was received stays readable; if that was not you, sign in anew ('privmsg login') and sign {device} out as stolen",
        "на этом устройстве выполнен выход с вашего устройства {device}, как говорит сервер. Полученное можно читать и дальше; если это были не вы, войдите заново («privmsg login») и удалите {device} как украденное";
    put_out_by_the_stolen() =>
        "If whoever has the other device has put this one out: 'privmsg login --recover' with the recovery key calls everything else back. The devices that are yours you let in again from here",
        "Если это устройство исключил тот, у кого второе: «privmsg login --recover» с ключом восстановления отзывает все остальные. Свои устройства вы затем впустите отсюда";
    waits_to_be_let_in() =>
        "this device is not in your account's list of devices and waits to be let in: 'privmsg login --link' here shows its code for 'privmsg devices link' on another one. What you write is kept until then, and what was received stays readable",
        "этого устройства нет в списке устройств вашей учётной записи, и оно ждёт, пока его впустят: «privmsg login --link» здесь покажет код для «privmsg devices link» на другом. Написанное сохраняется до тех пор, а полученное можно читать";
    another_own_identity() =>
        "the server names another key for your own account. The server is lying or was tampered with, or somebody with your access key has started your account anew: ask the administrator. This device goes on with the one that it knows",
        "сервер называет для вашей учётной записи другой ключ. Сервер обманывает или взломан, или кто-то с вашим ключом доступа начал её заново: спросите администратора. Это устройство продолжает с известным ему";
    sealed_identity_spoilt() =>
        "the server does not keep your account's identity as it was given it: your recovery key may open nothing there. This device has a good copy, so here the key still works. Ask the administrator, and seal it anew: privmsg recovery new-words",
        "сервер хранит вашу личность не такой, какой её получил: ключ восстановления может там ничего не открыть. На этом устройстве есть верная копия, здесь он по-прежнему действует. Спросите администратора и запечатайте её заново: privmsg recovery new-words";
    device_list_conflict() =>
        "there are two lists of your devices with the same number: somebody else signs with your account's key. Only devices in both count. Call everything back: privmsg login --recover on a device that is yours",
        "есть два списка ваших устройств с одним номером: кто-то ещё подписывает ключом вашей учётной записи. Учитываются только устройства из обоих. Отзовите всё: privmsg login --recover на своём устройстве";
    no_signing_key() =>
        "this device cannot sign for your account yet: it has not been told the account's key by another of your devices. Try again in a moment, or do it on another one",
        "это устройство пока не может подписывать за вашу учётную запись: другое ваше устройство ещё не передало ему ключ. Повторите чуть позже или сделайте это на другом";
    signs_nothing_yet() =>
        "This device cannot let others in or change groups yet: another of your devices has to tell it the account's key. Run 'privmsg listen' here, and then on one that can.",
        "Это устройство пока не может впускать другие и менять группы: другое ваше устройство должно передать ему ключ учётной записи. Запустите «privmsg listen» здесь, а затем на том, которое может.";
    tells_key() =>
        "Waiting until the new device has been told the account's key…", "Жду, пока новое устройство получит ключ учётной записи…";
    key_not_told() =>
        "The new device is in, but has not asked for the account's key yet: until it has it, it can let in no others and change no groups. Run 'privmsg listen' there, and then here; keep this device until then",
        "Новое устройство впущено, но ещё не запросило ключ учётной записи: без него оно не может впускать другие и менять группы. Запустите «privmsg listen» там, а затем здесь; до тех пор не избавляйтесь от этого устройства";
    key_wanted_by_others() =>
        "Whether another of your devices still waits for the account's key, by which devices are let in, could not be found out, or it could not be told. If no other one has it, only the recovery key lets in devices after this",
        "Не удалось узнать, ждёт ли другое ваше устройство ключ учётной записи, которым впускают устройства, или передать его. Если его нет больше ни на одном, впускать устройства после этого сможет только ключ восстановления";
    ask_logout_all_the_same() => "Sign out all the same? [y/N] ", "Всё равно выйти? [д/Н] ";
    replacement_begun(at: &str) =>
        "Your account begins anew, with another key, at {at}, unless one of your other devices ends that before. Run 'privmsg login' again then. The administrator can let it take effect at once.",
        "Ваша учётная запись начнётся заново, с другим ключом, {at}, если другое ваше устройство этого не отменит. После этого снова запустите «privmsg login». Администратор может применить это сразу.";
    ask_recovery_key_or_link() =>
        "Recovery key (twelve words, not shown; your other devices wait then, until this one lets them in), or Enter to be let in by another device: ",
        "Ключ восстановления (двенадцать слов, не отображаются; остальные ваши устройства будут ждать, пока это их не впустит) или Enter, чтобы впустить с другого устройства: ";

    ask_word(number: usize) => "Word {number} of your recovery key: ", "Слово {number} вашего ключа восстановления: ";
    wrong_word() => "That is another word.", "Это другое слово.";
    words_noted() => "Your recovery key is noted.", "Ваш ключ восстановления записан.";
    words_not_noted() =>
        "The recovery key stays on this device until you have written it down; 'privmsg login' shows it again.",
        "Ключ восстановления остаётся на этом устройстве, пока вы его не запишете; «privmsg login» покажет его снова.";
}
