//! What is shown of the devices of others.

use super::texts;

texts! {
    contact_device_added(user: &str, device: &str, at: &str) =>
        "{user} has a new device: {device}, since {at}. Whoever has one of {user}'s devices can let another one in. If in doubt, ask {user} by another way.",
        "У {user} новое устройство: {device}, с {at}. Впустить новое может каждый, у кого есть одно из устройств {user}. Если сомневаетесь, спросите {user} другим путём.";
    list_conflict_of(user: &str) =>
        "THE LIST OF {user}'S DEVICES CONTRADICTS ITSELF: somebody else signs with the keys of {user}, or the server has lost a list. Only devices in both count. Ask {user} by another way.",
        "СПИСОК УСТРОЙСТВ {user} ПРОТИВОРЕЧИВ: кто-то ещё подписывает ключами {user}, или сервер потерял список. Учитываются только устройства из обоих. Спросите {user} другим путём.";
    foreign_list_of(user: &str) =>
        "{user}: the server shows devices of another key than the one that you know. Nothing is sent to them: {user} has started anew, or the server is lying.",
        "{user}: сервер показывает устройства с другим ключом, не с известным вам. Им ничего не отправляется: {user} начинает заново, или сервер обманывает.";
    written_on_unlisted(user: &str) =>
        "FROM A DEVICE THAT IS NOT ON {user}'S LIST OF DEVICES: it is signed out, or not let in. Somebody else may have written this.",
        "С УСТРОЙСТВА, КОТОРОГО НЕТ В СПИСКЕ УСТРОЙСТВ {user}: на нём выполнен выход, или его не впустили. Это мог написать кто-то другой.";
    written_under_another_key(user: &str) =>
        "UNDER ANOTHER KEY THAN THE ONE YOU KNOW OF {user}: somebody else has written this under the same name, or {user} has started anew. Ask {user} by another way.",
        "ПОД ДРУГИМ КЛЮЧОМ, НЕ ПОД ИЗВЕСТНЫМ ВАМ КЛЮЧОМ {user}: это написал кто-то другой под тем же именем, или {user} начинает заново. Спросите {user} другим путём.";
    asks_for_devices(user: &str) =>
        "the server is asked which devices {user} has now", "у сервера уточняется, какие устройства сейчас у {user}";
    asks_for_their_devices() =>
        "the server is asked which devices the others have now", "у сервера уточняется, какие устройства сейчас у собеседников";
    device_list_missing(user: &str) =>
        "the server does not show the devices of {user} that a message, or a code that you compared, has named. If that code was wrong: privmsg safety-number {user} --unverify",
        "сервер не показывает устройства {user}, названные в сообщении или в сверенном вами коде. Если код был неверным: privmsg safety-number {user} --unverify";
    device_since(device: &str, at: &str) => "{device} (since {at})", "{device} (с {at})";
    devices_of(user: &str, devices: &str) =>
        "Devices of {user}: {devices}", "Устройства {user}: {devices}";
}
