//! `settings.md`: environment variables.

use hari_settings::SETTINGS;

use crate::table::{code, heading, table};

pub(crate) fn page() -> String {
    let rows = SETTINGS.iter().map(|setting| {
        [
            code(setting.name),
            setting.default.to_owned(),
            setting.help.to_owned(),
        ]
    });
    let introduction = "Environment variables that `hari` reads. An empty one counts as unset. A \
                        flag of the command line wins over the variable of the same meaning; \
                        a value that cannot be read ends the start with a message that names it.";
    let mut text = heading("Settings", "`base/settings`", introduction);
    text.push_str(&table(["Variable", "Default", "What it does"], rows));
    text
}
