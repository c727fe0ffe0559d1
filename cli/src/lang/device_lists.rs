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
        "The server has a list of {user}'s devices by another key than the one that you know {user} by. It is not followed: {user} has started anew, or the server is lying.",
        "У сервера список устройств {user}, подписанный не тем ключом, по которому вы знаете {user}. Он не учитывается: собеседник начал заново, или сервер обманывает.";
    written_on_unlisted(user: &str) =>
        "FROM A DEVICE THAT {user} HAS SIGNED OUT. Somebody else may have written this.",
        "С УСТРОЙСТВА, НА КОТОРОМ {user} ВЫПОЛНИЛ ВЫХОД. Это мог написать кто-то другой.";
    device_list_missing() =>
        "which devices the other one has now is being asked for: a message, or the code that you compared, names a newer list than the server has shown. If the code was wrong: privmsg safety-number USER --unverify",
        "уточняется, какие устройства сейчас у собеседника: в сообщении или сверенном вами коде назван более новый список, чем показал сервер. Если код был неверным: privmsg safety-number USER --unverify";
    device_since(device: &str, at: &str) => "{device} (since {at})", "{device} (с {at})";
    devices_of(user: &str, devices: &str) =>
        "Devices of {user}: {devices}", "Устройства {user}: {devices}";
}
