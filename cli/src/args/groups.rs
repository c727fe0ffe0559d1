//! `group …`.

use clap::Command as Clap;

use super::definition::{command, option, positional, template, with_arguments};
use crate::lang::Lang;

pub(super) fn definition(lang: Lang) -> Clap {
    let group = || {
        positional("group", lang.pick("GROUP", "ГРУППА"), lang.help_group()).required(true).allow_hyphen_values(true)
    };
    let name = lang.pick("USER", "ПОЛЬЗОВАТЕЛЬ");
    let users = || positional("users", name, lang.help_group_users()).num_args(1..).required(true);
    let user = || positional("user", name, lang.help_group_user()).required(true);
    let title = lang.pick("TITLE", "НАЗВАНИЕ");
    let commands = format!("{}\n{{subcommands}}\n\n", lang.heading_commands());
    let sub = |name, about, usage| with_arguments(lang, command(lang, name, about, usage));
    command(lang, "group", lang.about_group(), lang.usage_group())
        .help_template(template(lang, &commands))
        .subcommand_required(true)
        .after_help(lang.after_group())
        .subcommand(
            sub("create", lang.about_group_create(), lang.usage_group_create())
                .arg(option("title", title, lang.help_group_title()).required(true))
                .arg(users().required(false)),
        )
        .subcommand(sub("add", lang.about_group_add(), lang.usage_group_add()).arg(group()).arg(users()))
        .subcommand(sub("remove", lang.about_group_remove(), lang.usage_group_remove()).arg(group()).arg(users()))
        .subcommand(
            sub("role", lang.about_group_role(), lang.usage_group_role()).arg(group()).arg(user()).arg(
                positional("role", lang.pick("ROLE", "РОЛЬ"), lang.help_group_role())
                    .required(true)
                    .value_parser(["owner", "admin", "member"]),
            ),
        )
        .subcommand(
            sub("title", lang.about_group_title(), lang.usage_group_title())
                .arg(group())
                .arg(positional("title", title, lang.help_group_title()).required(true)),
        )
        .subcommand(sub("leave", lang.about_group_leave(), lang.usage_group_leave()).arg(group()).arg(option(
            "successor",
            name,
            lang.help_successor(),
        )))
        .subcommand(sub("info", lang.about_group_info(), lang.usage_group_info()).arg(group()))
}
