//! What arguments there are, for clap.

use std::path::PathBuf;

use clap::builder::ValueParser;
use clap::{Arg, ArgAction, ArgGroup, Command as Clap, value_parser};
use privmsg_client::{CacheLimit, Setting};

use super::{groups, search};
use crate::lang::Lang;

/// Where the help lists what all commands have: behind the command's own options.
const GLOBAL: usize = 100;

pub(super) fn definition(lang: Lang) -> Clap {
    flowing(all(lang))
}

/// The same with what stands below each help in lines as long as the terminal is wide: the texts have lines of their own, and cut
/// once more they would leave single words.
fn flowing(command: Clap) -> Clap {
    let below = command.get_after_help().map(|text| flow(&text.to_string()));
    let command = match below {
        Some(below) => command.after_help(below),
        None => command,
    };
    command.mut_subcommands(flowing)
}

/// Joins the lines of each paragraph. Lines that are indented, and what stands in front of them, stay.
fn flow(text: &str) -> String {
    let mut flown = String::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        flown.push_str(line);
        let is_prose = |line: &str| line.starts_with(|c: char| !c.is_whitespace());
        match lines.peek() {
            Some(next) if is_prose(line) && is_prose(next) => flown.push(' '),
            Some(_) => flown.push('\n'),
            None => {}
        }
    }
    flown
}

fn all(lang: Lang) -> Clap {
    let chat = || positional("chat", lang.pick("CHAT", "ЧАТ"), lang.help_chat()).required(true);
    let asked = || positional("chat", lang.pick("CHAT", "ЧАТ"), lang.help_asked()).required(true);
    let whom = || positional("user", lang.pick("USER", "ПОЛЬЗОВАТЕЛЬ"), lang.help_whom()).required(true);
    let message = || positional("message-id", lang.pick("MESSAGE_ID", "ID"), lang.help_message_id()).required(true);
    let which = || {
        let (user, chat) = (lang.pick("USER", "ПОЛЬЗОВАТЕЛЬ"), lang.pick("CHAT", "ЧАТ"));
        [option("from", user, lang.help_from()), option("chat", chat, lang.help_in_chat())]
    };
    let text_argument = || positional("text", lang.pick("TEXT", "ТЕКСТ"), lang.help_text()).allow_hyphen_values(true);
    let seconds = lang.pick("SECS", "СЕКУНДЫ");
    let path = lang.pick("PATH", "ПУТЬ");
    let id = lang.pick("ID", "ID");
    let commands = format!("{}\n{{subcommands}}\n\n", lang.heading_commands());
    let root = command(lang, "privmsg", lang.about(), lang.usage())
        .version(env!("CARGO_PKG_VERSION"))
        .disable_version_flag(true)
        .subcommand_required(true)
        .help_template(template(lang, &commands))
        .after_help(lang.after_help())
        .arg(
            option("profile", lang.pick("DIR", "ПАПКА"), lang.help_profile())
                .global(true)
                .display_order(GLOBAL)
                .value_parser(value_parser!(PathBuf)),
        )
        .arg(flag("json", lang.help_json()).global(true).display_order(GLOBAL + 1))
        .arg(
            option("lang", lang.pick("LANG", "ЯЗЫК"), lang.help_lang())
                .global(true)
                .display_order(GLOBAL + 2)
                .value_parser(["en", "ru"]),
        )
        .arg(
            flag("verbose", lang.help_verbose())
                .short('v')
                .action(ArgAction::Count)
                .global(true)
                .display_order(GLOBAL + 3),
        )
        .arg(flag("help", lang.help_help()).short('h').action(ArgAction::Help).global(true).display_order(GLOBAL + 4))
        .arg(flag("version", lang.help_version()).short('V').action(ArgAction::Version).display_order(GLOBAL + 5));
    root.subcommand(
        command(lang, "login", lang.about_login(), lang.usage_login())
            .after_help(lang.after_login())
            .arg(option("server", lang.pick("URL", "АДРЕС"), lang.help_server()))
            .arg(option("user-id", lang.pick("ID", "ИМЯ"), lang.help_user_id()))
            .arg(flag("invitation", lang.help_invitation()).conflicts_with_all([
                "server",
                "user-id",
                "access-key-file",
            ]))
            .arg(option("device-name", lang.pick("NAME", "НАЗВАНИЕ"), lang.help_device_name()))
            .arg(
                option("access-key-file", lang.pick("FILE", "ФАЙЛ"), lang.help_access_key_file())
                    .value_parser(value_parser!(PathBuf)),
            )
            .arg(flag("link", lang.help_link()).conflicts_with_all(["invitation", "access-key-file", "new-identity"]))
            .arg(flag("recover", lang.help_recover()).conflicts_with_all([
                "invitation",
                "access-key-file",
                "new-identity",
                "link",
            ]))
            .arg(flag("new-identity", lang.help_new_identity()))
            .arg(option("proxy", lang.pick("URL", "АДРЕС"), lang.help_proxy()))
            .arg(option("fingerprint", "SHA256:…", lang.help_fingerprint())),
    )
    .subcommand(
        with_arguments(lang, command(lang, "send", lang.about_send(), lang.usage_send()))
            .after_help(lang.after_send())
            .arg(chat())
            .arg(text_argument())
            .arg(option("reply-to", lang.pick("MESSAGE_ID", "ID"), lang.help_reply_to()))
            .arg(option("file", path, lang.help_file()).action(ArgAction::Append).value_parser(value_parser!(PathBuf)))
            .arg(
                option("picture", path, lang.help_send_picture())
                    .action(ArgAction::Append)
                    .value_parser(value_parser!(PathBuf)),
            )
            .arg(
                option("voice", path, lang.help_send_voice())
                    .value_parser(value_parser!(PathBuf))
                    .conflicts_with_all(["file", "picture"]),
            )
            .arg(flag("held", lang.help_held()).conflicts_with_all(["text", "file", "picture", "voice", "reply-to"]))
            .arg(number("timeout", seconds, lang.help_send_timeout())),
    )
    .subcommand(
        with_arguments(lang, command(lang, "react", lang.about_react(), lang.usage_react()))
            .arg(message())
            .arg(positional("emoji", lang.pick("EMOJI", "ЭМОДЗИ"), lang.help_emoji()).required(true))
            .arg(flag("remove", lang.help_remove()))
            .args(which())
            .arg(number("timeout", seconds, lang.help_act_timeout())),
    )
    .subcommand(
        with_arguments(lang, command(lang, "edit", lang.about_edit(), lang.usage_edit()))
            .arg(message())
            .arg(text_argument().required(true))
            .args(which())
            .arg(number("timeout", seconds, lang.help_act_timeout())),
    )
    .subcommand(
        with_arguments(lang, command(lang, "forward", lang.about_forward(), lang.usage_forward()))
            .arg(message())
            .arg(positional("to", lang.pick("TO", "КУДА"), lang.help_forward_to()).required(true))
            .args(which())
            .arg(number("timeout", seconds, lang.help_send_timeout())),
    )
    .subcommand(
        with_arguments(lang, command(lang, "delete", lang.about_delete(), lang.usage_delete()))
            .arg(message())
            .arg(flag("for-me", lang.help_for_me()))
            .args(which())
            .arg(number("timeout", seconds, lang.help_act_timeout())),
    )
    .subcommand(
        with_arguments(lang, command(lang, "chat", lang.about_chat(), lang.usage_chat()))
            .after_help(lang.after_chat())
            .arg(chat()),
    )
    .subcommand(with_arguments(lang, command(lang, "read", lang.about_read(), lang.usage_read())).arg(chat()))
    .subcommand(
        with_arguments(lang, command(lang, "settings", lang.about_settings(), lang.usage_settings()))
            .arg(positional("setting", lang.pick("SETTING", "НАСТРОЙКА"), lang.help_setting()).value_parser(
                Setting::ALL.map(Setting::as_str).into_iter().chain([CacheLimit::NAME]).collect::<Vec<_>>(),
            ))
            .arg(positional("value", lang.pick("VALUE", "ЗНАЧЕНИЕ"), lang.help_value()).allow_hyphen_values(true)),
    )
    .subcommand(
        command(lang, "passphrase", lang.about_passphrase(), lang.usage_passphrase())
            .after_help(lang.after_passphrase())
            .arg(flag("remove", lang.help_remove_passphrase())),
    )
    .subcommand(
        command(lang, "listen", lang.about_listen(), lang.usage_listen())
            .after_help(lang.after_listen())
            .arg(number("count", "N", lang.help_count()))
            .arg(number("timeout", seconds, lang.help_listen_timeout())),
    )
    .subcommand(
        with_arguments(lang, command(lang, "history", lang.about_history(), lang.usage_history()))
            .arg(chat())
            .arg(option("limit", "N", lang.help_limit()).value_parser(value_parser!(u32).range(1..))),
    )
    .subcommand(search::definition(lang))
    .subcommand(
        with_arguments(lang, command(lang, "download", lang.about_download(), lang.usage_download()))
            .arg(message())
            .arg(option("out", path, lang.help_out()).required(true).value_parser(value_parser!(PathBuf)))
            .args(which()),
    )
    .subcommand(command(lang, "chats", lang.about_chats(), lang.usage_chats()))
    .subcommand(
        command(lang, "contact", lang.about_contact(), lang.usage_contact())
            .help_template(template(lang, &commands))
            .subcommand_required(true)
            .subcommand(command(lang, "link", lang.about_contact_link(), lang.usage_contact_link()))
            .subcommand(
                with_arguments(lang, command(lang, "add", lang.about_contact_add(), lang.usage_contact_add()))
                    .after_help(lang.after_contact_add())
                    .arg(positional("link", lang.pick("LINK", "ССЫЛКА"), lang.help_contact_link()))
                    .arg(flag("in-person", lang.help_in_person())),
            )
            .subcommand(command(lang, "list", lang.about_contacts(), lang.usage_contact_list()))
            .subcommand(
                with_arguments(lang, command(lang, "info", lang.about_contact_info(), lang.usage_contact_info()))
                    .arg(whom()),
            )
            .subcommand(
                with_arguments(
                    lang,
                    command(lang, "confirm", lang.about_contact_confirm(), lang.usage_contact_confirm()),
                )
                .after_help(lang.after_contact_confirm())
                .arg(whom())
                .arg(flag("drop", lang.help_drop())),
            ),
    )
    .subcommand(groups::definition(lang))
    .subcommand(command(lang, "contacts", lang.about_contacts(), lang.usage_contacts()))
    .subcommand(command(lang, "whoami", lang.about_whoami(), lang.usage_whoami()))
    .subcommand(
        command(lang, "devices", lang.about_devices(), lang.usage_devices())
            .help_template(template(lang, &commands))
            .subcommand(
                command(lang, "link", lang.about_devices_link(), lang.usage_devices_link())
                    .after_help(lang.after_devices_link()),
            )
            .subcommand(
                with_arguments(lang, command(lang, "remove", lang.about_devices_remove(), lang.usage_devices_remove()))
                    .after_help(lang.after_devices_remove())
                    .arg(positional("device-id", id, lang.help_device_id()).required(true))
                    .arg(flag("wiped", lang.help_wiped()).conflicts_with("stolen"))
                    .arg(flag("stolen", lang.help_stolen())),
            ),
    )
    .subcommand(
        command(lang, "identity", lang.about_identity(), lang.usage_identity())
            .help_template(template(lang, &commands))
            .subcommand_required(true)
            .subcommand(
                command(lang, "replacement", lang.about_replacement(), lang.usage_replacement())
                    .after_help(lang.after_replacement())
                    .arg(flag("end", lang.help_end_replacement())),
            ),
    )
    .subcommand(
        command(lang, "recovery", lang.about_recovery(), lang.usage_recovery())
            .help_template(template(lang, &commands))
            .subcommand_required(true)
            .subcommand(
                command(lang, "new-words", lang.about_new_words(), lang.usage_recovery())
                    .after_help(lang.after_new_words()),
            ),
    )
    .subcommand(
        command(lang, "access-key", lang.about_access_key(), lang.usage_access_key())
            .help_template(template(lang, &commands))
            .subcommand_required(true)
            .subcommand(
                command(lang, "change", lang.about_change_access_key(), lang.usage_change_access_key())
                    .after_help(lang.after_change_access_key())
                    .arg(
                        option("access-key-file", lang.pick("FILE", "ФАЙЛ"), lang.help_present_access_key())
                            .value_parser(value_parser!(PathBuf)),
                    )
                    .arg(flag("recover", lang.help_change_by_words()).conflicts_with("access-key-file")),
            ),
    )
    .subcommand(
        with_arguments(lang, command(lang, "safety-number", lang.about_safety_number(), lang.usage_safety_number()))
            .after_help(lang.after_safety_number())
            .arg(whom())
            .arg(flag("mark-verified", lang.help_mark_verified()))
            .arg(flag("unverify", lang.help_unverify()))
            .arg(
                option("accept-change", lang.pick("NUMBER", "КОД"), lang.help_accept_change())
                    .num_args(0..=1)
                    .require_equals(true)
                    .default_missing_value(""),
            )
            .arg(flag("refuse-change", lang.help_refuse_change()))
            .group(ArgGroup::new("change").args(["mark-verified", "unverify", "accept-change", "refuse-change"])),
    )
    .subcommand(
        command(lang, "requests", lang.about_requests(), lang.usage_requests()).after_help(lang.after_requests()),
    )
    .subcommand(
        with_arguments(lang, command(lang, "accept", lang.about_accept(), lang.usage_accept()))
            .after_help(lang.after_accept())
            .arg(asked()),
    )
    .subcommand(
        with_arguments(lang, command(lang, "decline", lang.about_decline(), lang.usage_decline()))
            .after_help(lang.after_decline())
            .arg(asked()),
    )
    .subcommand(
        with_arguments(lang, command(lang, "leave", lang.about_leave(), lang.usage_leave()))
            .after_help(lang.after_leave())
            .arg(asked())
            .arg(option("successor", lang.pick("USER", "ПОЛЬЗОВАТЕЛЬ"), lang.help_successor())),
    )
    .subcommand(
        with_arguments(lang, command(lang, "block", lang.about_block(), lang.usage_block()))
            .after_help(lang.after_block())
            .arg(whom()),
    )
    .subcommand(
        with_arguments(lang, command(lang, "unblock", lang.about_unblock(), lang.usage_unblock()))
            .arg(whom())
            .arg(flag("send", lang.help_send_held())),
    )
    .subcommand(command(lang, "blocks", lang.about_blocks(), lang.usage_blocks()))
    .subcommand(
        command(lang, "logout", lang.about_logout(), lang.usage_logout())
            .arg(flag("local", lang.help_local()))
            .arg(flag("yes", lang.help_yes())),
    )
}

pub(super) fn command(lang: Lang, name: &'static str, about: String, usage: String) -> Clap {
    Clap::new(name)
        .about(about)
        .override_usage(usage)
        .help_template(template(lang, ""))
        .disable_help_flag(true)
        .disable_help_subcommand(true)
}

/// A command with arguments that are not options.
pub(super) fn with_arguments(lang: Lang, command: Clap) -> Clap {
    command.help_template(template(lang, &format!("{}\n{{positionals}}\n\n", lang.heading_arguments())))
}

/// The help's layout, because clap's own headings are English.
pub(super) fn template(lang: Lang, list: &str) -> String {
    let (usage, options) = (lang.heading_usage(), lang.heading_options());
    format!("{{about}}\n\n{usage} {{usage}}\n\n{list}{options}\n{{options}}{{after-help}}")
}

pub(super) fn option(name: &'static str, value: &'static str, help: String) -> Arg {
    Arg::new(name).long(name).value_name(value).help(help).hide_default_value(true).hide_possible_values(true)
}

fn number(name: &'static str, value: &'static str, help: String) -> Arg {
    // A year: what is longer is a typing mistake, and would overflow the clock's arithmetic.
    option(name, value, help).value_parser(ValueParser::from(value_parser!(u64).range(..=365 * 24 * 3600)))
}

pub(super) fn flag(name: &'static str, help: String) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
}

pub(super) fn positional(name: &'static str, value: &'static str, help: String) -> Arg {
    Arg::new(name).value_name(value).help(help)
}
